//! One job while it runs: what is heard of it becomes events, logs and a verdict.

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
use toolhost_capability::timer::NextLook;
use toolhost_capability::{JobEnd, JobEventKind};

use super::diagnosis::{self, Creating, JobContext};
use super::hub::JobState;
use super::names::secret_name;
use super::phase;
use super::retry;
use attempt::Attempt;
use known::Known;
use state::Job;

pub(super) use state::Supervision;

/// How long the end of a job waits for attempts that it counts and that the other watch has not told yet.
const MISSING_DELAY: Duration = Duration::from_secs(2);
/// How long a cancelled job may take to go beyond the grace of its pods.
const CANCEL_TIMEOUT: Duration = Duration::from_mins(2);
/// How long the end of a job waits for its Secret to be deleted; it goes on without being waited for.
const CLEANUP_TIMEOUT: Duration = Duration::from_secs(5);

impl Supervision {
    /// Sees the job through to its end, and tells of it.
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
            let mut next = NextLook::begin();
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
                () = reporter.cancelled(), if !self.is_cancelled => self.cancel().await,
                () = shutdown.cancelled(), if !self.is_cancelled => self.cancel().await,
                () = subscription.changed() => {}
                Some(followed) = self.followers.join_next(), if !self.followers.is_empty() => {
                    if let Ok((index, followed)) = followed {
                        self.note_log(index, followed);
                    }
                }
                () = next.come() => {}
            }
        }
    }

    /// The end, once it is sure and nothing of the job runs.
    fn end(&mut self, next: &mut NextLook) -> Option<JobEnd> {
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

    /// Takes in what is known, and sets when to look again although nothing is heard.
    async fn advance(&mut self, state: &JobState, next: &mut NextLook) {
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

    /// Tells once of each time in which nothing is heard of the cluster.
    fn note_silence(&mut self, cause: Option<&Arc<kube::Error>>) {
        let told = std::mem::replace(&mut self.told_silence, cause.cloned());
        let (Some(cause), None) = (cause, told) else {
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
            "nothing was heard of the cluster for {} s: {}. The job goes on, and its end is told when the cluster is \
             heard of again",
            api.cluster.settings.silence.as_secs(),
            api.cluster.refused(cause, creating).message,
        );
        reporter.report(created.elapsed(), 0, JobEventKind::Warning { message });
    }

    /// What the job's own conditions say, where the attempts do not say it.
    async fn judge_job(&mut self, state: &JobState, next: &mut NextLook) {
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
        // A success before the cancellation stands.
        let has_succeeded = self
            .verdicts
            .iter()
            .any(|verdict| verdict.end.reason.is_none());
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
                && self.may_hear_of_pods(next).await
            {
                return;
            }
            self.verdict = verdict;
            return;
        }
        // A job that is over has no pod that runs.
        let is_behind = self.attempts.iter().any(Attempt::may_run);
        if is_behind && state.job.as_deref().is_some_and(phase::is_over) {
            self.may_hear_of_pods(next).await;
        }
    }

    /// Waits a moment for the watch of pods, and then asks for them. Says whether more may be heard of them.
    async fn may_hear_of_pods(&mut self, next: &mut NextLook) -> bool {
        let since = *self.missing.get_or_insert(next.now());
        if !next.is_due(since + MISSING_DELAY) {
            return true;
        }
        // What the list says is heard as what the watch says.
        !std::mem::replace(&mut self.has_listed, true) && self.list_pods().await
    }

    /// Asks for the pods of which the watch says nothing. Says whether there was an answer.
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
                tracing::warn!(%error, "the pods of a job that is over are not known");
                false
            }
        }
    }

    /// Whether the job is on the server although a list did not have it.
    async fn is_still_there(&self) -> bool {
        let api = &self.supervision.api;
        match api.get().await {
            Ok(job) => job.metadata.uid.as_ref() == Some(&api.uid),
            Err(_) => false,
        }
    }

    /// Begins to end the job because somebody wants it.
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
                    self.verdict = Some(JobEnd {
                        message: Some(format!("cancelled, but the job may still run: {error}")),
                        ..self.cancelled()
                    });
                }
            },
        }
        self.give_up = Some(Instant::now() + CANCEL_TIMEOUT);
    }

    /// How it ends when it is cancelled now.
    fn cancelled(&self) -> JobEnd {
        let controller = &self.supervision.controller;
        match &self.wait {
            Some(known) => controller.cancelled_waiting(known.as_wait()),
            None => controller.cancelled(),
        }
    }

    /// The Secret goes as soon as nobody needs it; the rest stays to be looked at until its time is over.
    async fn clean_up(&self) {
        let api = self.supervision.api.clone();
        let deletion = tokio::spawn(async move {
            let deleted = api.delete_secret().await;
            if let Err(error) = deleted.or_else(retry::already_gone) {
                tracing::warn!(%error, secret = secret_name(&api.name), "the Secret of a job could not be deleted; it goes with the job");
            }
        });
        drop(timeout(CLEANUP_TIMEOUT, deletion).await);
    }
}
