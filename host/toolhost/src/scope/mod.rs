//! Everything that belongs to one call, apart from the guest itself.
//!
//! Jobs that a call creates belong to its [`CallScope`], not to the guest's handles: however the call
//! ends, [`CallScope::finish`] ends them, and so does dropping the scope. This module is independent
//! of WebAssembly; [`crate::abi`] converts between it and the guest.

mod backends;
mod command_line;
mod context;
mod exposure;
mod fetch;
mod job;

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use secrecy::ExposeSecret;
use tokio_util::sync::CancellationToken;

pub(crate) use backends::Backends;
pub(crate) use context::CallContext;
pub(crate) use job::RunningJob;

use self::exposure::{secret_place, without_own_words};
use crate::capability::sync::lock;
use crate::capability::{CapabilityError, Explanation, JobEvent, JobIdentity, JobRequest, Reason};
use crate::limits::Limits;
use crate::log::JobLog;
use crate::progress::{ProgressEvent, ProgressSender};
use crate::sealing::{Redactor, Vault};

/// The state of one call.
#[derive(Debug)]
pub(crate) struct CallScope {
    /// The context of the call.
    pub context: CallContext,
    /// Its bounds.
    pub limits: Arc<Limits>,
    /// Its sealed values, and the secrets of its execution.
    pub vault: Vault,
    /// Ends it when cancelled.
    pub cancel: CancellationToken,
    backends: Arc<Backends>,
    progress: Option<ProgressSender>,
    jobs: Mutex<Vec<Arc<RunningJob>>>,
}

impl CallScope {
    /// The scope of a new call.
    #[must_use]
    pub(crate) fn new(
        context: CallContext,
        limits: Arc<Limits>,
        vault: Vault,
        cancel: CancellationToken,
        backends: Arc<Backends>,
        progress: Option<ProgressSender>,
    ) -> Self {
        Self {
            context,
            limits,
            vault,
            cancel,
            backends,
            progress,
            jobs: Mutex::new(Vec::new()),
        }
    }

