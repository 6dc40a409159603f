//! Deserializes what a user wrote into the types of Kubernetes without ignoring any of it.
//!
//! The types of `k8s-openapi` skip unknown keys, and report for a wrong type only that it is wrong. This deserializer
//! rejects unknown keys, and reports the path and the value that it found.

use std::fmt;

use serde::de::value::StrDeserializer;
use serde::de::{self, DeserializeOwned, DeserializeSeed, IntoDeserializer, MapAccess, SeqAccess};
use serde::forward_to_deserialize_any;
use serde_json::{Number, Value};
use toolhost_capability::request::{invalid, shortened};
use toolhost_capability::text::{all_of, did_you_mean};
use toolhost_capability::{CapabilityError, FieldPath};

/// Maximum number of known keys that a message lists; a pod has forty.
const MAX_LISTED: usize = 12;

/// Reads a value that the user wrote at `path`, such as `job.tolerations`.
///
/// A number or boolean where a string is expected is converted to a string, and a string that is an integer where one
/// is expected is converted to an integer: values pass through templates and through servers that change one into the
/// other.
///
/// # Errors
///
/// `InvalidRequest` with the path of an unknown key or a wrong type.
pub(super) fn read<T: DeserializeOwned>(
    value: &Value,
    path: &FieldPath,
) -> Result<T, CapabilityError> {
    T::deserialize(Strict {
        value,
        path: Path::Root(path),
    })
    .map_err(|problem| {
        let field = problem.field.unwrap_or_else(|| path.clone());
        let error = invalid(format!("`{field}`: {}", problem.message)).with_field(field);
        match problem.hint {
            Some(hint) => error.with_hint(hint),
            None => error,
        }
    })
}

/// The path of a value.
#[derive(Clone, Copy)]
enum Path<'a> {
    Root(&'a FieldPath),
    Key(&'a Path<'a>, &'a str),
    Index(&'a Path<'a>, usize),
}

impl Path<'_> {
    fn field(&self) -> FieldPath {
        match self {
            Self::Root(root) => (*root).clone(),
            Self::Key(parent, key) => parent.field().key(shortened(key)),
            Self::Index(parent, index) => parent.field().index(*index),
        }
    }
}

/// What is wrong, and where.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
struct Problem {
    message: String,
    hint: Option<String>,
    /// None until an enclosing value sets it.
    field: Option<FieldPath>,
}

impl Problem {
    fn at(mut self, path: &Path<'_>) -> Self {
        self.field.get_or_insert_with(|| path.field());
        self
    }

    fn expected(what: &str, value: &Value, path: &Path<'_>) -> Self {
        let found = match value {
            Value::Null => "nothing",
            Value::Bool(_) => "a boolean",
            Value::Number(_) => "a number",
            Value::String(_) => "a string",
            Value::Array(_) => "a list",
            Value::Object(_) => "an object",
        };
        Self {
            message: format!("expected {what}, found {found}"),
            hint: None,
            field: Some(path.field()),
        }
    }

    fn unknown_key(key: &str, known: &[&str], path: &Path<'_>) -> Self {
        let hint = match did_you_mean(key, known.iter().copied()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None if known.len() <= MAX_LISTED => format!("expected {}", all_of(known)),
            None => "list the valid keys with `kubectl explain pod.spec`".to_owned(),
        };
        Self {
            message: "unknown key".to_owned(),
            hint: Some(hint),
            field: Some(Path::Key(path, key).field()),
        }
    }
}

impl de::Error for Problem {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self {
            message: message.to_string(),
            hint: None,
            field: None,
        }
    }
}

#[derive(Clone, Copy)]
struct Strict<'a> {
    value: &'a Value,
    path: Path<'a>,
}

