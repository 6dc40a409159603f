use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use super::census::Census;
use super::conditions::{self, Cause};
use super::{Controller, TRACKING_FINALIZER, pods};
use crate::events;
use crate::json::{entry, flag, has_finalizer, is_deleted, number, object, text};
use crate::kind::JOBS;
use crate::store::{Deletion, Key};
use crate::time;

/// What the controller knows of a Job besides what is written in it.
#[derive(Debug)]
pub(super) struct Memory {
    /// When the Job was started or resumed, to more than a second.
    pub(super) started: Instant,
    /// No pod is created before this.
    pub(super) not_before: Instant,
    /// Pods that failed since the last success.
    pub(super) failures: u32,
    /// Pods that were created.
    created: u32,
    /// Pods in a row that could not be created.
    refused: u32,
    /// When it ended.
    pub(super) finished: Option<Instant>,
    /// Why a pod failure policy failed the Job.
    pub(super) fail_job: Option<String>,
}

impl Memory {
    fn new() -> Self {
        let now = Instant::now();
        Self {
            started: now,
            not_before: now,
            failures: 0,
            created: 0,
            refused: 0,
            finished: None,
            fail_job: None,
        }
    }
}

pub(super) type Pods = Vec<(Key, Arc<Value>)>;

impl Controller {
    /// Brings a Job closer to what it should be; when to look at it again.
    ///
    /// The order of what is written is that of Kubernetes 1.34, as a watch sees it: pods are created or
    /// deleted; the status gets the pods that ended, not yet counted, and what the Job will end as; the
    /// pods are released; they are counted, and the Job ends when no pod is left.
    pub(super) fn sync(&mut self, key: &Key) -> Option<Instant> {
        let stored = self.store.get(key)?;
        let uid = text(&stored, "/metadata/uid").to_owned();
        let mut memory = self.memories.remove(&uid).unwrap_or_else(Memory::new);
        let next = self.sync_with(key, &stored, &mut memory);
        self.memories.insert(uid, memory);
        next
    }

    fn sync_with(&self, key: &Key, stored: &Value, memory: &mut Memory) -> Option<Instant> {
        let uid = text(stored, "/metadata/uid");
        let pods = pods::of(&self.store, uid);
        let is_finished =
            conditions::is_true(stored, "Complete") || conditions::is_true(stored, "Failed");
        if is_deleted(stored) || is_finished {
            for (pod, object) in &pods {
                if has_finalizer(object, TRACKING_FINALIZER) {
                    self.release(pod);
                }
            }
            if !is_deleted(stored) {
                return self.expire(key, stored, memory);
            }
            let mut job = stored.clone();
            self.census(stored, &pods, memory).write_pods(&mut job);
            self.write_status(key, &job);
            return None;
        }
        let mut job = stored.clone();
        let told = start_or_suspend(&mut job, memory);
        let mut census = self.census(&job, &pods, memory);
        let mut next = None;
        let mut ending = None;
        if flag(&job, "/spec/suspend") {
            // They do not count as failed.
            let deleted = self.delete_active(&job, &pods);
            census.move_to_terminating(&deleted);
            census.done.extend(deleted.into_iter().map(|(pod, _)| pod));
        } else {
            ending = self.ending(&job, &census, memory);
        }
        if let Some(ending) = &ending {
            let deleted = self.delete_active(&job, &pods);
            census.move_to_terminating(&deleted);
            if ending.is_failure {
                // They count as failed before they end.
                census.fail(deleted);
            }
            if !conditions::is_true(&job, ending.soon()) {
                conditions::set(&mut job, ending.soon(), true, &ending.cause);
            }
        } else if !flag(&job, "/spec/suspend") {
            next = self.create_missing(&job, &mut census, memory);
        }
        census.write(&mut job);
        self.write_status(key, &job)?;
        if let Some((reason, message)) = told {
            self.tell(&job, false, reason, message);
        }
        for pod in &census.done {
            self.release(pod);
        }
        census.count(&mut job);
        let ending = ending.filter(|_| census.active + census.terminating == 0);
        if let Some(ending) = &ending {
            ending.finish(&mut job);
            memory.finished = Some(Instant::now());
        }
        self.write_status(key, &job)?;
        if let Some(ending) = &ending {
            self.tell_end(&job, ending);
        }
        next
    }

