//! Asks a cluster whether it would accept a planned job.

use serde_json::{Value, json};
use toolhost_capability::{CapabilityError, Reason};

use super::diagnosis::Creating;
use super::{KubernetesEngine, PlannedJob, api, retry};

impl KubernetesEngine {
    /// Sends the objects of a job and its pod to the server as a dry run (`dryRun=All`), which applies its schemas,
    /// admission, policies and quotas; nothing is created.
    ///
    /// The pod, which the Job controller creates later, is skipped where this host may not create pods: no job needs
    /// that right.
    ///
    /// # Errors
    ///
    /// The error that creating the first refused object would result in.
    pub async fn validate(&self, planned: &PlannedJob) -> Result<(), CapabilityError> {
        for object in &planned.objects {
            self.ask(&planned.namespace, kind(object), object).await?;
        }
        let Some(pod) = planned.objects.iter().find_map(pod_of) else {
            return Ok(());
        };
        match self.ask(&planned.namespace, "Pod", &pod).await {
            Err(error) if error.explanation.reason == Reason::Denied => {
                tracing::info!(%error, "whether the cluster would accept the pod is unknown");
                Ok(())
            }
            asked => asked,
        }
    }

    async fn ask(
        &self,
        namespace: &str,
        kind: &'static str,
        object: &Value,
    ) -> Result<(), CapabilityError> {
        let cluster = self.cluster();
        let client = cluster.connection.client();
        let asked = cluster
            .before(|| api::dry_run(&client, namespace, kind, object))
            .await;
        match asked {
            Ok(()) => Ok(()),
            // An object of that name exists: the server accepts its form.
            Err(error) if retry::code(&error) == Some(409) && retry::passing(&error).is_none() => {
                Ok(())
            }
            Err(error) => {
                let job = name(object);
                Err(cluster.refused(&error, Creating { kind, job }))
            }
        }
    }
}

/// Returns the object's kind, one of those that a job consists of.
fn kind(object: &Value) -> &'static str {
    match object.get("kind").and_then(Value::as_str) {
        Some("Job") => "Job",
        Some("Secret") => "Secret",
        _ => "ConfigMap",
    }
}

fn name(object: &Value) -> &str {
    let name = object.pointer("/metadata/name").and_then(Value::as_str);
    name.unwrap_or_default()
}

/// Returns the pod that the Job controller would create, if the object is a Job.
fn pod_of(object: &Value) -> Option<Value> {
    let template = object.pointer("/spec/template")?;
    let mut pod = template.clone();
    let members = pod.as_object_mut()?;
    members.insert("apiVersion".to_owned(), json!("v1"));
    members.insert("kind".to_owned(), json!("Pod"));
    let metadata = members
        .entry("metadata")
        .or_insert_with(|| json!({}))
        .as_object_mut()?;
    metadata.insert("name".to_owned(), json!(name(object)));
    Some(pod)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pod_of_a_job_is_its_template() {
        let job = json!({
            "kind": "Job",
            "metadata": {"name": "a"},
            "spec": {"template": {"metadata": {"labels": {"x": "y"}}, "spec": {"containers": []}}},
        });
        let pod = json!({
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"labels": {"x": "y"}, "name": "a"},
            "spec": {"containers": []},
        });
        assert_eq!(pod_of(&job), Some(pod));
        assert_eq!(pod_of(&json!({"kind": "Secret"})), None);
    }
}
