use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use super::{Text, Whole, schema};

/// A Kubernetes object that is passed on unchanged.
type Object = BTreeMap<String, serde_json::Value>;

/// The job. Keys are those of Kubernetes, or in `snake_case`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(transform = schema::accept_snake_case)]
pub struct JobConfig {
    /// The container image; default `python:3.11-slim`.
    pub image: Option<String>,
    /// When the image is pulled; default `IfNotPresent`.
    #[serde(alias = "image_pull_policy")]
    pub image_pull_policy: Option<PullPolicy>,
    /// The names of Secrets with the credentials of image registries.
    #[serde(alias = "image_pull_secrets")]
    pub image_pull_secrets: Option<Vec<PullSecret>>,
    /// The namespace; default `noetl`.
    pub namespace: Option<String>,
    /// The command, instead of the interpreter with script and arguments: `$(NOETL_SCRIPT)` is the script's
    /// path, `$(NOETL_ARGS)` the arguments as JSON, `$(NAME)` a variable, `$$` a `$`.
    pub command: Option<Vec<String>>,
    /// Environment variables. Values reach the job as a Secret.
    pub env: Option<BTreeMap<String, Text>>,
    /// A credential whose variables the job gets, such as `PGHOST` from one of the type `postgres`. `env`
    /// takes precedence.
    pub auth: Option<String>,
    /// How often a failed attempt is retried; default 3, or 0 for `python`.
    #[serde(alias = "backoff_limit")]
    pub backoff_limit: Option<Whole>,
    /// The time limit of the job in seconds, over all attempts.
    #[serde(alias = "active_deadline_seconds")]
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
    /// The service account that the script runs as.
    #[serde(alias = "service_account_name")]
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
}

/// Resource requests and limits.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Resources {
    /// The guaranteed resources, such as `cpu: 500m` and `memory: 256Mi`.
    pub requests: Option<BTreeMap<String, Text>>,
    /// The limits, which may not be exceeded.
    pub limits: Option<BTreeMap<String, Text>>,
}

/// When an image is pulled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum PullPolicy {
    /// Before every start.
    Always,
    /// If the node does not have it.
    IfNotPresent,
    /// Never: the node has it.
    Never,
}

/// The name of a Secret; `NAME` or `{name: NAME}`.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct PullSecret {
    /// The name.
    pub name: String,
}

impl<'de> Deserialize<'de> for PullSecret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PullSecretVisitor;

        impl<'de> Visitor<'de> for PullSecretVisitor {
            type Value = PullSecret;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("the name of a Secret, or an object with its `name`")
            }

            fn visit_str<E: de::Error>(self, name: &str) -> Result<PullSecret, E> {
                Ok(PullSecret { name: name.into() })
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<PullSecret, A::Error> {
                let mut secret = None;
                while let Some(key) = map.next_key::<String>()? {
                    if key != "name" {
                        return Err(de::Error::unknown_field(&key, &["name"]));
                    }
                    secret = Some(PullSecret {
                        name: map.next_value()?,
                    });
                }
                secret.ok_or_else(|| de::Error::missing_field("name"))
            }
        }

        deserializer.deserialize_any(PullSecretVisitor)
    }
}

impl JsonSchema for PullSecret {
    fn schema_name() -> alloc::borrow::Cow<'static, str> {
        "PullSecret".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": ["string", "object"],
            "properties": {"name": {"type": "string"}},
            "required": ["name"],
            "additionalProperties": false,
        })
    }
}
