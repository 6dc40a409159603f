//! The options of a job that configure the cluster.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{
    Affinity, EnvVar, LocalObjectReference, SecurityContext, Toleration, Volume, VolumeMount,
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use toolhost_capability::request::{invalid, shortened};
use toolhost_capability::text::all_of;
use toolhost_capability::{
    ARGUMENTS_FILE_VARIABLE, ARGUMENTS_VARIABLE, CapabilityError, FieldPath, FieldSegment, Hint,
    JobRequest, Reason, SCRIPT_VARIABLE,
};

use super::merge::merge;
use super::settings::ManifestSettings;
use super::storage::{MOUNT_ROOT, VOLUME_PREFIX};
use super::strict::read;

/// The path of the user's own template.
pub(super) const POD_TEMPLATE: &str = "podTemplate";
/// Maximum length of a namespace's name: it is a DNS label.
const MAX_NAMESPACE_BYTES: usize = 63;
/// Valid values of `imagePullPolicy`.
const PULL_POLICIES: [&str; 3] = ["Always", "IfNotPresent", "Never"];
/// The default pull policy of a job.
const DEFAULT_PULL_POLICY: &str = "IfNotPresent";
/// Settings that a pod has and a container does not have.
const SECURITY_OF_PODS: [&str; 5] = [
    "fsGroup",
    "fsGroupChangePolicy",
    "supplementalGroups",
    "supplementalGroupsPolicy",
    "sysctls",
];

/// The parsed and validated options.
#[derive(Debug)]
pub(super) struct Options {
    pub(super) namespace: String,
    pub(super) image: String,
    pub(super) image_pull_policy: String,
    pub(super) image_pull_secrets: Option<Vec<LocalObjectReference>>,
    pub(super) service_account_name: Option<String>,
    pub(super) node_selector: Option<BTreeMap<String, String>>,
    pub(super) tolerations: Option<Vec<Toleration>>,
    pub(super) affinity: Option<Affinity>,
    pub(super) priority_class_name: Option<String>,
    pub(super) runtime_class_name: Option<String>,
    pub(super) volumes: Vec<Volume>,
    pub(super) volume_mounts: Vec<VolumeMount>,
    pub(super) security_context: SecurityContext,
    pub(super) args: Option<Vec<String>>,
    pub(super) working_directory: Option<String>,
    /// Variables whose values the cluster has, in addition to the environment.
    pub(super) variables: Vec<EnvVar>,
    pub(super) ttl_seconds_after_finished: Option<i32>,
    pub(super) pod_template: Option<Value>,
}

impl Options {
    /// Reads the options of the request.
    ///
    /// # Errors
    ///
    /// `InvalidRequest` with the path of the value.
    pub(super) fn read(
        request: &JobRequest,
        settings: &ManifestSettings,
    ) -> Result<Self, CapabilityError> {
        let written = Written(&request.options);
        Ok(Self {
            namespace: namespace(written, settings)?,
            image: image(written, settings)?,
            image_pull_policy: image_pull_policy(written)?,
            image_pull_secrets: image_pull_secrets(written)?,
            service_account_name: written.read("serviceAccountName")?,
            node_selector: written.read("nodeSelector")?,
            tolerations: written.read("tolerations")?,
            affinity: written.read("affinity")?,
            priority_class_name: written.read("priorityClassName")?,
            runtime_class_name: written.read("runtimeClassName")?,
            volumes: volumes(written)?,
            volume_mounts: volume_mounts(written)?,
            security_context: security_context(written)?,
            args: args(written)?,
            working_directory: working_directory(written)?,
            variables: variables(written, request)?,
            ttl_seconds_after_finished: time_to_live(written)?,
            pod_template: written.get("podTemplate").cloned(),
        })
    }
}

/// The options as the user wrote them.
#[derive(Clone, Copy)]
struct Written<'a>(&'a BTreeMap<String, Value>);

impl<'a> Written<'a> {
    fn get(self, name: &str) -> Option<&'a Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    fn read<T: DeserializeOwned>(self, name: &'static str) -> Result<Option<T>, CapabilityError> {
        let value = self.get(name);
        value
            .map(|value| read(value, &FieldPath::default().key(name)))
            .transpose()
    }
}

