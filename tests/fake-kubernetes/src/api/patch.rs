use serde_json::{Map, Value};

use crate::status::Refusal;

/// A JSON merge patch (RFC 7396). A strategic merge patch is taken for one: lists are replaced.
pub(super) fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Value::Object(target) = target else {
        return;
    };
    for (name, value) in patch {
        if value.is_null() {
            target.remove(name);
        } else {
            merge(target.entry(name.clone()).or_insert(Value::Null), value);
        }
    }
}

/// A JSON patch (RFC 6902), as far as `add`, `replace`, `remove` and `test`.
pub(super) fn apply(target: &mut Value, operations: &Value) -> Result<(), Refusal> {
    let operations = operations
        .as_array()
        .ok_or_else(|| Refusal::bad_request("a JSON patch is a list of operations"))?;
    for operation in operations {
        if one(target, operation).is_none() {
            let message = format!(
                "the server rejected our request due to an error in our request: {operation}"
            );
            return Err(Refusal::new(422, "Invalid", message));
        }
    }
    Ok(())
}

fn one(target: &mut Value, operation: &Value) -> Option<()> {
    let path = operation.get("path")?.as_str()?;
    let value = operation.get("value").cloned();
    let (parent, key) = path.rsplit_once('/')?;
    let key = key.replace("~1", "/").replace("~0", "~");
    match operation.get("op")?.as_str()? {
        "test" => (target.pointer(path) == value.as_ref()).then_some(()),
        "replace" => {
            *target.pointer_mut(path)? = value?;
            Some(())
        }
        "add" => match target.pointer_mut(parent)? {
            Value::Object(map) => {
                map.insert(key, value?);
                Some(())
            }
            Value::Array(list) if key == "-" => {
                list.push(value?);
                Some(())
            }
            Value::Array(list) => {
                let place = key.parse().ok().filter(|place| *place <= list.len())?;
                list.insert(place, value?);
                Some(())
            }
            _ => None,
        },
        "remove" => match target.pointer_mut(parent)? {
            Value::Object(map) => map.remove(&key).map(drop),
            Value::Array(list) => {
                let place = key.parse().ok().filter(|place| *place < list.len())?;
                list.remove(place);
                Some(())
            }
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn merges_and_removes() {
        let mut target = json!({"spec": {"suspend": true, "a": 1}, "list": [1, 2]});
        merge(
            &mut target,
            &json!({"spec": {"suspend": false, "a": null}, "list": [3]}),
        );
        assert_eq!(target, json!({"spec": {"suspend": false}, "list": [3]}));
    }

    #[test]
    fn applies_operations() {
        let mut target = json!({"metadata": {"labels": {"a/b": "1"}}});
        let operations = json!([
            {"op": "test", "path": "/metadata/labels/a~1b", "value": "1"},
            {"op": "add", "path": "/metadata/labels/c", "value": "2"},
            {"op": "remove", "path": "/metadata/labels/a~1b"},
        ]);
        apply(&mut target, &operations).unwrap();
        assert_eq!(target, json!({"metadata": {"labels": {"c": "2"}}}));
        let failing = json!([{"op": "test", "path": "/metadata/labels/c", "value": "3"}]);
        assert_eq!(apply(&mut target, &failing).unwrap_err().code, 422);
    }
}
