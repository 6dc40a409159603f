use serde_json::{Value, json};
use tokio::time::Instant;

use super::policy::{Verdict, judge};
use super::sync::Pods;
use super::{Controller, TRACKING_FINALIZER, conditions, pods};
use crate::json::{entry, has_finalizer, is_deleted, number, object, text};
use crate::store::Key;

/// How many pods are in which state.
#[derive(Debug, Default)]
pub(super) struct Census {
    pub(super) active: i64,
    pub(super) ready: i64,
    pub(super) terminating: i64,
    pub(super) succeeded: i64,
    pub(super) failed: i64,
}

impl Controller {
    /// Counts the pods that ended, first in `uncountedTerminatedPods`, and lets go of them.
    pub(super) fn count(&mut self, key: &Key, job: &Value, pods: &mut Pods) -> Option<Census> {
        let uid = text(job, "/metadata/uid");
        let memory = self.memories.get_mut(uid)?;
        let (mut succeeded, mut failed) = (Vec::new(), Vec::new());
        let mut done = Vec::new();
        for (pod, object) in pods
            .iter()
            .filter(|(_, pod)| has_finalizer(pod, TRACKING_FINALIZER))
        {
            let pod_uid = Value::from(text(object, "/metadata/uid"));
            if text(object, "/status/phase") == "Succeeded" {
                memory.failures = 0;
                succeeded.push(pod_uid);
            } else if pods::is_failed(job, object) {
                match judge(job, object) {
                    Verdict::Ignore => {}
                    Verdict::Count => failed.push(pod_uid),
                    Verdict::FailJob(message) => {
                        memory.fail_job = Some(message);
                        failed.push(pod_uid);
                    }
                }
            } else {
                continue;
            }
            done.push(pod.clone());
        }
        if !failed.is_empty() {
            memory.failures = memory
                .failures
                .saturating_add(u32::try_from(failed.len()).unwrap_or(1));
            let factor = 2_u32.saturating_pow(memory.failures - 1);
            let wait = self.settings.backoff_base.saturating_mul(factor);
            memory.not_before = Instant::now() + wait.min(self.settings.max_backoff);
        }
        if !(succeeded.is_empty() && failed.is_empty()) {
            let uncounted = json!({"succeeded": succeeded, "failed": failed});
            let write = |job: &mut Value| {
                *entry(entry(job, "status"), "uncountedTerminatedPods") = uncounted;
                Ok(())
            };
            self.store.update(key, write).ok()?;
        }
        for pod in &done {
            self.release(pod);
        }
        *pods = pods::of(&self.store, &key.namespace, uid);
        let census = census(job, pods, succeeded.len(), failed.len());
        self.store
            .update(key, |job| {
                write_census(job, &census);
                Ok(())
            })
            .ok()?;
        Some(census)
    }
}

fn census(job: &Value, pods: &Pods, succeeded: usize, failed: usize) -> Census {
    let mut census = Census::default();
    for (_, pod) in pods.iter().filter(|(_, pod)| !pods::is_over(pod)) {
        if is_deleted(pod) {
            census.terminating += 1;
            continue;
        }
        census.active += 1;
        census.ready += i64::from(conditions::is_true(pod, "Ready"));
    }
    let total = |name, more| {
        number(job, name)
            .unwrap_or(0)
            .saturating_add(i64::try_from(more).unwrap_or(i64::MAX))
    };
    census.succeeded = total("/status/succeeded", succeeded);
    census.failed = total("/status/failed", failed);
    census
}

/// Zeros are not written, but for those that Kubernetes has pointers to.
fn write_census(job: &mut Value, census: &Census) {
    let status = object(job, "status");
    for (name, count) in [
        ("active", census.active),
        ("succeeded", census.succeeded),
        ("failed", census.failed),
    ] {
        if count == 0 {
            status.remove(name);
        } else {
            status.insert(name.to_owned(), count.into());
        }
    }
    status.insert("ready".to_owned(), census.ready.into());
    status.insert("terminating".to_owned(), census.terminating.into());
    status.insert("uncountedTerminatedPods".to_owned(), json!({}));
}