fn namespace(written: Written<'_>, settings: &ManifestSettings) -> Result<String, CapabilityError> {
    let namespace: Option<String> = written.read("namespace")?;
    let namespace = namespace.unwrap_or_else(|| settings.default_namespace.clone());
    let is_end = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let is_label = namespace.len() <= MAX_NAMESPACE_BYTES
        && namespace.bytes().all(|byte| byte == b'-' || is_end(byte))
        && namespace.bytes().next().is_some_and(is_end)
        && namespace.bytes().next_back().is_some_and(is_end);
    if is_label {
        return Ok(namespace);
    }
    let message = format!(
        "invalid namespace `{}`: expected a DNS label of at most 63 characters",
        shortened(&namespace)
    );
    Err(invalid(message)
        .with_hint(
            "use at most 63 lowercase letters, digits and `-`, beginning and ending with a letter or \
             digit",
        )
        .with_field("namespace"))
}

fn image(written: Written<'_>, settings: &ManifestSettings) -> Result<String, CapabilityError> {
    let image: Option<String> = written.read("image")?;
    let image = image.or_else(|| settings.default_image.clone());
    let image = image.ok_or_else(|| {
        invalid("the job has no image")
            .with_hint(
                Hint::from("set ")
                    .field("image")
                    .text(", for instance to `python:3.11-slim`"),
            )
            .with_field("image")
    })?;
    if image.is_empty() || image.contains(|character: char| character.is_whitespace()) {
        let message = format!("invalid image name `{}`", shortened(&image));
        return Err(CapabilityError::new(Reason::InvalidImage, message).with_field("image"));
    }
    Ok(image)
}

fn image_pull_policy(written: Written<'_>) -> Result<String, CapabilityError> {
    let policy: Option<String> = written.read("imagePullPolicy")?;
    let policy = policy.unwrap_or_else(|| DEFAULT_PULL_POLICY.to_owned());
    if PULL_POLICIES.contains(&policy.as_str()) {
        return Ok(policy);
    }
    let message = format!("invalid pull policy `{}`", shortened(&policy));
    Err(invalid(message)
        .with_hint(format!("expected {}", all_of(PULL_POLICIES)))
        .with_field("imagePullPolicy"))
}

/// Reads names, or objects with a name.
fn image_pull_secrets(
    written: Written<'_>,
) -> Result<Option<Vec<LocalObjectReference>>, CapabilityError> {
    let Some(Value::Array(elements)) = written.get("imagePullSecrets") else {
        return written.read("imagePullSecrets");
    };
    let as_object = |element: &Value| match element {
        Value::String(name) => json!({"name": name}),
        other => other.clone(),
    };
    let objects = elements.iter().map(as_object).collect();
    read(&objects, &"imagePullSecrets".into()).map(Some)
}

fn volumes(written: Written<'_>) -> Result<Vec<Volume>, CapabilityError> {
    let volumes: Vec<Volume> = written.read("volumes")?.unwrap_or_default();
    for (index, volume) in volumes.iter().enumerate() {
        if volume.name.starts_with(VOLUME_PREFIX) {
            let message = format!(
                "the volume name `{}` is reserved for the engine",
                shortened(&volume.name)
            );
            return Err(invalid(message)
                .with_hint(format!(
                    "use a name that does not begin with `{VOLUME_PREFIX}`"
                ))
                .with_field(FieldPath::from("volumes").index(index).key("name")));
        }
    }
    Ok(volumes)
}

fn volume_mounts(written: Written<'_>) -> Result<Vec<VolumeMount>, CapabilityError> {
    let mounts: Vec<VolumeMount> = written.read("volumeMounts")?.unwrap_or_default();
    for (index, mount) in mounts.iter().enumerate() {
        if is_own_place(&mount.mount_path) {
            return Err(taken_place(
                &mount.mount_path,
                FieldPath::from("volumeMounts")
                    .index(index)
                    .key("mountPath"),
            ));
        }
    }
    Ok(mounts)
}

/// Whether a mount at the path would hide the engine's own files: at their path, below it, or above it.
///
/// The path is resolved like in the kubelet and the runtime: from the root, without `.`, and `..` leads to the parent.
pub(super) fn is_own_place(path: &str) -> bool {
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            name => parts.push(name),
        }
    }
    let own = MOUNT_ROOT.split('/').filter(|part| !part.is_empty());
    own.zip(parts).all(|(own, part)| own == part)
}

