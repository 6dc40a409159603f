//! The template of the pods.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    Container, PodSecurityContext, PodSpec, PodTemplateSpec, ResourceRequirements, SeccompProfile,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as QuantityText;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::Value;
use toolhost_capability::program::Program;
use toolhost_capability::quantity::Quantity;
use toolhost_capability::request::{invalid, shortened};
use toolhost_capability::{CapabilityError, FieldPath, JobRequest, Reason};

use super::files::Files;
use super::options::{Options, POD_TEMPLATE};
use super::spec_hash::SPEC_HASH_ANNOTATION;
use super::storage::Storage;
use super::strict::read;
use super::{guard, merge};
use crate::names::{JOIN_CONTAINER, SCRIPT_CONTAINER};

/// How long a script may take to end when it receives SIGTERM. The default of Kubernetes is 30 s, and every cancelled
/// job would wait for all of it: a shell or Python as process 1 ignores SIGTERM.
const TERMINATION_GRACE_SECONDS: i64 = 10;

/// Creates the template, with the user's own merged into it.
///
/// # Errors
///
/// `InvalidRequest` with the path of the value.
pub(super) fn template(
    request: &JobRequest,
    program: &Program,
    options: &Options,
    storage: &Storage,
    labels: &BTreeMap<String, String>,
) -> Result<PodTemplateSpec, CapabilityError> {
    guard::check_annotations(request.annotations.keys(), &FieldPath::from("annotations"))?;
    let files = Files::read(request)?;
    let mut container = container(request, program, options, storage)?;
    let mounts = container.volume_mounts.get_or_insert_default();
    files.add_mounts(mounts)?;
    files.remove_from(container.env.get_or_insert_default());
    let mut annotations = request.annotations.clone();
    annotations.remove(SPEC_HASH_ANNOTATION);
    let annotations = Some(annotations).filter(|annotations| !annotations.is_empty());
    let mut template = PodTemplateSpec {
        metadata: Some(ObjectMeta {
            labels: Some(labels.clone()),
            annotations,
            ..ObjectMeta::default()
        }),
        spec: Some(pod(container, options, storage)),
    };
    if let Some(spec) = &mut template.spec {
        spec.volumes.get_or_insert_default().extend(files.volume());
    }
    if let Some(patch) = &options.pod_template {
        template = merged(&template, patch)?;
    }
    add_annotations(&mut template, storage);
    if let Some(spec) = &mut template.spec {
        add_join(spec, storage);
    }
    Ok(template)
}

fn container(
    request: &JobRequest,
    program: &Program,
    options: &Options,
    storage: &Storage,
) -> Result<Container, CapabilityError> {
    let mut volume_mounts = storage.mounts();
    volume_mounts.extend(options.volume_mounts.iter().cloned());
    let mut environment = storage.script_environment(program);
    environment.extend(options.variables.iter().cloned());
    Ok(Container {
        name: SCRIPT_CONTAINER.to_owned(),
        image: Some(options.image.clone()),
        image_pull_policy: Some(options.image_pull_policy.clone()),
        // Without one, the image's own.
        command: Some(request.command.clone()).filter(|command| !command.is_empty()),
        args: options.args.clone(),
        env: Some(environment),
        resources: resources(request)?,
        security_context: Some(options.security_context.clone()),
        volume_mounts: Some(volume_mounts),
        working_dir: options.working_directory.clone(),
        ..Container::default()
    })
}

