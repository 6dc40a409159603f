//! The Kubernetes objects of a job: a Job; a Secret, if a value is secret or large; ConfigMaps for a large script.
//!
//! Pure code. It decides everything before the first request is sent, so that an invalid job is reported while nothing
//! exists yet.

mod files;
mod guard;
mod labels;
mod merge;
mod options;
mod origin;
mod permission;
mod plan;
mod pod;
mod settings;
mod spec_hash;
mod storage;
mod strict;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;

use bytes::Bytes;
use k8s_openapi::ByteString;
use k8s_openapi::api::batch::v1::{
    Job, JobSpec, PodFailurePolicy, PodFailurePolicyOnPodConditionsPattern, PodFailurePolicyRule,
};
use k8s_openapi::api::core::v1::{ConfigMap, PodTemplateSpec, Secret};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use secrecy::{ExposeSecret, SecretString};
use toolhost_capability::program::Program;
use toolhost_capability::request::{self, CONTAINER_OPTIONS, IMAGE_OPTIONS};
use toolhost_capability::{CapabilityError, JobRequest};

use self::options::Options;
use self::storage::{Inline, Placement, Storage};
use super::names::{INPUTS_ANNOTATION, INPUTS_IN_JOB, config_map_name, queue_in, secret_name};

pub(crate) use self::labels::{MANAGED_BY_LABEL, MANAGED_BY_VALUE};
pub(crate) use self::settings::ManifestSettings;
pub(crate) use self::spec_hash::SPEC_HASH_ANNOTATION;

/// The engine's name in configurations.
pub(crate) const ENGINE_NAME: &str = "kubernetes";
/// Maximum size of the Job. An object of Kubernetes, as a whole, is at most 1.5 MiB in etcd (`--max-request-bytes`),
/// and the server adds to it.
const MAX_JOB_BYTES: usize = 1_000_000;

/// The objects of one job.
///
/// `Debug` is safe: it shows only which job it is.
pub(crate) struct Manifest {
    /// The Job, not suspended.
    job: Job,
    namespace: String,
    spec_hash: String,
    secret: Vec<(String, SecretString)>,
    has_secret: bool,
    is_in_job: bool,
    script: Option<Bytes>,
    placement: Placement,
    /// Which inputs the Job does not contain, and why.
    explanation: String,
    warning: Option<String>,
}

impl Manifest {
    /// Creates the objects of the request.
    ///
    /// # Errors
    ///
    /// [`Reason::InvalidRequest`], [`Reason::Unsupported`], [`Reason::TooLarge`] and [`Reason::Denied`], with the
    /// path of the value to change as written in the playbook: `job.tolerations[0].operator`.
    pub(crate) fn new(
        request: &JobRequest,
        settings: &ManifestSettings,
    ) -> Result<Self, CapabilityError> {
        let known = [&CONTAINER_OPTIONS[..], &IMAGE_OPTIONS].concat();
        request::check(request, ENGINE_NAME, &known)?;
        let options = Options::read(request, settings)?;
        let labels = labels::labels(request, settings)?;
        let script_path = storage::script_path(request)?;
        let program = Program::new(request, script_path.as_deref(), storage::ARGUMENTS_PATH);
        let inline = Inline::new(request, options.pod_template.as_ref())?;
        let storage = Storage::new(request, &program, inline)?;
        let template = pod::template(request, &program, &options, &storage, &labels)?;

        let annotations = annotations(request);
        let mut job = Job {
            metadata: ObjectMeta {
                name: Some(request.name.to_string()),
                namespace: Some(options.namespace.clone()),
                labels: Some(labels),
                annotations: Some(annotations).filter(|annotations| !annotations.is_empty()),
                ..ObjectMeta::default()
            },
            spec: Some(spec(request, &options, template)),
            status: None,
        };
        permission::check(&job, &request.options, settings)?;
        let script = request.script.as_ref().map(|script| &script.content);
        let spec_hash = spec_hash::spec_hash(&storage.without_values(&job), script, MAX_JOB_BYTES)?;
        let annotations = job.metadata.annotations.get_or_insert_default();
        annotations.insert(SPEC_HASH_ANNOTATION.to_owned(), spec_hash.clone());
        if storage.is_in_job {
            annotations.insert(INPUTS_ANNOTATION.to_owned(), INPUTS_IN_JOB.to_owned());
        }
        Ok(Self {
            job,
            namespace: options.namespace,
            spec_hash,
            has_secret: storage.has_secret(),
            is_in_job: storage.is_in_job,
            explanation: storage.explanation,
            secret: storage.secret,
            script: script.cloned(),
            placement: storage.placement,
            warning: program.warning().map(str::to_owned),
        })
    }

    /// Returns the Job; a suspended one is to be resumed when everything that it mounts exists.
    pub(crate) fn job(&self, is_suspended: bool) -> Job {
        let mut job = self.job.clone();
        if let Some(spec) = &mut job.spec {
            spec.suspend = Some(is_suspended);
        }
        job
    }

    /// Whether the Job contains everything that its pods need: it can run as soon as it exists.
    pub(crate) fn is_in_job(&self) -> bool {
        self.is_in_job
    }

    /// Whether the request assigns the Job to a queue.
    pub(crate) fn is_queued(&self) -> bool {
        queue_in(self.job.metadata.labels.as_ref()).is_some()
    }

    /// Whether a Secret belongs to the Job.
    pub(crate) fn has_secret(&self) -> bool {
        self.has_secret
    }