/// Returns the error for a mount at a path of the engine's own.
pub(super) fn taken_place(path: &str, field: FieldPath) -> CapabilityError {
    let path = shortened(path);
    invalid(format!(
        "`{path}` is where the script and its arguments are mounted"
    ))
    .with_hint(format!("mount it outside of `{MOUNT_ROOT}`"))
    .with_field(field)
}

/// Merges what the user wrote over secure defaults.
fn security_context(written: Written<'_>) -> Result<SecurityContext, CapabilityError> {
    let path = &FieldPath::from("securityContext");
    let mut context = json!({
        "allowPrivilegeEscalation": false,
        "capabilities": {"drop": ["ALL"]},
    });
    if let Some(value) = written.get("securityContext") {
        let own: SecurityContext = read(value, path).map_err(of_the_pod)?;
        merge(&mut context, value, path)?;
        let added = own.capabilities.and_then(|capabilities| capabilities.add);
        let is_privileged = own.privileged == Some(true)
            || added.is_some_and(|added| added.iter().any(|name| name == "CAP_SYS_ADMIN"));
        // Kubernetes considers the two together a contradiction, and so would the user.
        if is_privileged && own.allow_privilege_escalation.is_none() {
            merge(
                &mut context,
                &json!({"allowPrivilegeEscalation": null}),
                path,
            )?;
        }
    }
    read(&context, path)
}

/// Adds where a setting of the pod belongs.
fn of_the_pod(error: CapabilityError) -> CapabilityError {
    let field = error.explanation.field.as_ref();
    let last = field.and_then(|field| field.segments().last());
    let Some(FieldSegment::Key(name)) = last else {
        return error;
    };
    if !SECURITY_OF_PODS.contains(&name.as_ref()) {
        return error;
    }
    let hint = Hint::from(format!(
        "`{name}` is a setting of the whole pod: move it to "
    ))
    .field("podTemplate.spec.securityContext");
    error.with_hint(hint)
}

fn args(written: Written<'_>) -> Result<Option<Vec<String>>, CapabilityError> {
    let args: Option<Vec<String>> = written.read("args")?;
    let position = args.iter().flatten().position(|word| word.contains('\0'));
    if let Some(index) = position {
        let field = FieldPath::from("args").index(index);
        return Err(invalid(format!("`{field}` holds a NUL character")).with_field(field));
    }
    Ok(args.filter(|args| !args.is_empty()))
}

fn working_directory(written: Written<'_>) -> Result<Option<String>, CapabilityError> {
    let path: Option<String> = written.read("workingDir")?;
    if let Some(path) = path.as_deref().filter(|path| !path.starts_with('/')) {
        let message = format!(
            "invalid working directory `{}`: expected an absolute path",
            shortened(path)
        );
        return Err(invalid(message).with_field("workingDir"));
    }
    Ok(path)
}

fn variables(written: Written<'_>, request: &JobRequest) -> Result<Vec<EnvVar>, CapabilityError> {
    let variables: Vec<EnvVar> = written.read("env")?.unwrap_or_default();
    let mut names: BTreeSet<&str> =
        [ARGUMENTS_VARIABLE, ARGUMENTS_FILE_VARIABLE, SCRIPT_VARIABLE].into();
    names.extend(request.environment.iter().map(|(name, _)| name.as_str()));
    for (index, variable) in variables.iter().enumerate() {
        if !names.insert(&variable.name) {
            let name = shortened(&variable.name);
            return Err(
                invalid(format!("the environment variable `{name}` is set twice"))
                    .with_field(FieldPath::from("env").index(index).key("name")),
            );
        }
    }
    Ok(variables)
}

fn time_to_live(written: Written<'_>) -> Result<Option<i32>, CapabilityError> {
    let seconds: Option<i32> = written.read("ttlSecondsAfterFinished")?;
    if seconds.is_some_and(i32::is_negative) {
        return Err(
            invalid("invalid `ttlSecondsAfterFinished`: expected at least 0")
                .with_field("ttlSecondsAfterFinished"),
        );
    }
    Ok(seconds)
}
