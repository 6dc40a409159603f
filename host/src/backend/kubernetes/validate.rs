//! Asks a cluster whether it would take what was planned.

use serde_json::Value;

use super::diagnosis::{self, Creating};
use super::{KubernetesEngine, PlannedJob, api, retry};
use crate::capability::CapabilityError;

impl KubernetesEngine {
    /// Asks the server whether it would take the objects of a job, with its schemas, admission, policies
    /// and quotas for objects (`dryRun=All`); nothing is created.
    ///
    /// What depends on pods, such as a quota for memory, is not asked: the Job controller makes those.
    ///
    /// # Errors
    ///
    /// What creating the first object that is refused would be refused with.
    pub async fn validate(&self, planned: &PlannedJob) -> Result<(), CapabilityError> {
        let cluster = self.cluster();
        let client = cluster.connection.client();
        let namespace = planned.namespace.as_str();
        for object in &planned.objects {
            let kind = kind(object);
            let asked = cluster
                .before(|| api::dry_run(&client, namespace, kind, object))
                .await;
            let Err(error) = asked else { continue };
            // One of that name is there: the server takes what it looks like.
            if retry::code(&error) == Some(409) && retry::passing(&error).is_none() {
                continue;
            }
            let name = object.pointer("/metadata/name").and_then(Value::as_str);
            let creating = Creating {
                kind,
                job: name.unwrap_or_default(),
            };
            let refusal = diagnosis::creation_refused(&error, creating);
            return Err(cluster.name_server(refusal));
        }
        Ok(())
    }
}

/// The object's kind, of those that a job is made of.
fn kind(object: &Value) -> &'static str {
    match object.get("kind").and_then(Value::as_str) {
        Some("Job") => "Job",
        Some("Secret") => "Secret",
        _ => "ConfigMap",
    }
}
