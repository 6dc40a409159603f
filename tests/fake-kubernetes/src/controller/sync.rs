use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use super::census::Census;
use super::conditions::{self, Cause};
use super::{Controller, TRACKING_FINALIZER, pods};
use crate::events;
use crate::json::{flag, has_finalizer, is_deleted, number, object, text};
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
    pub(super) created: u32,
    /// Pods in a row that could not be created.
    pub(super) refused: u32,
    /// When it ended.
    pub(super) finished: Option<Instant>,
    /// Why a pod failure policy failed the Job.
    pub(super) fail_job: Option<String>,
}

pub(super) type Pods = Vec<(Key, Arc<Value>)>;

impl Controller {
    /// Brings a Job closer to what it should be; when to look at it again.
    pub(super) fn sync(&mut self, key: &Key) -> Option<Instant> {
        let job = self.store.get(key)?;
        let uid = text(&job, "/metadata/uid").to_owned();
        let now = Instant::now();
        self.memories.entry(uid.clone()).or_insert(Memory {
            started: now,
            not_before: now,
            failures: 0,
            created: 0,
            refused: 0,
            finished: None,
            fail_job: None,
        });
        let mut all = pods::of(&self.store, &key.namespace, &uid);
        let is_finished =
            conditions::is_true(&job, "Complete") || conditions::is_true(&job, "Failed");
        if is_deleted(&job) || is_finished {
            for (pod, object) in &all {
                if has_finalizer(object, TRACKING_FINALIZER) {
                    self.release(pod);
                }
            }
            return if is_deleted(&job) {
                None
            } else {
                self.expire(key, &job, &uid)
            };
        }
        let job = self.start_or_suspend(key, &uid)?;
        if flag(&job, "/spec/suspend") {
            self.delete_active(&all);
            self.count(key, &job, &mut all)?;
            return None;
        }
        let census = self.count(key, &job, &mut all)?;
        self.decide(key, &uid, &all, &census)
    }

    /// Writes down that a Job is suspended, or that it runs.
    fn start_or_suspend(&mut self, key: &Key, uid: &str) -> Option<Arc<Value>> {
        let memory = self.memories.get_mut(uid)?;
        let mut told = None;
        let job = self.store.update(key, |job| {
            let is_suspended =
                conditions::find(job, "Suspended").map(|it| text(it, "/status") == "True");
            if flag(job, "/spec/suspend") {
                if is_suspended != Some(true) {
                    let cause = Cause::new("JobSuspended", "Job suspended");
                    conditions::set(job, "Suspended", true, &cause);
                    object(job, "status").remove("startTime");
                    told = Some(("Suspended", "Job suspended"));
                }
                return Ok(());
            }
            if is_suspended == Some(true) {
                conditions::set(
                    job,
                    "Suspended",
                    false,
                    &Cause::new("JobResumed", "Job resumed"),
                );
                told = Some(("Resumed", "Job resumed"));
            }
            if text(job, "/status/startTime").is_empty() {
                memory.started = Instant::now();
                memory.not_before = memory.started;
                object(job, "status").insert("startTime".to_owned(), time::now().into());
            }
            Ok(())
        });
        let job = job.ok()?;
        if let Some((reason, message)) = told {
            self.tell(&job, false, reason, message);
        }
        Some(job)
    }

    /// Ends the Job, or starts a pod where one is missing.
    fn decide(&mut self, key: &Key, uid: &str, pods: &Pods, census: &Census) -> Option<Instant> {
        let job = self.store.get(key)?;
        let memory = self.memories.get_mut(uid)?;
        let now = Instant::now();
        let deadline = number(&job, "/spec/activeDeadlineSeconds")
            .and_then(|seconds| u32::try_from(seconds).ok())
            .map(|seconds| memory.started + self.settings.deadline_second * seconds);
        let target = conditions::find(&job, "FailureTarget")
            .map(|condition| Cause::new(text(condition, "/reason"), text(condition, "/message")));
        let completions = number(&job, "/spec/completions").unwrap_or(1);
        let failure = if target.is_some() {
            target
        } else if let Some(message) = &memory.fail_job {
            Some(Cause::new("PodFailurePolicy", message))
        } else if census.failed > number(&job, "/spec/backoffLimit").unwrap_or(6) {
            let message = "Job has reached the specified backoff limit";
            Some(Cause::new("BackoffLimitExceeded", message))
        } else if census.succeeded < completions && deadline.is_some_and(|deadline| deadline <= now)
        {
            let message = "Job was active longer than specified deadline";
            Some(Cause::new("DeadlineExceeded", message))
        } else {
            None
        };
        if let Some(cause) = failure {
            self.delete_active(pods);
            return self.end(key, uid, census, ("FailureTarget", "Failed"), &cause);
        }
        if census.succeeded >= completions {
            let message = "Reached expected number of succeeded pods";
            let cause = Cause::new("CompletionsReached", message);
            self.delete_active(pods);
            return self.end(key, uid, census, ("SuccessCriteriaMet", "Complete"), &cause);
        }
        let waits_for_end = text(&job, "/spec/podReplacementPolicy") == "Failed";
        let busy = census.active + if waits_for_end { census.terminating } else { 0 };
        let parallelism = number(&job, "/spec/parallelism").unwrap_or(1);
        let missing = (completions - census.succeeded).min(parallelism) - busy;
        if missing <= 0 {
            return deadline;
        }
        if memory.not_before > now {
            return Some(deadline.map_or(memory.not_before, |time| time.min(memory.not_before)));
        }
        for _ in 0..missing {
            let Err(wait) = self.create_next(uid, &job) else {
                continue;
            };
            let retry = now + wait;
            return Some(deadline.map_or(retry, |time| time.min(retry)));
        }
        deadline
    }

    fn create_next(&mut self, uid: &str, job: &Value) -> Result<(), Duration> {
        let attempt = self
            .memories
            .get(uid)
            .map_or(1, |memory| memory.created + 1);
        let result = self.create_pod(job, attempt);
        let Some(memory) = self.memories.get_mut(uid) else {
            return Ok(());
        };
        if result.is_ok() {
            memory.created += 1;
            memory.refused = 0;
            return Ok(());
        }
        memory.refused = memory.refused.saturating_add(1);
        let factor = 2_u32.saturating_pow(memory.refused - 1);
        Err(self
            .settings
            .backoff_base
            .saturating_mul(factor)
            .min(self.settings.max_backoff))
    }

    fn delete_active(&self, pods: &Pods) {
        let is_active = |pod: &Value| !pods::is_over(pod) && !is_deleted(pod);
        for (key, _) in pods.iter().filter(|(_, pod)| is_active(pod)) {
            // It may be gone by now.
            let _ = self.store.delete(key, &Deletion::default());
        }
    }

    pub(super) fn tell(&self, job: &Value, is_warning: bool, reason: &str, message: &str) {
        let about = (&JOBS, job);
        events::tell(
            &self.store,
            about,
            "job-controller",
            (is_warning, reason),
            message,
        );
    }
}