fn pod(container: Container, options: &Options, storage: &Storage) -> PodSpec {
    let mut volumes = storage.volumes();
    volumes.extend(options.volumes.iter().cloned());
    PodSpec {
        affinity: options.affinity.clone(),
        // A script that does not use the cluster's API needs no token for it.
        automount_service_account_token: Some(false),
        containers: vec![container],
        // The addresses of all services of the namespace are not part of a script's input.
        enable_service_links: Some(false),
        image_pull_secrets: options.image_pull_secrets.clone(),
        node_selector: options.node_selector.clone(),
        priority_class_name: options.priority_class_name.clone(),
        // Each attempt keeps its own pod and log, and `podFailurePolicy` requires it.
        restart_policy: Some("Never".to_owned()),
        runtime_class_name: options.runtime_class_name.clone(),
        security_context: Some(PodSecurityContext {
            seccomp_profile: Some(SeccompProfile {
                type_: "RuntimeDefault".to_owned(),
                localhost_profile: None,
            }),
            ..PodSecurityContext::default()
        }),
        service_account_name: options.service_account_name.clone(),
        termination_grace_period_seconds: Some(TERMINATION_GRACE_SECONDS),
        tolerations: options.tolerations.clone(),
        volumes: Some(volumes),
        ..PodSpec::default()
    }
}

fn merged(template: &PodTemplateSpec, patch: &Value) -> Result<PodTemplateSpec, CapabilityError> {
    let _known: PodTemplateSpec = read(&merge::without_directives(patch), &POD_TEMPLATE.into())?;
    let mut merged = serde_json::to_value(template).map_err(|error| {
        let message = format!("cannot write the pod's template as JSON: {error}");
        CapabilityError::new(Reason::Internal, message)
    })?;
    merge::merge(&mut merged, patch, &POD_TEMPLATE.into())?;
    let merged: PodTemplateSpec = read(&merged, &POD_TEMPLATE.into())?;
    guard::check(template, &merged, patch)?;
    Ok(merged)
}

/// Adds the inputs that the pods have as annotations.
fn add_annotations(template: &mut PodTemplateSpec, storage: &Storage) {
    let inputs = storage.annotations.iter();
    let inputs = inputs.map(|(name, value)| ((*name).to_owned(), value.clone()));
    if inputs.len() > 0 {
        let metadata = template.metadata.get_or_insert_default();
        metadata.annotations.get_or_insert_default().extend(inputs);
    }
}

/// Adds the container that joins the parts of the script before anything else starts. It has the settings of the
/// script's container: that image is pulled anyway, and no permission is needed for this that the script does not have.
fn add_join(spec: &mut PodSpec, storage: &Storage) {
    let script = spec
        .containers
        .iter()
        .find(|one| one.name == SCRIPT_CONTAINER);
    let (Some(script), Some((command, mounts))) = (script, storage.join_command()) else {
        return;
    };
    let join = Container {
        name: JOIN_CONTAINER.to_owned(),
        image: script.image.clone(),
        image_pull_policy: script.image_pull_policy.clone(),
        command: Some(command),
        resources: script.resources.clone(),
        security_context: script.security_context.clone(),
        volume_mounts: Some(mounts),
        ..Container::default()
    };
    spec.init_containers.get_or_insert_default().insert(0, join);
}

fn resources(request: &JobRequest) -> Result<Option<ResourceRequirements>, CapabilityError> {
    let requests = quantities("requests", &request.requests)?;
    let limits = quantities("limits", &request.limits)?;
    if requests.is_none() && limits.is_none() {
        return Ok(None);
    }
    Ok(Some(ResourceRequirements {
        requests,
        limits,
        claims: None,
    }))
}

fn quantities(
    list: &'static str,
    texts: &BTreeMap<String, String>,
) -> Result<Option<BTreeMap<String, QuantityText>>, CapabilityError> {
    for (name, text) in texts {
        if let Err(error) = text.parse::<Quantity>() {
            let (name, text) = (shortened(name), shortened(text));
            let field = FieldPath::from("resources").key(list).key(name);
            let message = format!("invalid quantity `{text}` in `{field}`: {error}");
            return Err(invalid(message)
                .with_hint("write a number with a suffix, such as `500m`, `2` or `1.5Gi`")
                .with_field(field));
        }
    }
    let quantities = texts
        .iter()
        .map(|(name, text)| (name.clone(), QuantityText(text.clone())))
        .collect();
    Ok(Some(quantities).filter(|_| !texts.is_empty()))
}
