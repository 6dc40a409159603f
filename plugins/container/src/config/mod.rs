//! The configuration in playbooks: what the container runs, and everything that is below `job` for the script tool. Keys are
//! those of Kubernetes, or in `snake_case`.

mod env;
mod refused;

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use noetl_job_tool::config::{
    PullPolicy, PullSecret, Resources, Text, Whole, accept_snake_case, accept_spelling,
    put_environment,
};
use schemars::{JsonSchema, Schema};
use serde::Deserialize;
use serde_json::value::RawValue;

pub(crate) use env::{Env, Variable};
pub(crate) use refused::Refused;

/// A Kubernetes object that is passed on, in which some keys may have NoETL's names.
type Object = BTreeMap<String, serde_json::Value>;

/// The keys under `tool`, except `kind`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(transform = accept_snake_case, transform = accept_noetl, transform = find_credential)]
pub struct Config {
    /// The container image.
    #[schemars(length(min = 1))]
    pub image: String,
    /// The program and its first arguments, instead of the image's entrypoint: `$(NAME)` is replaced by a variable,
    /// and `$$` by a `$`.
    pub command: Option<Vec<Text>>,
    /// The arguments of the program, instead of the image's own.
    pub args: Option<Vec<Text>>,
    /// Any JSON, which the program gets in `NOETL_ARGS` and in the file that `NOETL_ARGS_FILE` names; default `{}`.
    #[schemars(with = "Option<serde_json::Value>")]
    pub input: Option<Box<RawValue>>,
    /// Environment variables, by their names or as a list of `name` and `value`. Values reach the job as a Secret.
    pub env: Option<Env>,
    /// A credential whose variables the job gets, such as `PGHOST` from one of the type `postgres`. `env`
    /// takes precedence.
    pub auth: Option<String>,
    /// Files by their paths, absolute or below `workingDir`. Contents reach the job as a Secret.
    pub files: Option<BTreeMap<String, Text>>,
    /// The folder that the program runs in, instead of the image's own.
    #[serde(alias = "working_dir")]
    pub working_dir: Option<String>,
    /// When the image is pulled; default `IfNotPresent`.
    #[serde(alias = "image_pull_policy")]
    pub image_pull_policy: Option<PullPolicy>,
    /// The names of Secrets with the credentials of image registries.
    #[serde(alias = "image_pull_secrets")]
    pub image_pull_secrets: Option<Vec<PullSecret>>,
    /// The namespace; default `noetl`.
    pub namespace: Option<String>,
    /// How often a failed attempt is retried; default 0.
    #[serde(alias = "backoff_limit")]
    pub backoff_limit: Option<Whole>,
    /// The time limit of the job in seconds, over all attempts.
    #[serde(
        alias = "active_deadline_seconds",
        alias = "timeout",
        alias = "timeout_seconds"
    )]
    pub active_deadline_seconds: Option<Whole>,
    /// The number of seconds after which a finished job is deleted.
    #[serde(alias = "ttl_seconds_after_finished")]
    pub ttl_seconds_after_finished: Option<Whole>,
    /// CPU, memory and other resources.
    pub resources: Option<Resources>,
    /// Additional labels.
    pub labels: Option<BTreeMap<String, Text>>,
    /// Additional annotations.
    pub annotations: Option<BTreeMap<String, Text>>,
    /// The service account that the program runs as.
    #[serde(alias = "service_account_name", alias = "service_account")]
    pub service_account_name: Option<String>,
    /// Labels of the nodes that may run it.
    #[serde(alias = "node_selector")]
    pub node_selector: Option<BTreeMap<String, Text>>,
    /// Taints of nodes that the pod tolerates.
    #[schemars(with = "Option<Vec<Object>>")]
    pub tolerations: Option<Box<RawValue>>,
    /// Affinity and anti-affinity of the pod.
    #[schemars(with = "Option<Object>")]
    pub affinity: Option<Box<RawValue>>,
    /// Its priority class.
    #[serde(alias = "priority_class_name")]
    pub priority_class_name: Option<String>,
    /// Its runtime class.
    #[serde(alias = "runtime_class_name")]
    pub runtime_class_name: Option<String>,
    /// Volumes of the pod.
    #[schemars(with = "Option<Vec<Object>>")]
    pub volumes: Option<Box<RawValue>>,
    /// Where the volumes are mounted.
    #[serde(alias = "volume_mounts")]
    #[schemars(with = "Option<Vec<Object>>")]
    pub volume_mounts: Option<Box<RawValue>>,
    /// The container's security context; the pod's is in `podTemplate`.
    #[serde(alias = "security_context")]
    #[schemars(with = "Option<Object>")]
    pub security_context: Option<Box<RawValue>>,
    /// A pod template that is merged over the generated pod.
    #[serde(alias = "pod_template")]
    #[schemars(with = "Option<Object>")]
    pub pod_template: Option<Box<RawValue>>,
    /// `Never`: each attempt is a pod of its own.
    #[serde(alias = "restart_policy")]
    pub restart_policy: Option<String>,
    /// Not a key of this tool.
    pub job: Option<Refused>,
    /// Not a key of this tool.
    pub runtime: Option<Refused>,
    /// Not a key of this tool.
    pub script: Option<Refused>,
}

/// Adds NoETL's own names of keys.
fn accept_noetl(schema: &mut Schema) {
    for (spelling, of) in [
        ("timeout", "activeDeadlineSeconds"),
        ("timeout_seconds", "activeDeadlineSeconds"),
        ("service_account", "serviceAccountName"),
    ] {
        accept_spelling(schema, spelling, of);
    }
}

fn find_credential(schema: &mut Schema) {
    put_environment(schema, "/auth", "/env");
}
