//! Why nothing of a job runs: told, waited for, or given up.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;
use toolhost_capability::Reason;
use toolhost_capability::timer::NextLook;

use super::attempt::Attempt;
use super::known::Known;
use super::state::Job;
use crate::diagnosis::{self, Verdict, Waiting, WaitingContext};
use crate::retry;
use crate::view::JobView;

/// How long the end of a job that was given up may take before it is told all the same.
const GIVE_UP_TIMEOUT: Duration = Duration::from_secs(10);

impl Job {
    /// Looks at why nothing runs, tells it, and ends what has no hope.
    pub(super) async fn judge_waiting(&mut self, job: Option<&JobView>, next: &mut NextLook) {
        let current = self.attempts.last().filter(|attempt| !attempt.has_ended);
        let is_running = current.is_some_and(Attempt::is_told);
        let is_deleted =
            current.is_some_and(|attempt| attempt.pod.metadata.deletion_timestamp.is_some());
        let mut earlier = self.attempts.iter().rev().skip(1);
        if is_running && !is_deleted || earlier.any(|attempt| !attempt.has_ended) {
            return;
        }
        // A suspended job has no pod that nobody deletes: where there is one, the job was heard before it was let go.
        let has_pod = current.is_some() && (is_running || !is_deleted);
        match job.filter(|job| job.spec.suspend == Some(true)) {
            Some(job) if !has_pod => return self.judge_suspension(job, next).await,
            _ => self.end_suspension(),
        }
        let current = self.attempts.last().filter(|attempt| !attempt.has_ended);
        let context = self.context(Timestamp::now());
        let said = current.and_then(|attempt| diagnosis::waiting(&attempt.pod, context));
        // What a pod says is heard of when it changes. Events are asked for, and again where they may.
        let is_of_pod = said.is_some();
        if current.is_some_and(Attempt::may_run) && !is_deleted && !is_of_pod {
            self.wait.take_if(|known| !known.may_hold());
        }
        let waiting = match said {
            Some(waiting) => waiting,
            None if !self.look.is_due(next) => return,
            None => {
                let Some(waiting) = self.said_in_events().await else {
                    next.is_due(self.look.at);
                    return;
                };
                waiting
            }
        };
        self.tell_waiting(&waiting);
        if is_running {
            if !is_of_pod {
                next.is_due(self.look.at);
            }
            return;
        }
        self.wait = Some(Known::new(&waiting, is_of_pod));
        match self.patience.judge(&waiting, next.now()) {
            Verdict::GiveUp => self.give_up(waiting).await,
            Verdict::LookAgain(after) if is_of_pod => next.after(after),
            Verdict::LookAgain(after) => {
                self.look.at = self.look.at.min(next.now() + after);
                next.is_due(self.look.at);
            }
            Verdict::Wait if is_of_pod => {}
            Verdict::Wait => {
                next.is_due(self.look.at);
            }
        }
    }

    /// What events say where objects say nothing: that no pod can be made, or that its node cannot prepare
    /// it.
    async fn said_in_events(&self) -> Option<Waiting> {
        let current = self.attempts.last().filter(|attempt| !attempt.has_ended);
        let uid = current.map_or(&self.supervision.api.uid, |attempt| &attempt.uid);
        let events = self.supervision.api.warnings(uid).await;
        let context = self.context(Timestamp::now());
        match current {
            Some(_) => diagnosis::from_pod_events(&events, context),
            None => diagnosis::failed_create(&events, context),
        }
    }

    fn context(&self, now: Timestamp) -> WaitingContext<'_> {
        WaitingContext {
            own_objects: &self.supervision.own_objects,
            graces: &self.graces,
            now,
        }
    }

    /// Ends a job that would wait for ever.
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
        // What never ran is no attempt.
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
            .filter(|verdict| verdict.counts && verdict.end.reason.is_some());
        let failed = u32::try_from(failed.count()).unwrap_or(u32::MAX);
        self.verdict = Some(waiting.cause.into_job_end(failed));
        self.give_up = Some(Instant::now() + GIVE_UP_TIMEOUT);
    }
}
