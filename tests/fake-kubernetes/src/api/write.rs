use bytes::Bytes;
use serde_json::{Value, json};

use super::decoding::check_quantities;
use super::patch;
use super::read::Selection;
use super::validation::{check, check_change, set_controller_labels, set_defaults};
use super::{Api, body_of, key, shaped, unknown_namespace};
use crate::body::{self, Answer};
use crate::call::Call;
use crate::json::{entry, is_deleted, number, object, text};
use crate::kind::{JOBS, Kind, NAMESPACES};
use crate::status::Refusal;
use crate::store::{Deletion, Key, Propagation, Store};

pub(super) fn create(
    api: &Api,
    kind: &'static Kind,
    call: &Call,
    body: &Bytes,
) -> Result<Answer, Refusal> {
    let mut value = body_of(kind, body)?;
    if !value.is_object() {
        return Err(Refusal::bad_request("the body is not an object"));
    }
    for (field, expected) in [("kind", kind.name), ("apiVersion", kind.api_version())] {
        if let Some(actual) = value.get(field).and_then(Value::as_str)
            && actual != expected
        {
            let message = format!(
                "the {field} in the data ({actual}) does not match the expected {expected}"
            );
            return Err(Refusal::bad_request(message));
        }
    }
    let named = text(&value, "/metadata/namespace");
    if kind.is_namespaced && !named.is_empty() && named != call.namespace {
        let message =
            "the namespace of the provided object does not match the namespace sent on the request";
        return Err(Refusal::bad_request(message));
    }
    set_defaults(kind, &mut value);
    check_quantities(kind, &value)?;
    check(kind, &value)?;
    if kind.is_namespaced {
        let namespace = api.store.get(&Key::new(&NAMESPACES, "", &call.namespace));
        let namespace = namespace.ok_or_else(|| unknown_namespace(&call.namespace))?;
        if is_deleted(&namespace) {
            let (name, kind) = (text(&value, "/metadata/name"), kind.resource);
            let namespace = &call.namespace;
            let message = format!(
                "{kind} \"{name}\" is forbidden: unable to create new content in namespace {namespace} because \
                 it is being terminated"
            );
            return Err(Refusal::new(403, "Forbidden", message));
        }
    }
    let name = text(&value, "/metadata/name").to_owned();
    let key = key(kind, call, &name);
    // What only the server may say.
    if kind == &JOBS {
        *entry(&mut value, "status") = json!({});
    }
    let is_dry = call.parameter("dryRun").is_some();
    let created = api.store.create_with(&key, value, is_dry, |value, uid| {
        if kind == &JOBS {
            set_controller_labels(value, uid);
        }
    })?;
    Ok(body::json(201, &shaped(call, &created)))
}

pub(super) fn patch(
    api: &Api,
    kind: &'static Kind,
    call: &Call,
    body: &Bytes,
) -> Result<Answer, Refusal> {
    let changes = body_of(kind, body)?;
    let key = key(kind, call, &call.name);
    change(api, &key, call, |value| {
        if changes.is_array() {
            patch::apply(value, &changes)
        } else {
            patch::merge(value, &changes);
            Ok(())
        }
    })
}

pub(super) fn replace(
    api: &Api,
    kind: &'static Kind,
    call: &Call,
    body: &Bytes,
) -> Result<Answer, Refusal> {
    let mut new = body_of(kind, body)?;
    set_defaults(kind, &mut new);
    let key = key(kind, call, &call.name);
    change(api, &key, call, |value| {
        *value = new;
        Ok(())
    })
}

/// Changes what a client may change: not the status, unless it is what the request names.
fn change(
    api: &Api,
    key: &Key,
    call: &Call,
    apply: impl FnOnce(&mut Value) -> Result<(), Refusal>,
) -> Result<Answer, Refusal> {
    let is_status = call.subresource == "status";
    let checked = |value: &mut Value| {
        let old = value.clone();
        apply(value)?;
        let version = text(value, "/metadata/resourceVersion");
        if !version.is_empty() && version != text(&old, "/metadata/resourceVersion") {
            return Err(key.conflict(
                "the object has been modified; please apply your changes to the latest version and try again",
            ));
        }
        let uid = text(value, "/metadata/uid");
        if !uid.is_empty() && uid != text(&old, "/metadata/uid") {
            return Err(key.conflict("Precondition failed: UID in precondition differs"));
        }
        keep(value, &old, is_status);
        check(key.kind, value)?;
        check_change(key.kind, &old, value)
    };
    if call.parameter("dryRun").is_some() {
        let mut value = Value::clone(&*api.store.get(key).ok_or_else(|| key.not_found())?);
        checked(&mut value)?;
        return Ok(body::json(200, &shaped(call, &value)));
    }
    let value = api.store.update(key, checked)?;
    Ok(body::json(200, &shaped(call, &value)))
}

