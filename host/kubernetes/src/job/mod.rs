//! Supervision of one job: turns what is received about it into events, logs and a verdict.

mod attempt;
mod attempts;
mod known;
mod queue;
mod sidecar;
mod state;
mod waiting;

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout};
use toolhost_capability::timer::NextCheck;
use toolhost_capability::{JobEnd, JobEventKind};

use super::diagnosis::{self, Creating, JobContext};
use super::job_watcher::JobState;
use super::names::secret_name;
use super::phase;
use super::retry;
use attempt::Attempt;
use known::Known;
use state::Job;

pub(super) use state::Supervision;

/// How long the end of a job waits for attempts that it counts and that the other watch has not reported yet.
const MISSING_DELAY: Duration = Duration::from_secs(2);
/// How long a cancelled job may take to end, in addition to the grace period of its pods.
const CANCEL_TIMEOUT: Duration = Duration::from_mins(2);
/// How long the end of a job waits for the deletion of its Secret; the deletion continues afterwards.
const CLEANUP_TIMEOUT: Duration = Duration::from_secs(5);

impl Supervision {
    /// Supervises the job to its end, and reports it.
    pub(super) async fn run(self) {
        for message in &self.warnings {
            let message = message.clone();
            self.reporter
                .report(self.created.elapsed(), 0, JobEventKind::Warning { message });
        }
        let mut job = Job::new(self);
        let end = job.run().await;
        job.clean_up().await;
        let supervision = job.supervision;
        supervision.reporter.report(
            supervision.created.elapsed(),
            0,
            JobEventKind::Finished(end),
        );
    }
}

impl Job {
    async fn run(&mut self) -> JobEnd {
        loop {
            let state = self
                .supervision
                .subscription
                .state(&self.supervision.api.uid);
            let mut next = NextCheck::begin();
            self.advance(&state, &mut next).await;
            if let Some(end) = self.end(&mut next) {
                return end;
            }
            let Supervision {
                reporter,
                shutdown,
                subscription,
                ..
            } = &self.supervision;
            tokio::select! {
                // In this order, so that what happens at the same time has one result.
                biased;
                () = reporter.cancelled(), if !self.is_cancelled => self.cancel().await,
                () = shutdown.cancelled(), if !self.is_cancelled => self.cancel().await,
                Some(followed) = self.followers.join_next(), if !self.followers.is_empty() => {
                    if let Ok((index, followed)) = followed {
                        self.note_log(index, followed);
                    }
                }
                () = subscription.changed() => {}
                () = next.come() => {}
            }
        }
    }

    /// Returns the end, once it is certain and nothing of the job runs.
    fn end(&mut self, next: &mut NextCheck) -> Option<JobEnd> {
        let is_over = self.attempts.iter().all(|attempt| attempt.has_ended);
        let is_given_up = self.give_up.is_some_and(|give_up| next.is_due(give_up));
        if !(is_over || is_given_up) {
            return None;
        }
        if is_given_up && self.verdict.is_none() {
            return Some(self.cancelled());
        }
        self.verdict.clone()
    }

    /// Processes the known state, and sets the next check in case no event is received.
    async fn advance(&mut self, state: &JobState, next: &mut NextCheck) {
        self.note_pods(&state.pods, state.job.as_deref());
        self.note_silence(state.silence.as_ref());
        for index in 0..self.attempts.len() {
            self.advance_attempt(index, state.job.as_deref(), next);
        }
        self.end_surplus().await;
        if self.verdict.is_none() && !self.is_cancelled {
            self.judge_waiting(state.job.as_deref(), next).await;
        }
        self.judge_job(state, next).await;
    }

    /// Reports each outage of the watches once.
    fn note_silence(&mut self, cause: Option<&Arc<kube::Error>>) {
        let reported = std::mem::replace(&mut self.reported_silence, cause.cloned());
        let (Some(cause), None) = (cause, reported) else {
            return;
        };
        let Supervision {
            api,
            reporter,
            created,
            ..
        } = &self.supervision;
        let creating = Creating {
            kind: "watch",
            job: &api.name,
        };
        let message = format!(
            "no events were received from the cluster for {} s: {}. The job continues, and its end is reported when the \
             cluster answers again",
            api.cluster.settings.silence.as_secs(),
            api.cluster.refused(cause, creating).explanation.message,
        );
        reporter.report(created.elapsed(), 0, JobEventKind::Warning { message });
    }