    /// Returns the Secret with what is secret, owned by the Job of that uid; none where nothing is.
    ///
    /// The returned object contains the plain values: it is only for the API server.
    pub(crate) fn secret(&self, job_uid: &str) -> Option<Secret> {
        if !self.has_secret {
            return None;
        }
        let mut data: BTreeMap<String, ByteString> = self
            .secret
            .iter()
            .map(|(name, value)| (name.clone(), bytes_of(value.expose_secret().as_bytes())))
            .collect();
        if let (Placement::Secret, Some(script)) = (&self.placement, &self.script) {
            data.insert(storage::SCRIPT_KEY.to_owned(), bytes_of(script));
        }
        Some(Secret {
            data: Some(data),
            ..self.empty_secret(job_uid)
        })
    }

    /// Returns the ConfigMaps with a script that is too large for the Secret, owned by the Job of that uid.
    pub(crate) fn config_maps(&self, job_uid: &str) -> Vec<ConfigMap> {
        let script = self.script.as_ref();
        let parts = script.map_or_else(Vec::new, |script| self.placement.parts(script));
        let config_map = |(index, part): (usize, &[u8])| {
            let (data, binary_data) = storage::config_map_data(part);
            ConfigMap {
                metadata: self.owned(config_map_name(self.name(), index), job_uid),
                data,
                binary_data,
                immutable: Some(true),
            }
        };
        parts.into_iter().enumerate().map(config_map).collect()
    }

    /// The name of the Job.
    pub(crate) fn name(&self) -> &str {
        self.job.metadata.name.as_deref().unwrap_or_default()
    }

    /// The namespace of all objects.
    pub(crate) fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The names of the Secret and the ConfigMaps, as far as there are any.
    pub(crate) fn object_names(&self) -> Vec<String> {
        let parts = self.placement.part_count();
        let config_maps = (0..parts).map(|index| config_map_name(self.name(), index));
        let secret = self.has_secret.then(|| secret_name(self.name()));
        secret.into_iter().chain(config_maps).collect()
    }

    /// Distinguishes this specification from another one of the same name: the value of the annotation
    /// `noetl.io/spec-hash` of the Job.
    pub(crate) fn spec_hash(&self) -> &str {
        &self.spec_hash
    }

    /// Which inputs the Job does not contain, and why, for a person.
    pub(crate) fn explanation(&self) -> &str {
        &self.explanation
    }

    /// The warning for the user.
    pub(crate) fn warning(&self) -> Option<&str> {
        self.warning.as_deref()
    }

    fn empty_secret(&self, job_uid: &str) -> Secret {
        Secret {
            metadata: self.owned(secret_name(self.name()), job_uid),
            immutable: Some(true),
            type_: Some("Opaque".to_owned()),
            ..Secret::default()
        }
    }

    fn owned(&self, name: String, job_uid: &str) -> ObjectMeta {
        ObjectMeta {
            name: Some(name),
            namespace: Some(self.namespace.clone()),
            labels: self.job.metadata.labels.clone(),
            owner_references: Some(vec![OwnerReference {
                api_version: "batch/v1".to_owned(),
                kind: "Job".to_owned(),
                name: self.name().to_owned(),
                uid: job_uid.to_owned(),
                controller: Some(false),
                // `true` needs the right to change finalizers of Jobs where the admission plugin
                // OwnerReferencesPermissionEnforcement is enabled, as on OpenShift.
                block_owner_deletion: Some(false),
            }]),
            ..ObjectMeta::default()
        }
    }
}

impl fmt::Debug for Manifest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Manifest")
            .field("namespace", &self.namespace)
            .field("name", &self.name())
            .field("spec_hash", &self.spec_hash)
            .field("placement", &self.placement)
            .finish_non_exhaustive()
    }
}

/// Returns the annotations of the request. One with the name of the engine's own is kept under another name: the script
/// tool hashes its configuration, and this engine what the cluster gets.
fn annotations(request: &JobRequest) -> BTreeMap<String, String> {
    let mut annotations = request.annotations.clone();
    if let Some(value) = annotations.remove(SPEC_HASH_ANNOTATION) {
        annotations.insert(spec_hash::TOOL_SPEC_HASH_ANNOTATION.to_owned(), value);
    }
    annotations
}

fn spec(request: &JobRequest, options: &Options, template: PodTemplateSpec) -> JobSpec {
    let seconds = |deadline: std::time::Duration| {
        // Otherwise a fraction of a second would become a deadline of zero.
        let seconds = deadline.as_secs() + u64::from(deadline.subsec_nanos() > 0);
        i64::try_from(seconds).unwrap_or(i64::MAX)
    };
    JobSpec {
        active_deadline_seconds: request.active_deadline.map(seconds),
        backoff_limit: Some(i32::try_from(request.backoff_limit).unwrap_or(i32::MAX)),
        completions: Some(1),
        parallelism: Some(1),
        // A pod that is drained, preempted or evicted did not fail: it is replaced, and does not count.
        pod_failure_policy: Some(PodFailurePolicy {
            rules: vec![PodFailurePolicyRule {
                action: "Ignore".to_owned(),
                on_exit_codes: None,
                on_pod_conditions: Some(vec![PodFailurePolicyOnPodConditionsPattern {
                    type_: "DisruptionTarget".to_owned(),
                    status: "True".to_owned(),
                }]),
            }],
        }),
        // No second copy of a script starts while the first one is still ending.
        pod_replacement_policy: Some("Failed".to_owned()),
        template,
        ttl_seconds_after_finished: options.ttl_seconds_after_finished,
        ..JobSpec::default()
    }
}

fn bytes_of(bytes: &[u8]) -> ByteString {
    ByteString(bytes.to_vec())
}