    /// The name of the engine that runs the jobs.
    #[must_use]
    pub(crate) fn engine_name(&self) -> &'static str {
        self.backends.runner.name()
    }

    /// Removes the call's secrets from a text that leaves it.
    #[must_use]
    pub(crate) fn redact(&self, text: String) -> String {
        match self.redactor() {
            Some(redactor) => redactor.redact(&text).into_owned(),
            None => text,
        }
    }

    /// Removes the call's secrets from a message of a backend: it may quote a command that it expanded.
    #[must_use]
    pub(crate) fn redact_error(&self, error: CapabilityError) -> CapabilityError {
        let CapabilityError {
            explanation,
            retryable,
        } = error;
        CapabilityError {
            explanation: Explanation {
                message: self.redact(explanation.message),
                hint: explanation.hint.map(|hint| self.redact(hint)),
                ..explanation
            },
            retryable,
        }
    }

    /// As above, for an engine's event of a job.
    fn redact_event(&self, mut event: JobEvent) -> JobEvent {
        for text in event.kind.texts_mut() {
            *text = self.redact(std::mem::take(text));
        }
        event
    }

    /// Reports an event to the caller; it is not built if there is no receiver.
    pub(crate) fn report(&self, event: impl FnOnce() -> ProgressEvent) {
        if let Some(progress) = &self.progress {
            progress.send(event());
        }
    }

    /// The redactor of the secrets of the call's execution that are known so far; `None` if there are none.
    #[must_use]
    pub(crate) fn redactor(&self) -> Option<Arc<Redactor>> {
        self.vault.redactor()
    }

    /// Creates a job that belongs to this call; `sealed` names its variables whose values were sealed.
    ///
    /// Arguments with a secret reach no command line: the job gets the path of their file instead, and a
    /// warning says so.
    ///
    /// # Errors
    ///
    /// Those of [`JobRunner::create`](crate::capability::JobRunner::create), and [`Reason::SecretInSpec`],
    /// [`Reason::Quota`] and [`Reason::Cancelled`] before anything is done.
    pub(crate) async fn create_job(
        &self,
        mut request: JobRequest,
        mut sealed: HashSet<String>,
    ) -> Result<Arc<RunningJob>, CapabilityError> {
        self.check_for_secrets(&request)?;
        if let Some(redactor) = self.redactor() {
            let variables = request.environment.iter();
            let secret =
                variables.filter(|(_, value)| redactor.finds(value.expose_secret().as_bytes()));
            sealed.extend(secret.map(|(name, _)| name.to_string()));
        }
        let warning = command_line::keep_secrets_out(&mut request, &sealed)?;
        if self.jobs().len() >= self.limits.jobs {
            let message = format!("a call may create at most {} jobs", self.limits.jobs);
            return Err(CapabilityError::new(Reason::Quota, message));
        }
        let secrets = self.vault.execution().clone();
        let log = JobLog::new(
            request.name.as_str(),
            Arc::clone(&self.backends.logs),
            secrets,
        );
        let creation = self.backends.runner.create(request, Arc::clone(&log) as _);
        let created = self.unless_cancelled(creation).await?;
        let mut handle = created.map_err(|error| self.redact_error(error))?;
        if let Some(warning) = warning {
            handle.warn(warning);
        }
        let job = Arc::new(RunningJob::new(handle, log));
        if let Some(progress) = &self.progress {
            progress.follow(&job.identity().name, job.log());
        }
        self.jobs().push(Arc::clone(&job));
        if self.cancel.is_cancelled() {
            job.request_cancel();
        }
        Ok(job)
    }

    /// The next event of the job, or `None` if there is none within `wait`.
    pub(crate) async fn watch_job(&self, job: &RunningJob, wait: Duration) -> Option<JobEvent> {
        let event = tokio::time::timeout(wait, job.next_event())
            .await
            .ok()
            .flatten()?;
        let event = self.redact_event(event);
        self.report_job_event(job, &event);
        Some(event)
    }

    /// Runs `work` unless the call is cancelled first.
    ///
    /// # Errors
    ///
    /// [`Reason::Cancelled`].
    pub(crate) async fn unless_cancelled<T>(
        &self,
        work: impl Future<Output = T>,
    ) -> Result<T, CapabilityError> {
        let cancelled = || CapabilityError::new(Reason::Cancelled, "the call was cancelled");
        if self.cancel.is_cancelled() {
            return Err(cancelled());
        }
        // Work that is done at its first poll never has to wait for the token.
        tokio::select! {
            biased;
            result = work => Ok(result),
            () = self.cancel.cancelled() => Err(cancelled()),
        }
    }

    /// The jobs that the call has created.
    pub(crate) fn job_identities(&self) -> Vec<JobIdentity> {
        self.jobs()
            .iter()
            .map(|job| job.identity().clone())
            .collect()
    }

    /// Requests the end of every job of the call.
    pub(crate) fn cancel_jobs(&self) {
        for job in self.jobs().iter() {
            job.request_cancel();
        }
    }

    /// Ends what the call left running, reports it to the caller, and closes the logs.
    ///
    /// Bounded by [`Limits::cleanup_time`]; an engine that takes longer continues by itself.
    pub(crate) async fn finish(&self) {
        let jobs: Vec<_> = self.jobs().clone();
        // Usually the tool has observed the end of its jobs, which closes the logs.
        if jobs.iter().all(|job| job.is_finished()) {
            return;
        }
        for job in &jobs {
            job.request_cancel_unless_finished();
        }
        let all_ended = async {
            for job in &jobs {
                while let Some(event) = job.next_event().await {
                    self.report_job_event(job, &self.redact_event(event));
                }
            }
        };
        if tokio::time::timeout(self.limits.cleanup_time, all_ended)
            .await
            .is_err()
        {
            tracing::warn!(
                step = self.context.step,
                "a job has not ended in time; its engine continues to end it"
            );
        }
        for job in &jobs {
            job.log().close();
        }
    }

    /// How a job of the call ended that was cancelled before any of it could start; `None` if there is none.
    pub(crate) fn interrupted_wait(&self) -> Option<Explanation> {
        self.jobs()
            .iter()
            .find_map(|job| job.interrupted().cloned())
    }

    fn report_job_event(&self, job: &RunningJob, event: &JobEvent) {
        if let Some(progress) = &self.progress {
            progress.send_job_event(&job.identity().name, job.log(), event.clone());
        }
    }

    /// A job's specification is widely readable; secrets are only in its environment.
    fn check_for_secrets(&self, request: &JobRequest) -> Result<(), CapabilityError> {
        let redactor = self.redactor();
        let is_secret = |text: &str| {
            Vault::has_reference(text)
                || redactor.as_ref().is_some_and(|redactor| {
                    redactor.finds(text.as_bytes())
                        && redactor.finds(without_own_words(text, &self.context).as_bytes())
                })
        };
        // A server may echo the secrets that it got in the script that it sends. The two kinds are only
        // distinguished if there are any.
        let is_sealed = |text: &str| {
            let sealed = || self.vault.execution().redactor_of_configuration();
            is_secret(text)
                && (Vault::has_reference(text)
                    || sealed().is_some_and(|sealed| sealed.finds(text.as_bytes())))
        };
        let Some(place) = secret_place(request, is_secret, is_sealed) else {
            return Ok(());
        };
        let message =
            format!("the job's {place} would disclose a secret to everyone who may read jobs");
        let hint = "pass secrets in `job.env` or `args`, which are stored in the job's secret";
        Err(CapabilityError::new(Reason::SecretInSpec, message).with_hint(hint))
    }

    fn jobs(&self) -> MutexGuard<'_, Vec<Arc<RunningJob>>> {
        lock(&self.jobs)
    }
}
