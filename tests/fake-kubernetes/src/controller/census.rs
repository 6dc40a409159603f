use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::policy::{Verdict, judge};
use super::sync::{Memory, Pods};
use super::{Controller, TRACKING_FINALIZER, conditions, pods};
use crate::json::{has_finalizer, is_deleted, number, object, text};
use crate::store::Key;

/// How many pods are in which state, and which ended since they were counted last.
#[derive(Debug, Default)]
pub(super) struct Census {
    pub(super) active: i64,
    ready: i64,
    pub(super) terminating: i64,
    /// UIDs.
    succeeded: Vec<Value>,
    /// UIDs.
    failed: Vec<Value>,
    /// Pods that may be released.
    pub(super) done: Vec<Key>,
}

impl Controller {
    /// Looks at the pods of a Job. Those that failed delay the next one.
    pub(super) fn census(&self, job: &Value, pods: &Pods, memory: &mut Memory) -> Census {
        let mut census = Census::default();
        for (_, pod) in pods.iter().filter(|(_, pod)| !pods::is_over(pod)) {
            if is_deleted(pod) {
                census.terminating += 1;
                continue;
            }
            census.active += 1;
            census.ready += i64::from(conditions::is_true(pod, "Ready"));
        }
        for (key, pod) in pods
            .iter()
            .filter(|(_, pod)| has_finalizer(pod, TRACKING_FINALIZER))
        {
            let uid = Value::from(text(pod, "/metadata/uid"));
            if text(pod, "/status/phase") == "Succeeded" {
                memory.failures = 0;
                census.succeeded.push(uid);
            } else if pods::is_failed(job, pod) {
                match judge(job, pod) {
                    Verdict::Ignore => {}
                    Verdict::Count => census.failed.push(uid),
                    Verdict::FailJob(message) => {
                        memory.fail_job = Some(message);
                        census.failed.push(uid);
                    }
                }
            } else {
                continue;
            }
            census.done.push(key.clone());
        }
        if !census.failed.is_empty() {
            let failures = u32::try_from(census.failed.len()).unwrap_or(1);
            memory.failures = memory.failures.saturating_add(failures);
            memory.not_before = Instant::now() + self.backoff(memory.failures);
        }
        census
    }
}

impl Census {
    pub(super) fn total_succeeded(&self, job: &Value) -> i64 {
        total(job, "/status/succeeded", &self.succeeded)
    }

    pub(super) fn total_failed(&self, job: &Value) -> i64 {
        total(job, "/status/failed", &self.failed)
    }

    /// Active pods were deleted.
    pub(super) fn move_to_terminating(&mut self, deleted: &Pods) {
        let count = length(deleted.len());
        self.active -= count;
        self.terminating += count;
        if count > 0 {
            self.ready = 0;
        }
    }

    /// Pods count as failed, whatever becomes of them.
    pub(super) fn fail(&mut self, pods: Pods) {
        for (key, pod) in pods {
            self.failed.push(text(&pod, "/metadata/uid").into());
            self.done.push(key);
        }
    }

    /// Writes the pods that are, and those that are not counted yet.
    pub(super) fn write(&self, job: &mut Value) {
        let mut uncounted = Map::new();
        for (name, uids) in [("succeeded", &self.succeeded), ("failed", &self.failed)] {
            if !uids.is_empty() {
                uncounted.insert(name.to_owned(), json!(uids));
            }
        }
        self.write_pods(job);
        object(job, "status").insert("uncountedTerminatedPods".to_owned(), uncounted.into());
    }

    /// Writes the pods that are.
    pub(super) fn write_pods(&self, job: &mut Value) {
        let status = object(job, "status");
        set_count(status, "active", self.active);
        // These are written where they are zero, too.
        status.insert("ready".to_owned(), self.ready.into());
        status.insert("terminating".to_owned(), self.terminating.into());
    }

    /// Counts the pods that ended.
    pub(super) fn count(&self, job: &mut Value) {
        let (succeeded, failed) = (self.total_succeeded(job), self.total_failed(job));
        let status = object(job, "status");
        set_count(status, "succeeded", succeeded);
        set_count(status, "failed", failed);
        status.insert("uncountedTerminatedPods".to_owned(), json!({}));
    }
}

fn total(job: &Value, counted: &str, more: &[Value]) -> i64 {
    number(job, counted)
        .unwrap_or(0)
        .saturating_add(length(more.len()))
}

fn length(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}

fn set_count(status: &mut Map<String, Value>, name: &str, count: i64) {
    if count == 0 {
        status.remove(name);
    } else {
        status.insert(name.to_owned(), count.into());
    }
}