impl Strict<'_> {
    fn expected(&self, what: &str) -> Problem {
        Problem::expected(what, self.value, &self.path)
    }

    /// Returns the integer at this path.
    fn whole(&self) -> Result<i64, Problem> {
        let number = match self.value {
            Value::Number(number) => number.as_i64(),
            Value::String(text) => text.parse().ok(),
            _ => None,
        };
        number.ok_or_else(|| self.expected("a whole number"))
    }

    fn visit_object<'de, V: de::Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        let Value::Object(members) = self.value else {
            return Err(self.expected("an object"));
        };
        let path = self.path;
        let members = Members {
            entries: members.iter(),
            current: None,
            path: &path,
        };
        visitor.visit_map(members).map_err(|error| error.at(&path))
    }

    fn visit_list<'de, V: de::Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        let Value::Array(elements) = self.value else {
            return Err(self.expected("a list"));
        };
        let path = self.path;
        let elements = Elements {
            elements: elements.iter().enumerate(),
            path: &path,
        };
        visitor.visit_seq(elements).map_err(|error| error.at(&path))
    }
}

impl<'de> de::Deserializer<'de> for Strict<'_> {
    type Error = Problem;

    fn deserialize_any<V: de::Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        let visited = match self.value {
            Value::Null => visitor.visit_unit(),
            Value::Bool(truth) => visitor.visit_bool(*truth),
            Value::Number(number) => visit_number(number, visitor),
            Value::String(text) => visitor.visit_str(text),
            Value::Array(_) => return self.visit_list(visitor),
            Value::Object(_) => return self.visit_object(visitor),
        };
        visited.map_err(|problem| problem.at(&self.path))
    }

    fn deserialize_bool<V: de::Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        match self.value {
            Value::Bool(truth) => visitor.visit_bool(*truth),
            _ => Err(self.expected("`true` or `false`")),
        }
    }

    fn deserialize_i32<V: de::Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        let number = self.whole()?;
        let number = i32::try_from(number)
            .map_err(|_| self.expected("a whole number of at most 2147483647"))?;
        visitor.visit_i32(number)
    }

    fn deserialize_i64<V: de::Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        visitor.visit_i64(self.whole()?)
    }

    fn deserialize_string<V: de::Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        let visited: Result<_, Problem> = match self.value {
            Value::String(text) => visitor.visit_str(text),
            Value::Number(number) => visitor.visit_string(number.to_string()),
            Value::Bool(truth) => visitor.visit_string(truth.to_string()),
            _ => return Err(self.expected("a string")),
        };
        visited.map_err(|problem| problem.at(&self.path))
    }

    fn deserialize_str<V: de::Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        self.deserialize_string(visitor)
    }

    fn deserialize_option<V: de::Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        match self.value {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: de::Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Problem> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: de::Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        self.visit_list(visitor)
    }

    fn deserialize_map<V: de::Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        self.visit_object(visitor)
    }

    fn deserialize_struct<V: de::Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Problem> {
        let members = self.value.as_object().into_iter().flatten();
        for (key, _) in members {
            if !fields.contains(&key.as_str()) {
                return Err(Problem::unknown_key(key, fields, &self.path));
            }
        }
        self.visit_object(visitor)
    }

    forward_to_deserialize_any! {
        i8 i16 i128 u8 u16 u32 u64 u128 f32 f64 char bytes byte_buf unit unit_struct tuple
        tuple_struct enum identifier ignored_any
    }
}

fn visit_number<'de, V: de::Visitor<'de>>(
    number: &Number,
    visitor: V,
) -> Result<V::Value, Problem> {
    if let Some(number) = number.as_i64() {
        visitor.visit_i64(number)
    } else if let Some(number) = number.as_u64() {
        visitor.visit_u64(number)
    } else {
        visitor.visit_f64(number.as_f64().unwrap_or_default())
    }
}

struct Members<'a> {
    entries: serde_json::map::Iter<'a>,
    current: Option<(&'a str, &'a Value)>,
    path: &'a Path<'a>,
}

impl<'de> MapAccess<'de> for Members<'_> {
    type Error = Problem;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Problem> {
        let Some((key, value)) = self.entries.next() else {
            return Ok(None);
        };
        self.current = Some((key, value));
        let key: StrDeserializer<'_, Problem> = key.as_str().into_deserializer();
        seed.deserialize(key).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Problem> {
        let (key, value) = self.current.take().unwrap_or(("", &Value::Null));
        let path = Path::Key(self.path, key);
        let read = seed.deserialize(Strict { value, path });
        read.map_err(|problem| problem.at(&path))
    }
}

