//! What a user's pod template may not change, because the engine would not work without it.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    Container, EnvVar, PodSpec, PodTemplateSpec, Volume, VolumeMount,
};
use serde_json::{Map, Value};
use toolhost_capability::request::{invalid, shortened};
use toolhost_capability::{
    ARGUMENTS_FILE_VARIABLE, ARGUMENTS_VARIABLE, CapabilityError, FieldPath, Hint, SCRIPT_VARIABLE,
};

use super::options::{POD_TEMPLATE, is_own_place, taken_place};
use super::storage::VOLUME_PREFIX;
use crate::names::{JOIN_CONTAINER, OWN_ANNOTATIONS, SCRIPT_CONTAINER};

/// What the metadata of a pod template may contain.
const METADATA: [&str; 2] = ["annotations", "labels"];

/// Compares the template before and after `patch` was merged into it.
///
/// # Errors
///
/// `InvalidRequest` with the path of what may not be changed.
pub(super) fn check(
    before: &PodTemplateSpec,
    after: &PodTemplateSpec,
    patch: &Value,
) -> Result<(), CapabilityError> {
    check_labels(before, after)?;
    check_metadata(after)?;
    let annotations = after.metadata.iter().flat_map(|it| &it.annotations);
    let place = below_template(FieldPath::from("metadata.annotations"));
    check_annotations(annotations.flat_map(BTreeMap::keys), &place)?;
    let (Some(before), Some(after)) = (&before.spec, &after.spec) else {
        return Err(refused("spec", "removes the pod"));
    };
    check_pod(before, after)?;
    let script = script(after).ok_or_else(|| {
        refused(
            "spec.containers",
            "removes the container `script`, which runs the script",
        )
    })?;
    let place = place_of_script(patch);
    match self::script(before) {
        Some(before) => check_script(before, script, &place),
        None => Ok(()),
    }
}

/// Checks the names of annotations, which are set at `place`.
///
/// # Errors
///
/// `InvalidRequest` where one is the engine's own.
pub(super) fn check_annotations<'a>(
    names: impl IntoIterator<Item = &'a String>,
    place: &FieldPath,
) -> Result<(), CapabilityError> {
    let mut names = names.into_iter();
    let Some(name) = names.find(|name| OWN_ANNOTATIONS.contains(&name.as_str())) else {
        return Ok(());
    };
    let field = place.clone().key(name.clone());
    let message = format!("`{field}` is reserved for the engine");
    Err(invalid(message)
        .with_hint("use another name")
        .with_field(field))
}

fn check_labels(before: &PodTemplateSpec, after: &PodTemplateSpec) -> Result<(), CapabilityError> {
    let labels = |template: &PodTemplateSpec| {
        let metadata = template.metadata.as_ref();
        metadata
            .and_then(|metadata| metadata.labels.clone())
            .unwrap_or_default()
    };
    let after = labels(after);
    for (name, value) in labels(before) {
        if after.get(&name) != Some(&value) {
            let place = FieldPath::from("metadata.labels").key(shortened(&name));
            return Err(refused(place, "changes a label that the job has")
                .with_hint(Hint::from("use another name, or set the label in ").field("labels")));
        }
    }
    Ok(())
}

/// A pod of a job has labels and annotations of its user. Owners and finalizers would tie it to objects that the user
/// need not have a right to, or keep it forever; the Job controller ignores the rest.
fn check_metadata(after: &PodTemplateSpec) -> Result<(), CapabilityError> {
    let metadata = serde_json::to_value(&after.metadata).unwrap_or_default();
    let mut keys = metadata.as_object().into_iter().flat_map(Map::keys);
    let Some(key) = keys.find(|key| !METADATA.contains(&key.as_str())) else {
        return Ok(());
    };
    let what = "is set: the pods of a job have labels and annotations, and nothing else";
    Err(refused(FieldPath::from("metadata").key(key.clone()), what).with_hint("remove it"))
}