fn keep(value: &mut Value, old: &Value, is_status: bool) {
    let parts: &[&str] = if is_status {
        &["spec", "data"]
    } else {
        &["status"]
    };
    for part in parts {
        match (old.get(part), value.as_object_mut()) {
            (Some(old), Some(fields)) => drop(fields.insert((*part).to_owned(), old.clone())),
            (None, Some(fields)) => drop(fields.remove(*part)),
            _ => {}
        }
    }
    let metadata = object(value, "metadata");
    for field in [
        "uid",
        "creationTimestamp",
        "resourceVersion",
        "generation",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "name",
        "namespace",
    ] {
        match old.pointer(&format!("/metadata/{field}")) {
            Some(old) => drop(metadata.insert(field.to_owned(), old.clone())),
            None => drop(metadata.remove(field)),
        }
    }
}

pub(super) fn delete(
    api: &Api,
    kind: &'static Kind,
    call: &Call,
    body: &Bytes,
) -> Result<Answer, Refusal> {
    let key = key(kind, call, &call.name);
    let deletion = deletion(call, body)?;
    let object = api.store.delete(&key, &deletion)?;
    if Store::is_kept(&key, &object) || kind.resource == "pods" {
        return Ok(body::json(200, &shaped(call, &object)));
    }
    let status = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success",
        "details": {
            "name": call.name, "group": kind.group, "kind": kind.resource,
            "uid": text(&object, "/metadata/uid"),
        },
    });
    Ok(body::json(200, &status))
}

pub(super) fn delete_collection(
    api: &Api,
    kind: &'static Kind,
    call: &Call,
    body: &Bytes,
) -> Result<Answer, Refusal> {
    let selection = Selection::of(call)?;
    let deletion = deletion(call, body)?;
    let (mut objects, version) = api.store.list(kind, &selection.namespace);
    objects.retain(|object| selection.matches(object));
    let mut items = Vec::new();
    for object in objects {
        // One that is gone by now needs no deletion.
        if let Ok(object) = api.store.delete(&Key::of(kind, &object), &deletion) {
            items.push(Value::clone(&object));
        }
    }
    let list = json!({
        "kind": format!("{}List", kind.name), "apiVersion": kind.api_version(),
        "metadata": {"resourceVersion": version.to_string()}, "items": items,
    });
    Ok(body::json(200, &list))
}

/// The options, which clients put into the body or into the query.
fn deletion(call: &Call, body: &Bytes) -> Result<Deletion, Refusal> {
    let options: Value = if body.is_empty() {
        json!({})
    } else {
        serde_json::from_slice(body).map_err(|error| Refusal::bad_request(error.to_string()))?
    };
    let option = |path: &str| Some(text(&options, path).to_owned()).filter(|text| !text.is_empty());
    let policy = option("/propagationPolicy");
    let policy = policy.as_deref().or(call.parameter("propagationPolicy"));
    let orphans = options.get("orphanDependents").and_then(Value::as_bool);
    let propagation = match (policy, orphans) {
        (Some("Foreground"), _) => Some(Propagation::Foreground),
        (Some("Background"), _) | (None, Some(false)) => Some(Propagation::Background),
        (Some("Orphan"), _) | (None, Some(true)) => Some(Propagation::Orphan),
        (None, None) => None,
        (Some(other), _) => {
            return Err(Refusal::new(
                422,
                "Invalid",
                format!(
                    "DeleteOptions.meta.k8s.io \"\" is invalid: propagationPolicy: Unsupported value: \"{other}\""
                ),
            ));
        }
    };
    let grace = call
        .parameter("gracePeriodSeconds")
        .and_then(|seconds| seconds.parse().ok());
    Ok(Deletion {
        propagation,
        grace_seconds: number(&options, "/gracePeriodSeconds").or(grace),
        uid: option("/preconditions/uid"),
        version: option("/preconditions/resourceVersion"),
        is_dry: options
            .get("dryRun")
            .is_some_and(|dry| dry.as_array().is_some_and(|dry| !dry.is_empty()))
            || call.parameter("dryRun").is_some(),
    })
}