    /// Evaluates the job's own conditions, where the attempts do not decide.
    async fn judge_job(&mut self, state: &JobState, next: &mut NextCheck) {
        if self.verdict.is_some() {
            return;
        }
        let all_ended = self.attempts.iter().all(|attempt| attempt.has_ended);
        if state.is_job_gone && !self.is_lost {
            if !self.is_cancelled && self.is_still_there().await {
                return;
            }
            self.is_lost = true;
            if self.is_cancelled {
                self.verdict = Some(self.cancelled());
                return;
            }
        }
        if self.is_lost && all_ended {
            self.verdict = Some(self.supervision.controller.deleted());
            return;
        }
        // A success before the cancellation remains a success.
        let has_succeeded = self
            .verdicts
            .iter()
            .any(|verdict| verdict.end.reason().is_none());
        if let Some(job) = state.job.as_deref()
            && all_ended
            && (!self.is_cancelled || has_succeeded)
        {
            let context = JobContext {
                wait: self.wait.as_ref().map(Known::as_wait),
                uncounted: self.uncounted,
            };
            let verdict = diagnosis::job_end(job, &self.verdicts, context);
            if verdict.is_some()
                && diagnosis::attempts_missing(job, &self.verdicts, context)
                && self.may_receive_pods(next).await
            {
                return;
            }
            self.verdict = verdict;
            return;
        }
        // A finished job has no running pods.
        let is_behind = self.attempts.iter().any(Attempt::may_run);
        if is_behind && state.job.as_deref().is_some_and(phase::is_over) {
            self.may_receive_pods(next).await;
        }
    }

    /// Waits a moment for the watch of pods, and then lists them. Returns whether more may be received about them.
    async fn may_receive_pods(&mut self, next: &mut NextCheck) -> bool {
        let since = *self.missing.get_or_insert(next.now());
        if !next.is_due(since + MISSING_DELAY) {
            return true;
        }
        // A list is received like events of the watch.
        !std::mem::replace(&mut self.has_listed, true) && self.list_pods().await
    }

    /// Lists the pods that the watch does not report. Returns whether the server answered.
    async fn list_pods(&self) -> bool {
        let Supervision {
            api, subscription, ..
        } = &self.supervision;
        match api.pods().await {
            Ok(pods) => {
                subscription.learn(None, pods);
                true
            }
            Err(error) => {
                tracing::warn!(%error, "the pods of a finished job are unknown");
                false
            }
        }
    }

    /// Whether the job exists on the server although a list did not contain it.
    async fn is_still_there(&self) -> bool {
        let api = &self.supervision.api;
        match api.get().await {
            Ok(job) => job.metadata.uid.as_ref() == Some(&api.uid),
            Err(_) => false,
        }
    }

    /// Cancels the job.
    async fn cancel(&mut self) {
        self.is_cancelled = true;
        if self.verdict.is_some() {
            return;
        }
        let api = &self.supervision.api;
        match api.delete().await {
            Ok(()) => {}
            Err(error) => match retry::already_gone(error) {
                Ok(()) => {
                    self.is_lost = true;
                    self.verdict = Some(self.cancelled());
                }
                Err(error) => {
                    tracing::warn!(%error, job = api.name, "a job could not be deleted");
                    let mut end = self.cancelled();
                    if let Some(why) = &mut end.explanation {
                        why.message = format!("cancelled, but the job may still run: {error}");
                    }
                    self.verdict = Some(end);
                }
            },
        }
        self.give_up = Some(Instant::now() + CANCEL_TIMEOUT);
    }

    /// Returns the end of a job that is cancelled now.
    fn cancelled(&self) -> JobEnd {
        let controller = &self.supervision.controller;
        match &self.wait {
            Some(known) => controller.cancelled_waiting(known.as_wait()),
            None => controller.cancelled(),
        }
    }

    /// Deletes the Secret as soon as it is not needed; the rest stays for inspection until its time to live is over.
    async fn clean_up(&self) {
        if !self.supervision.has_secret {
            return;
        }
        let api = self.supervision.api.clone();
        let deletion = tokio::spawn(async move {
            let deleted = api.delete_secret().await;
            if let Err(error) = deleted.or_else(retry::already_gone) {
                tracing::warn!(%error, secret = secret_name(&api.name), "the Secret of a job could not be deleted; it is deleted with the job");
            }
        });
        drop(timeout(CLEANUP_TIMEOUT, deletion).await);
    }
}