fn check_pod(before: &PodSpec, after: &PodSpec) -> Result<(), CapabilityError> {
    if after.restart_policy.as_deref() != Some("Never") {
        return Err(refused(
            "spec.restartPolicy",
            "must be `Never`: each attempt is a pod of its own, with its own log",
        )
        .with_hint(Hint::from("set the number of retries with ").field("backoffLimit")));
    }
    if own_volumes(before) != own_volumes(after) {
        return Err(refused(
            "spec.volumes",
            "changes a volume with a name that begins with `noetl-`: those names are reserved for the engine",
        ));
    }
    let init_containers = after.init_containers.iter().flatten();
    let mut names = init_containers.chain(&after.containers);
    if names.any(|container| container.name == JOIN_CONTAINER) {
        return Err(refused(
            "spec.initContainers",
            "has a container `noetl-join`: that name is reserved for the engine",
        ));
    }
    Ok(())
}

fn check_script(
    before: &Container,
    after: &Container,
    place: &FieldPath,
) -> Result<(), CapabilityError> {
    if before.command != after.command {
        return Err(refused(place.clone().key("command"), "changes the command")
            .with_hint(Hint::from("set ").field("command").text(" instead")));
    }
    if before.args.is_some() && before.args != after.args {
        return Err(refused(
            place.clone().key("args"),
            "changes the arguments of the command",
        )
        .with_hint(Hint::from("set ").field("args").text(" instead")));
    }
    for name in [ARGUMENTS_FILE_VARIABLE, ARGUMENTS_VARIABLE, SCRIPT_VARIABLE] {
        if variable(before, name) != variable(after, name) {
            let what =
                format!("changes the variable `{name}`, which the script uses to find its files");
            return Err(refused(place.clone().key("env"), &what));
        }
    }
    let is_known = |mount: &&VolumeMount| mounts(before).any(|known| known == *mount);
    let new = mounts(after).find(|mount| !is_known(mount));
    if let Some(mount) = new {
        let field = below_template(place.clone().key("volumeMounts"));
        return Err(taken_place(&mount.mount_path, field));
    }
    if let Some(path) = after.termination_message_path.as_deref()
        && is_own_place(path)
    {
        let field = below_template(place.clone().key("terminationMessagePath"));
        return Err(taken_place(path, field));
    }
    let mut devices = after.volume_devices.iter().flatten();
    if let Some(device) = devices.find(|device| is_own_place(&device.device_path)) {
        let field = below_template(place.clone().key("volumeDevices"));
        return Err(taken_place(&device.device_path, field));
    }
    if mounts(before).count() != mounts(after).count() {
        return Err(refused(
            place.clone().key("volumeMounts"),
            "removes the mount of the script and its arguments",
        ));
    }
    Ok(())
}

fn script(spec: &PodSpec) -> Option<&Container> {
    let mut containers = spec.containers.iter();
    containers.find(|container| container.name == SCRIPT_CONTAINER)
}

fn own_volumes(spec: &PodSpec) -> Vec<&Volume> {
    let volumes = spec.volumes.iter().flatten();
    volumes
        .filter(|volume| volume.name.starts_with(VOLUME_PREFIX))
        .collect()
}

fn variable<'a>(container: &'a Container, name: &str) -> Option<&'a EnvVar> {
    let mut variables = container.env.iter().flatten();
    variables.find(|variable| variable.name == name)
}

/// Returns the mounts at the engine's own paths.
fn mounts(container: &Container) -> impl Iterator<Item = &VolumeMount> {
    let mounts = container.volume_mounts.iter().flatten();
    mounts.filter(|mount| is_own_place(&mount.mount_path))
}

/// Returns the path at which the user configured the script's container.
fn place_of_script(patch: &Value) -> FieldPath {
    let containers = patch.pointer("/spec/containers").and_then(Value::as_array);
    let is_script =
        |container: &Value| container.get("name").and_then(Value::as_str) == Some(SCRIPT_CONTAINER);
    let index = containers.and_then(|containers| containers.iter().position(is_script));
    let containers = FieldPath::from("spec.containers");
    match index {
        Some(index) => containers.index(index),
        None => containers,
    }
}

fn below_template(place: FieldPath) -> FieldPath {
    FieldPath::from(POD_TEMPLATE).join(place)
}

fn refused(place: impl Into<FieldPath>, what: &str) -> CapabilityError {
    let field = below_template(place.into());
    invalid(format!("`{field}` {what}")).with_field(field)
}
