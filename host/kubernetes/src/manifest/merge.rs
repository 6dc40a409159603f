//! Merges a pod template of the user into the engine's, like `kubectl patch --type=strategic`.
//!
//! Objects are merged, `null` removes, lists are replaced except for those that Kubernetes merges by a key.
//! Source: <https://github.com/kubernetes/community/blob/master/contributors/devel/sig-api-machinery/strategic-merge-patch.md>
//! and the `patchMergeKey` tags of `k8s.io/api/core/v1/types.go`.

use std::mem;

use serde_json::{Map, Value};
use toolhost_capability::request::{invalid, shortened};
use toolhost_capability::{CapabilityError, FieldPath, Reason};

/// The key of a patch's directive about the object or list that contains it.
const DIRECTIVE: &str = "$patch";
/// Maximum number of elements of a list that is merged by key: each is compared with each.
const MAX_ELEMENTS: usize = 1_000;

/// Returns the key that identifies the elements of a list; none where the list is replaced.
///
/// Tolerations have none in Kubernetes, so they are replaced.
pub(super) fn merge_key(list: &str) -> Option<&'static str> {
    Some(match list {
        "containers"
        | "initContainers"
        | "ephemeralContainers"
        | "env"
        | "volumes"
        | "imagePullSecrets"
        | "schedulingGates"
        | "resourceClaims" => "name",
        "volumeMounts" => "mountPath",
        "volumeDevices" => "devicePath",
        "ports" => "containerPort",
        "hostAliases" => "ip",
        "topologySpreadConstraints" => "topologyKey",
        "ownerReferences" => "uid",
        _ => return None,
    })
}

/// Merges `patch`, which the user wrote at `place` (a path such as `podTemplate`), into `base`.
///
/// # Errors
///
/// `InvalidRequest` for an unknown directive or an element without its key, `TooLarge` for a list of unreasonable
/// length.
pub(super) fn merge(
    base: &mut Value,
    patch: &Value,
    place: &FieldPath,
) -> Result<(), CapabilityError> {
    let Value::Object(patch) = patch else {
        *base = patch.clone();
        return Ok(());
    };
    match directive(patch, place)? {
        Some(Directive::Replace) => *base = Value::Object(Map::new()),
        Some(Directive::Delete) => {
            *base = Value::Null;
            return Ok(());
        }
        None => {}
    }
    if !base.is_object() {
        *base = Value::Object(Map::new());
    }
    let Value::Object(members) = base else {
        return Ok(());
    };
    for (key, value) in patch {
        if key == DIRECTIVE {
            continue;
        }
        let place = place.clone().key(shortened(key));
        match (value, merge_key(key)) {
            (Value::Null, _) => {
                members.shift_remove(key);
            }
            (Value::Array(elements), Some(merge_key)) => {
                let list = members
                    .entry(key)
                    .or_insert_with(|| Value::Array(Vec::new()));
                merge_list(list, elements, merge_key, &place)?;
            }
            _ => {
                merge(members.entry(key).or_insert(Value::Null), value, &place)?;
                if members.get(key).is_some_and(Value::is_null) {
                    members.shift_remove(key);
                }
            }
        }
    }
    Ok(())
}

/// Returns the part of a patch that has the type of Kubernetes, without directives.
pub(super) fn without_directives(patch: &Value) -> Value {
    match patch {
        Value::Object(members) => members
            .iter()
            .filter(|(key, _)| *key != DIRECTIVE)
            .map(|(key, value)| (key.clone(), without_directives(value)))
            .collect::<Map<_, _>>()
            .into(),
        Value::Array(elements) => elements.iter().map(without_directives).collect(),
        other => other.clone(),
    }
}

fn merge_list(
    base: &mut Value,
    patch: &[Value],
    key: &str,
    place: &FieldPath,
) -> Result<(), CapabilityError> {
    if patch.len() > MAX_ELEMENTS {
        let message = format!(
            "`{place}` has {} elements, more than {MAX_ELEMENTS}",
            patch.len()
        );
        return Err(CapabilityError::new(Reason::TooLarge, message).with_field(place.clone()));
    }
    let mut elements = match mem::take(base) {
        Value::Array(elements) => elements,
        _ => Vec::new(),
    };
    let mut replaces = false;
    for (index, element) in patch.iter().enumerate() {
        let is_bare_replace = element
            .as_object()
            .is_some_and(|members| members.len() == 1)
            && element.get(DIRECTIVE).and_then(Value::as_str) == Some("replace");
        replaces |= is_bare_replace;
        if replaces && is_bare_replace {
            elements.clear();
        }
        if is_bare_replace {
            continue;
        }
        merge_element(&mut elements, element, key, &place.clone().index(index))?;
    }
    *base = Value::Array(elements);
    Ok(())
}

fn merge_element(
    elements: &mut Vec<Value>,
    patch: &Value,
    key: &str,
    place: &FieldPath,
) -> Result<(), CapabilityError> {
    let Some(wanted) = patch.get(key).filter(|value| !value.is_null()) else {
        return Err(invalid(format!(
            "`{place}` has no `{key}`, the key by which it is merged"
        ))
        .with_field(place.clone()));
    };
    let known = elements
        .iter()
        .position(|element| element.get(key) == Some(wanted));
    let deletes = patch.get(DIRECTIVE).and_then(Value::as_str) == Some("delete");
    match (known, deletes) {
        (Some(position), true) => {
            elements.remove(position);
        }
        (None, true) => {
            let message = format!("`{place}` deletes something that does not exist");
            return Err(invalid(message).with_field(place.clone()));
        }
        (Some(position), false) => {
            if let Some(element) = elements.get_mut(position) {
                merge(element, patch, place)?;
            }
        }
        (None, false) => {
            let mut element = Value::Null;
            merge(&mut element, patch, place)?;
            elements.push(element);
        }
    }
    Ok(())
}

