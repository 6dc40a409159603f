//! NoETL's names of keys of Kubernetes' objects.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use noetl_tool_sdk::{Error, code};
use serde_json::value::RawValue;

/// The keys of NoETL's container tool in `volumes`, `volume_mounts` and `tolerations`, and those of Kubernetes.
const KEYS: [(&str, &str); 10] = [
    ("claim_name", "claimName"),
    ("config_map", "configMap"),
    ("empty_dir", "emptyDir"),
    ("mount_path", "mountPath"),
    ("persistent_volume_claim", "persistentVolumeClaim"),
    ("read_only", "readOnly"),
    ("secret_name", "secretName"),
    ("size_limit", "sizeLimit"),
    ("sub_path", "subPath"),
    ("toleration_seconds", "tolerationSeconds"),
];
/// Keys, as Kubernetes names them, whose values are objects in which NoETL has names of its own. Other objects may have keys
/// that belong to the user, such as the attributes of a CSI volume.
const OBJECTS: [&str; 4] = ["configMap", "emptyDir", "persistentVolumeClaim", "secret"];

type Members = BTreeMap<String, Box<RawValue>>;

/// Replaces NoETL's names in the objects of a list.
///
/// # Errors
///
/// `InvalidRequest` if it is not a list of objects, and for a key that is given in both spellings.
pub(crate) fn kubernetes_names(
    key: &str,
    list: Option<Box<RawValue>>,
) -> Result<Option<Box<RawValue>>, Error> {
    let Some(list) = list else { return Ok(None) };
    let items: Vec<Members> = serde_json::from_str(list.get())
        .map_err(|error| Error::invalid(key, format!("invalid `{key}`: {error}")))?;
    let renamed = items.into_iter().enumerate();
    let renamed = renamed.map(|(index, members)| object(members, &format!("{key}[{index}]")));
    let renamed = renamed.collect::<Result<Vec<_>, _>>()?;
    raw(&renamed).map(Some)
}

fn object(members: Members, path: &str) -> Result<Members, Error> {
    let mut renamed = Members::new();
    for (key, value) in members {
        let mut keys = KEYS.iter();
        let name = keys.find_map(|(noetl, kubernetes)| (*noetl == key).then_some(*kubernetes));
        let name = name.map_or_else(|| key.clone(), String::from);
        let value = if OBJECTS.contains(&name.as_str()) {
            // What is not an object is an error of the engine.
            match serde_json::from_str(value.get()) {
                Ok(inner) => raw(&object(inner, &format!("{path}.{key}"))?)?,
                Err(_) => value,
            }
        } else {
            value
        };
        if renamed.insert(name, value).is_some() {
            let field = format!("{path}.{key}");
            let message = format!("`{field}` is given twice");
            return Err(Error::invalid(field, message));
        }
    }
    Ok(renamed)
}

fn raw<T: serde::Serialize>(value: &T) -> Result<Box<RawValue>, Error> {
    serde_json::value::to_raw_value(value).map_err(|error| {
        let message = format!("a list cannot be written as JSON: {error}");
        Error::new(code::INTERNAL, message)
    })
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use serde_json::{Value, json};

    use super::*;

    fn renamed(list: &Value) -> Result<Value, Error> {
        let list = RawValue::from_string(list.to_string()).unwrap();
        let renamed = kubernetes_names("volumes", Some(list))?;
        Ok(serde_json::from_str(renamed.unwrap().get()).unwrap())
    }

    #[test]
    fn replaces_the_names_of_noetl_alone() {
        let written = json!([
            {"name": "a", "empty_dir": {"size_limit": "1Gi", "medium": "Memory"}},
            {"name": "b", "persistent_volume_claim": {"claim_name": "c", "read_only": true}},
            {"name": "d", "secret": {"secret_name": "s"}},
            {"name": "e", "csi": {"driver": "x", "volumeAttributes": {"read_only": "y"}, "read_only": true}},
            {"name": "f", "configMap": null},
            {"name": "g", "mount_path": "/g", "sub_path": "x"},
        ]);
        let expected = json!([
            {"name": "a", "emptyDir": {"sizeLimit": "1Gi", "medium": "Memory"}},
            {"name": "b", "persistentVolumeClaim": {"claimName": "c", "readOnly": true}},
            {"name": "d", "secret": {"secretName": "s"}},
            {"name": "e", "csi": {"driver": "x", "volumeAttributes": {"read_only": "y"}, "read_only": true}},
            {"name": "f", "configMap": null},
            {"name": "g", "mountPath": "/g", "subPath": "x"},
        ]);
        assert_eq!(renamed(&written).unwrap(), expected);
    }

    #[test]
    fn a_key_in_both_spellings_is_refused() {
        let error = renamed(&json!([{"empty_dir": {}, "emptyDir": {}}])).unwrap_err();
        assert_eq!(error.field(), Some("volumes[0].empty_dir"));
    }
}
