use std::sync::Arc;

use serde_json::{Value, json};

use super::{Controller, TRACKING_FINALIZER};
use crate::events;
use crate::json::{is_deleted, number, text};
use crate::kind::{JOBS, PODS, SERVICE_ACCOUNTS};
use crate::play::{Play, PlayedPod};
use crate::store::{Key, Store};

/// The letters of generated names: none that makes words (`k8s.io/apimachinery/pkg/util/rand`).
const LETTERS: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";
/// How much of the Job's name a pod's name keeps: 63 less the five letters.
const MAX_PREFIX: usize = 58;

/// The pods of a Job.
pub(super) fn of(store: &Store, uid: &str) -> Vec<(Key, Arc<Value>)> {
    let mut dependents = store.dependents(uid);
    dependents.retain(|(key, _)| key.kind == &PODS);
    dependents
}

pub(super) fn is_over(pod: &Value) -> bool {
    matches!(text(pod, "/status/phase"), "Succeeded" | "Failed")
}

/// Whether a pod counts as failed, by the Job's policy of replacement.
pub(super) fn is_failed(job: &Value, pod: &Value) -> bool {
    let phase = text(pod, "/status/phase");
    if phase == "Failed" {
        return true;
    }
    if !is_deleted(pod) || phase == "Succeeded" {
        return false;
    }
    let waits_for_end = text(job, "/spec/podReplacementPolicy") == "Failed";
    // No kubelet reports the end of one that was deleted without grace.
    !waits_for_end || number(pod, "/metadata/deletionGracePeriodSeconds") == Some(0)
}

impl Controller {
    /// Creates a pod, or tells in an event why it cannot.
    pub(super) fn create_pod(&self, job: &Value, attempt: u32) -> Result<(), String> {
        let pod = self.new_pod(job);
        let result = self.try_create_pod(job, &pod, attempt);
        let (about, source) = ((&JOBS, job), "job-controller");
        match &result {
            Ok(()) => {
                let message = format!("Created pod: {}", text(&pod, "/metadata/name"));
                events::tell(
                    &self.store,
                    about,
                    source,
                    (false, "SuccessfulCreate"),
                    &message,
                );
            }
            Err(why) => {
                let message = format!("Error creating: {why}");
                events::tell(&self.store, about, source, (true, "FailedCreate"), &message);
            }
        }
        result
    }

    fn try_create_pod(&self, job: &Value, pod: &Value, attempt: u32) -> Result<(), String> {
        let name = text(job, "/metadata/name");
        let namespace = text(job, "/metadata/namespace");
        let account = text(pod, "/spec/serviceAccountName");
        if !matches!(account, "" | "default") {
            let key = Key::new(&SERVICE_ACCOUNTS, namespace, account);
            if self.store.get(&key).is_none() {
                return Err(format!(
                    "pods \"{name}-\" is forbidden: error looking up service account {namespace}/{account}: \
                     serviceaccount \"{account}\" not found"
                ));
            }
        }
        if let Some(playwright) = &self.settings.playwright {
            let played = PlayedPod {
                job: name,
                attempt,
                pod,
            };
            if let Play::NotCreated(message) = playwright(&played) {
                return Err(message);
            }
        }
        let key = Key::of(&PODS, pod);
        let created = self.store.create(&key, pod.clone());
        created.map(drop).map_err(|refusal| refusal.message)
    }

    fn new_pod(&self, job: &Value) -> Value {
        let name = text(job, "/metadata/name");
        let template = job.pointer("/spec/template").cloned().unwrap_or_default();
        let prefix = format!("{name}-");
        let suffix = self.suffix();
        let base: String = prefix.chars().take(MAX_PREFIX).collect();
        let spec = template.get("spec").cloned().unwrap_or_else(|| json!({}));
        json!({
            "kind": "Pod",
            "apiVersion": "v1",
            "metadata": {
                "name": format!("{base}{suffix}"),
                "generateName": prefix,
                "namespace": text(job, "/metadata/namespace"),
                "labels": template.pointer("/metadata/labels"),
                "annotations": template.pointer("/metadata/annotations").unwrap_or(&json!({})),
                "ownerReferences": [{
                    "apiVersion": "batch/v1", "kind": "Job", "name": name,
                    "uid": text(job, "/metadata/uid"), "controller": true, "blockOwnerDeletion": true,
                }],
                "finalizers": [TRACKING_FINALIZER],
            },
            "spec": spec,
            "status": {"phase": "Pending", "qosClass": "BestEffort"},
        })
    }

    fn suffix(&self) -> String {
        let mut number = self.store.draw();
        let mut suffix = String::new();
        for _ in 0..5 {
            let index = usize::try_from(number % 27).unwrap_or(0);
            number /= 27;
            suffix.extend(LETTERS.get(index).map(|letter| char::from(*letter)));
        }
        suffix
    }
}
