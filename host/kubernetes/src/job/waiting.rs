//! Why a job waits: reported, waited for, or given up.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;
use toolhost_capability::timer::NextCheck;
use toolhost_capability::{JobEnd, JobStatus, Reason};

use super::attempt::Attempt;
use super::known::Known;
use super::state::Job;
use crate::diagnosis::{self, Verdict, Waiting, WaitingContext};
use crate::retry;
use crate::view::JobView;

/// How long the end of a given-up job may take before it is reported anyway.
const GIVE_UP_TIMEOUT: Duration = Duration::from_secs(10);

impl Job {
    /// Determines why nothing runs, reports it, and ends a job that cannot start.
    pub(super) async fn judge_waiting(&mut self, job: Option<&JobView>, next: &mut NextCheck) {
        let current = self.attempts.last().filter(|attempt| !attempt.has_ended);
        let is_running = current.is_some_and(Attempt::is_reported);
        let is_deleted =
            current.is_some_and(|attempt| attempt.pod.metadata.deletion_timestamp.is_some());
        let mut earlier = self.attempts.iter().rev().skip(1);
        if is_running && !is_deleted || earlier.any(|attempt| !attempt.has_ended) {
            return;
        }
        // A suspended job has only pods that are being deleted: otherwise, the job was received before it was resumed.
        let has_pod = current.is_some() && (is_running || !is_deleted);
        match job.filter(|job| job.spec.suspend == Some(true)) {
            Some(job) if !has_pod => return self.judge_suspension(job, next).await,
            _ => self.end_suspension(),
        }
        let current = self.attempts.last().filter(|attempt| !attempt.has_ended);
        let context = self.context(self.supervision.api.cluster.connection.now());
        let said = current.and_then(|attempt| diagnosis::waiting(&attempt.pod, context));
        // A change of the pod's status is an event. The pod's events are listed, and again where they may change.
        let is_of_pod = said.is_some();
        if current.is_some_and(Attempt::may_run) && !is_deleted && !is_of_pod {
            self.wait.take_if(|known| !known.may_hold());
        }
        let waiting = match said {
            Some(waiting) => waiting,
            None if !self.event_check.is_due(next) => return,
            None => {
                let Some(waiting) = self.said_in_events().await else {
                    next.is_due(self.event_check.at);
                    return;
                };
                waiting
            }
        };
        self.report_waiting(&waiting);
        if is_running {
            if !is_of_pod {
                next.is_due(self.event_check.at);
            }
            return;
        }
        self.wait = Some(Known::new(&waiting, is_of_pod));
        match self.wait_timer.judge(&waiting, next.now()) {
            Verdict::GiveUp => self.give_up(waiting).await,
            Verdict::CheckAgain(after) if is_of_pod => next.after(after),
            Verdict::CheckAgain(after) => {
                self.event_check.at = self.event_check.at.min(next.now() + after);
                next.is_due(self.event_check.at);
            }
            Verdict::Wait if is_of_pod => {}
            Verdict::Wait => {
                next.is_due(self.event_check.at);
            }
        }
    }

    /// Returns the cause from events where the objects give none: that no pod can be created, or that its node cannot
    /// prepare it.
    async fn said_in_events(&self) -> Option<Waiting> {
        let current = self.attempts.last().filter(|attempt| !attempt.has_ended);
        let uid = current.map_or(&self.supervision.api.uid, |attempt| &attempt.uid);
        let events = self.supervision.api.warnings(uid).await;
        let context = self.context(self.supervision.api.cluster.connection.now());
        match current {
            Some(_) => diagnosis::from_pod_events(&events, context),
            None => diagnosis::failed_create(&events, context),
        }
    }

    fn context(&self, now: Timestamp) -> WaitingContext<'_> {
        WaitingContext {
            own_objects: &self.supervision.own_objects,
            wait_policy: &self.wait_policy,
            now,
        }
    }

    /// Ends a job that would wait indefinitely.
    async fn give_up(&mut self, mut waiting: Waiting) {
        if waiting.cause.reason == Reason::ImagePull
            && let Some(attempt) = self.attempts.last()
        {
            waiting = diagnosis::with_pull_secrets(
                waiting,
                &self.supervision.api.warnings(&attempt.uid).await,
            );
        }
        let api = &self.supervision.api;
        if let Err(error) = api.end(waiting.cause.reason.as_str()).await {
            tracing::debug!(%error, "a job that cannot start could not be marked, and is deleted");
            let deleted = api.delete().await;
            if let Err(error) = deleted.or_else(retry::already_gone) {
                tracing::warn!(%error, job = api.name, "a job that cannot start could not be deleted");
            }
        }
        // A pod that never ran is not an attempt.
        if let Some(last) = self.attempts.len().checked_sub(1)
            && self
                .attempts
                .last()
                .is_some_and(|attempt| !attempt.has_ended)
        {
            self.drop_attempt(last);
        }
        let failed = self
            .verdicts
            .iter()
            .filter(|verdict| verdict.counts && verdict.end.reason().is_some());
        let failed = u32::try_from(failed.count()).unwrap_or(u32::MAX);
        self.verdict = Some(JobEnd {
            status: JobStatus::Failed,
            succeeded: 0,
            failed,
            explanation: Some(waiting.cause),
        });
        self.give_up = Some(Instant::now() + GIVE_UP_TIMEOUT);
    }
}