    fn write_status(&self, key: &Key, job: &Value) -> Option<()> {
        let written = self.store.update(key, |stored| {
            *entry(stored, "status") = job.get("status").cloned().unwrap_or_default();
            Ok(())
        });
        written.ok().map(drop)
    }

    /// Starts pods where some are missing; when to look at the Job again.
    fn create_missing(
        &self,
        job: &Value,
        census: &mut Census,
        memory: &mut Memory,
    ) -> Option<Instant> {
        let now = Instant::now();
        let deadline = self.deadline(job, memory);
        let until = |time: Instant| Some(deadline.map_or(time, |deadline| deadline.min(time)));
        let waits_for_end = text(job, "/spec/podReplacementPolicy") == "Failed";
        let busy = census.active + if waits_for_end { census.terminating } else { 0 };
        let parallelism = number(job, "/spec/parallelism").unwrap_or(1);
        let completions = number(job, "/spec/completions").unwrap_or(1);
        let missing = (completions - census.total_succeeded(job)).min(parallelism) - busy;
        if missing > 0 && memory.not_before > now {
            return until(memory.not_before);
        }
        for _ in 0..missing {
            if let Err(wait) = self.create_next(job, memory) {
                return until(now + wait);
            }
            census.active += 1;
        }
        deadline
    }

    fn create_next(&self, job: &Value, memory: &mut Memory) -> Result<(), Duration> {
        if self.create_pod(job, memory.created + 1).is_ok() {
            memory.created += 1;
            memory.refused = 0;
            return Ok(());
        }
        memory.refused = memory.refused.saturating_add(1);
        Err(self.backoff(memory.refused))
    }

    /// The base, doubled with every failure after the first.
    pub(super) fn backoff(&self, failures: u32) -> Duration {
        let factor = 2_u32.saturating_pow(failures.saturating_sub(1));
        let wait = self.settings.backoff_base.saturating_mul(factor);
        wait.min(self.settings.max_backoff)
    }

    fn delete_active(&self, job: &Value, pods: &Pods) -> Pods {
        let is_active = |pod: &Value| !pods::is_over(pod) && !is_deleted(pod);
        let mut deleted = Vec::new();
        for (key, pod) in pods.iter().filter(|(_, pod)| is_active(pod)) {
            if self.store.delete(key, &Deletion::default()).is_ok() {
                let message = format!("Deleted pod: {}", key.name);
                self.tell(job, false, "SuccessfulDelete", &message);
                deleted.push((key.clone(), Arc::clone(pod)));
            }
        }
        deleted
    }

    pub(super) fn tell(&self, job: &Value, is_warning: bool, reason: &str, message: &str) {
        let (about, source) = ((&JOBS, job), "job-controller");
        events::tell(&self.store, about, source, (is_warning, reason), message);
    }
}

/// Says in the status that a Job is suspended, or that it runs; the reason and the message of an event.
fn start_or_suspend(job: &mut Value, memory: &mut Memory) -> Option<(&'static str, &'static str)> {
    let is_suspended = conditions::is_true(job, "Suspended");
    if flag(job, "/spec/suspend") {
        if is_suspended {
            return None;
        }
        let cause = Cause::new("JobSuspended", "Job suspended");
        conditions::set(job, "Suspended", true, &cause);
        return Some(("Suspended", "Job suspended"));
    }
    if is_suspended || text(job, "/status/startTime").is_empty() {
        memory.started = Instant::now();
        memory.not_before = memory.started;
        object(job, "status").insert("startTime".to_owned(), time::now().into());
    }
    if !is_suspended {
        return None;
    }
    conditions::set(
        job,
        "Suspended",
        false,
        &Cause::new("JobResumed", "Job resumed"),
    );
    Some(("Resumed", "Job resumed"))
}