enum Directive {
    Replace,
    Delete,
}

fn directive(
    patch: &Map<String, Value>,
    place: &FieldPath,
) -> Result<Option<Directive>, CapabilityError> {
    match patch.get(DIRECTIVE) {
        None => Ok(None),
        Some(Value::String(text)) if text == "merge" => Ok(None),
        Some(Value::String(text)) if text == "replace" => Ok(Some(Directive::Replace)),
        Some(Value::String(text)) if text == "delete" => Ok(Some(Directive::Delete)),
        Some(_) => {
            let field = place.clone().key(DIRECTIVE);
            Err(
                invalid(format!("`{field}` must be `merge`, `replace` or `delete`"))
                    .with_field(field),
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn merged(base: &Value, patch: &Value) -> Result<Value, CapabilityError> {
        let mut merged = base.clone();
        merge(&mut merged, patch, &"podTemplate".into())?;
        Ok(merged)
    }

    #[test]
    fn a_patch_is_merged_as_by_kubectl() {
        let base = json!({"spec": {
            "containers": [{"name": "script", "env": [{"name": "A", "value": "1"}], "args": ["a"]}],
            "volumes": [{"name": "v", "emptyDir": {}}],
            "tolerations": [{"key": "a"}],
            "nodeSelector": {"a": "1", "b": "2"},
        }});
        for (patch, pointer, expected) in [
            // Lists with a key are merged by it.
            (
                json!({"containers": [{"name": "script", "image": "x"}, {"name": "proxy"}]}),
                "/containers",
                json!([
                    {"name": "script", "env": [{"name": "A", "value": "1"}], "args": ["a"],
                     "image": "x"},
                    {"name": "proxy"},
                ]),
            ),
            (
                json!({"containers": [{"name": "script", "env": [
                    {"name": "A", "value": "2"}, {"name": "B", "value": "3"}
                ]}]}),
                "/containers/0/env",
                json!([{"name": "A", "value": "2"}, {"name": "B", "value": "3"}]),
            ),
            // Other lists are replaced.
            (
                json!({"containers": [{"name": "script", "args": ["b"]}]}),
                "/containers/0/args",
                json!(["b"]),
            ),
            (
                json!({"tolerations": [{"key": "b"}]}),
                "/tolerations",
                json!([{"key": "b"}]),
            ),
            // `null` removes, objects are merged.
            (
                json!({"nodeSelector": {"a": null, "c": "3"}}),
                "/nodeSelector",
                json!({"b": "2", "c": "3"}),
            ),
            // Directives.
            (
                json!({"nodeSelector": {"$patch": "replace", "c": "3"}}),
                "/nodeSelector",
                json!({"c": "3"}),
            ),
            (
                json!({"volumes": [{"name": "v", "$patch": "delete"}]}),
                "/volumes",
                json!([]),
            ),
            (
                json!({"volumes": [{"$patch": "replace"}, {"name": "w"}]}),
                "/volumes",
                json!([{"name": "w"}]),
            ),
            (
                json!({"volumes": [{"name": "v", "$patch": "replace", "secret": {}}]}),
                "/volumes",
                json!([{"name": "v", "secret": {}}]),
            ),
        ] {
            let merged = merged(&base, &json!({"spec": patch})).unwrap();
            assert_eq!(merged["spec"].pointer(pointer), Some(&expected), "{patch}");
        }
        let gone = merged(
            &base,
            &json!({"spec": {"nodeSelector": {"$patch": "delete"}}}),
        )
        .unwrap();
        assert_eq!(gone["spec"].get("nodeSelector"), None);
    }

    #[test]
    fn meaningless_patches_are_refused() {
        let base = json!({"spec": {"containers": [{"name": "script"}]}});
        for (patch, field) in [
            (json!({"containers": [{"image": "x"}]}), "containers[0]"),
            (
                json!({"containers": [{"name": "x", "$patch": "delete"}]}),
                "containers[0]",
            ),
            (json!({"affinity": {"$patch": "drop"}}), "affinity.$patch"),
        ] {
            let error = merged(&base, &json!({"spec": patch})).unwrap_err();
            let expected = format!("podTemplate.spec.{field}");
            assert_eq!(error.explanation.field_text(), Some(expected), "{error}");
        }
        let many: Vec<_> = (0..=MAX_ELEMENTS)
            .map(|index| json!({"name": index}))
            .collect();
        let error = merged(&base, &json!({"spec": {"volumes": many}})).unwrap_err();
        assert_eq!(error.explanation.reason, Reason::TooLarge);
    }

    #[test]
    fn directives_are_removed() {
        let patch = json!({"a": [{"$patch": "replace"}, {"name": "b", "$patch": "delete"}]});
        assert_eq!(
            without_directives(&patch),
            json!({"a": [{}, {"name": "b"}]})
        );
    }
}
