//! The keys of a tool's configuration for the values of its requests.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::capability::{Explanation, FieldPath};

/// The maximum number of keys; an object has nine options, and a job about a hundred.
const MAX_KEYS: usize = 256;

/// Where a tool's configuration has the values of its requests, so that an explanation of an engine or a source, which
/// only knows the request, names the key that the user wrote.
#[derive(Debug, Default)]
pub(crate) struct RequestFields {
    objects: Keys,
    jobs: Keys,
}

/// The same as in a description: the keys of requests for objects and jobs, by the path of the value in the request. The
/// empty path stands for all others.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct DescribedFields {
    objects: BTreeMap<String, String>,
    jobs: BTreeMap<String, String>,
}

/// Paths in the request with their keys, the longest first.
#[derive(Debug, Default)]
struct Keys(Vec<(FieldPath, FieldPath)>);

impl RequestFields {
    /// # Errors
    ///
    /// What is wrong with them, for the author of the tool.
    pub(crate) fn new(described: &DescribedFields) -> Result<Self, String> {
        Ok(Self {
            objects: Keys::new(&described.objects)?,
            jobs: Keys::new(&described.jobs)?,
        })
    }

    /// All keys of the configuration.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &FieldPath> {
        let all = self.objects.0.iter().chain(&self.jobs.0);
        all.map(|(_, key)| key)
            .filter(|key| !key.segments().is_empty())
    }

    /// The explanation of a failed request for an object, in the words of the tool's configuration.
    pub(crate) fn explain_object(&self, why: Explanation) -> Explanation {
        self.objects.explain(why)
    }

    /// The same for a job.
    pub(crate) fn explain_job(&self, why: Explanation) -> Explanation {
        self.jobs.explain(why)
    }
}

impl Keys {
    fn new(described: &BTreeMap<String, String>) -> Result<Self, String> {
        if described.len() > MAX_KEYS {
            let keys = described.len();
            return Err(format!(
                "its `fields` have {keys} keys; at most {MAX_KEYS} are allowed"
            ));
        }
        let parse = |(request, key): (&String, &String)| {
            let path = |text: &str| {
                text.parse::<FieldPath>()
                    .map_err(|error| format!("invalid path `{text}` in its `fields`: {error}"))
            };
            let request = match request.as_str() {
                "" => FieldPath::default(),
                request => path(request)?,
            };
            // The tool has the keys of the request itself.
            let is_same = request.segments().is_empty() && key.is_empty();
            let key = if is_same {
                FieldPath::default()
            } else {
                path(key)?
            };
            Ok::<_, String>((request, key))
        };
        let mut keys = described.iter().map(parse).collect::<Result<Vec<_>, _>>()?;
        keys.sort_by_key(|(request, _)| std::cmp::Reverse(request.segments().len()));
        Ok(Self(keys))
    }

    /// The key of a value; `None` if the tool has none for it.
    fn key(&self, field: &FieldPath) -> Option<FieldPath> {
        let mut keys = self.0.iter();
        keys.find_map(|(request, key)| Some(key.clone().join(field.strip_prefix(request)?)))
    }

    /// A hint is dropped if it names a value that has no key. The path of such a value is kept, since the tool may interpret
    /// it.
    fn explain(&self, why: Explanation) -> Explanation {
        Explanation {
            hint: why
                .hint
                .and_then(|hint| hint.map_fields(|field| self.key(&field))),
            field: why.field.map(|field| self.key(&field).unwrap_or(field)),
            ..why
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::capability::{Hint, Reason};

    fn fields(jobs: &[(&str, &str)]) -> Result<RequestFields, String> {
        let jobs: BTreeMap<_, _> = jobs.iter().copied().collect();
        let described = serde_json::from_value(json!({"jobs": jobs})).unwrap();
        RequestFields::new(&described)
    }

    #[test]
    fn the_longest_path_that_fits_is_replaced() {
        let fields = fields(&[
            ("", "job"),
            ("command", "run"),
            ("environment", "job.env"),
            ("environment.NOETL_ARGS", "arguments"),
        ]);
        let fields = fields.unwrap();
        for (request, key) in [
            ("image", "job.image"),
            ("command", "run"),
            ("environment.A", "job.env.A"),
            ("environment.NOETL_ARGS", "arguments"),
            ("volumes[1].name", "job.volumes[1].name"),
        ] {
            let why = Explanation::new(Reason::InvalidRequest, "m")
                .with_field(request)
                .with_hint(Hint::from("set ").field(request));
            let why = fields.explain_job(why);
            assert_eq!(why.field_text().as_deref(), Some(key));
            assert_eq!(why.hint_text(), Some(format!("set `{key}`")));
        }
    }

    #[test]
    fn a_tool_may_have_the_keys_of_the_request() {
        let fields = fields(&[("", ""), ("environment", "env")]).unwrap();
        for (request, key) in [("image", "image"), ("environment.A", "env.A")] {
            let why = Explanation::new(Reason::InvalidRequest, "m")
                .with_hint(Hint::default().field(request));
            let hint = fields.explain_job(why).hint_text();
            assert_eq!(hint, Some(format!("`{key}`")));
        }
        let keys: Vec<_> = fields.keys().map(ToString::to_string).collect();
        assert_eq!(keys, ["env"]);
    }

    #[test]
    fn a_hint_that_names_a_value_without_a_key_is_left_out() {
        let fields = fields(&[("command", "run")]).unwrap();
        let why = Explanation::new(Reason::InvalidRequest, "m").with_field("image");
        let hint = Hint::from("set ").field("image");
        assert_eq!(fields.explain_job(why.clone().with_hint(hint)), why.clone());
        let plain = why.with_hint("check the registry");
        assert_eq!(fields.explain_job(plain.clone()), plain);
        assert_eq!(fields.explain_object(plain.clone()), plain);
    }

    #[test]
    fn what_is_not_a_path_is_refused() {
        for (request, key, part) in [
            ("image", "", "invalid path ``"),
            ("a..b", "run", "invalid path `a..b`"),
        ] {
            let problem = fields(&[(request, key)]).unwrap_err();
            assert!(problem.contains(part), "{problem}");
        }
        let many: Vec<_> = (0..=MAX_KEYS).map(|index| format!("x{index}")).collect();
        let many: Vec<_> = many.iter().map(|name| (name.as_str(), "run")).collect();
        assert!(fields(&many).unwrap_err().contains("at most 256"));
    }
}