struct Elements<'a> {
    elements: std::iter::Enumerate<std::slice::Iter<'a, Value>>,
    path: &'a Path<'a>,
}

impl<'de> SeqAccess<'de> for Elements<'_> {
    type Error = Problem;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Problem> {
        let Some((index, value)) = self.elements.next() else {
            return Ok(None);
        };
        let path = Path::Index(self.path, index);
        let read = seed.deserialize(Strict { value, path });
        read.map(Some).map_err(|problem| problem.at(&path))
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::{Affinity, PodTemplateSpec, Toleration};
    use serde_json::json;

    use super::*;

    fn refusal<T: DeserializeOwned + fmt::Debug>(value: &Value) -> CapabilityError {
        read::<T>(value, &"x".into()).unwrap_err()
    }

    #[test]
    fn known_keys_are_read() {
        let pod = json!({
            "metadata": {"labels": {"a": 1, "b": true, "c": "d"}},
            "spec": {
                "hostNetwork": true,
                "terminationGracePeriodSeconds": "5",
                "containers": [{
                    "name": "script",
                    "resources": {"limits": {"cpu": 0.5, "nvidia.com/gpu": 1}},
                    "livenessProbe": {"httpGet": {"port": 80}},
                    "workingDir": null,
                }],
            },
        });
        let pod: PodTemplateSpec = read(&pod, &"podTemplate".into()).unwrap();
        let text = serde_json::to_value(&pod).unwrap();
        assert_eq!(
            text,
            json!({
                "metadata": {"labels": {"a": "1", "b": "true", "c": "d"}},
                "spec": {
                    "hostNetwork": true,
                    "terminationGracePeriodSeconds": 5,
                    "containers": [{
                        "name": "script",
                        "resources": {"limits": {"cpu": "0.5", "nvidia.com/gpu": "1"}},
                        "livenessProbe": {"httpGet": {"port": 80}},
                    }],
                },
            })
        );
    }

    #[test]
    fn an_unknown_key_is_named_with_what_may_be_meant() {
        for (value, field, hint) in [
            (
                json!({"spec": {"containers": [{"imagee": "x"}]}}),
                "x.spec.containers[0].imagee",
                "did you mean `image`?",
            ),
            (json!({"specs": {}}), "x.specs", "did you mean `spec`?"),
            (
                json!({"spec": {"zzz": {}}}),
                "x.spec.zzz",
                "list the valid keys with `kubectl explain pod.spec`",
            ),
            (
                json!({"spec": {"os": {"qqq": 1}}}),
                "x.spec.os.qqq",
                "expected `name`",
            ),
        ] {
            let error = refusal::<PodTemplateSpec>(&value);
            assert_eq!(error.explanation.field_text().as_deref(), Some(field));
            assert_eq!(error.explanation.hint_text().as_deref(), Some(hint));
            assert!(error.explanation.message.contains(field), "{error}");
        }
    }

    #[test]
    fn the_path_of_a_wrong_type_is_named() {
        let tolerations = json!([{"key": "a"}, {"operator": ["Exists"]}]);
        let error = refusal::<Vec<Toleration>>(&tolerations);
        assert_eq!(
            error.explanation.field_text().as_deref(),
            Some("x[1].operator")
        );
        assert!(
            error
                .explanation
                .message
                .contains("expected a string, found a list")
        );

        for (value, field) in [
            (json!([]), "x"),
            (json!({"nodeAffinity": "ssd"}), "x.nodeAffinity"),
            (
                json!({"podAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [
                    {"weight": 4_294_967_296_i64}
                ]}}),
                "x.podAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].weight",
            ),
            (
                json!({"podAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [
                    {"weight": 1.5}
                ]}}),
                "x.podAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].weight",
            ),
        ] {
            let error = refusal::<Affinity>(&value);
            assert_eq!(
                error.explanation.field_text().as_deref(),
                Some(field),
                "{error}"
            );
        }
    }

    #[test]
    fn a_long_key_is_not_repeated_in_full() {
        let error = refusal::<Toleration>(&json!({"k".repeat(1_000): 1}));
        assert!(error.explanation.message.len() < 300, "{error}");
    }
}
