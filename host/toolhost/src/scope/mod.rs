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
mod request_fields;

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use secrecy::ExposeSecret;
use tokio_util::sync::CancellationToken;

pub(crate) use backends::Backends;
pub(crate) use context::CallContext;
pub use context::SettingNames;
pub(crate) use job::RunningJob;
pub(crate) use request_fields::{DescribedFields, RequestFields};

use self::exposure::{secret_place, without_own_words};
use crate::capability::sync::lock;
use crate::capability::{
    ARGUMENTS_FIELD, CapabilityError, Explanation, Hint, JobEvent, JobIdentity, JobRequest, Reason,
};
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
    is_rehearsal: bool,
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
            is_rehearsal: false,
            jobs: Mutex::new(Vec::new()),
        }
    }

    /// Marks the call as one that is only checked: what the tool says in it is not logged.
    #[must_use]
    pub(crate) fn in_rehearsal(mut self) -> Self {
        self.is_rehearsal = true;
        self
    }

    /// Whether the call is only checked.
    #[must_use]
    pub(crate) fn is_rehearsal(&self) -> bool {
        self.is_rehearsal
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

    /// The error of a request for an object as the tool gets it: with the keys of its configuration, and without secrets.
    #[must_use]
    pub(crate) fn object_error(&self, error: CapabilityError) -> CapabilityError {
        error.map(|why| self.redact_explanation(self.context.fields.explain_object(why)))
    }

    /// The same for a job. What a backend says may quote a command that it expanded.
    fn job_error(&self, error: CapabilityError) -> CapabilityError {
        error.map(|why| self.redact_explanation(self.context.fields.explain_job(why)))
    }

    /// The same for an event of a job.
    fn explain_event(&self, mut event: JobEvent) -> JobEvent {
        if let Some(message) = event.kind.message_mut() {
            *message = self.redact(std::mem::take(message));
        }
        if let Some(why) = event.kind.explanation_mut() {
            let explained = self.context.fields.explain_job(why.clone());
            *why = self.redact_explanation(explained);
        }
        event
    }

    /// Removes the call's secrets from an explanation, which names the host's settings from now on.
    pub(crate) fn redact_explanation(&self, why: Explanation) -> Explanation {
        let hint = why.hint.map(|hint| {
            let hint = match self.context.setting_names {
                Some(names) => hint.name_settings(names),
                None => hint,
            };
            Hint::from(self.redact(hint.to_string()))
        });
        Explanation {
            message: self.redact(why.message),
            hint,
            ..why
        }
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
        let own = |error: CapabilityError| error.map(|why| self.context.fields.explain_job(why));
        self.check_for_secrets(&request).map_err(own)?;
        if let Some(redactor) = self.redactor() {
            let variables = request.environment.iter();
            let secret =
                variables.filter(|(_, value)| redactor.finds(value.expose_secret().as_bytes()));
            sealed.extend(secret.map(|(name, _)| name.to_string()));
        }
        let warning = command_line::keep_secrets_out(&mut request, &sealed).map_err(own)?;
        request.public = exposure::public_values(&request, &sealed, self.redactor().as_deref());
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
        let mut handle = created.map_err(|error| self.job_error(error))?;
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
        let event = self.explain_event(event);
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
                    self.report_job_event(job, &self.explain_event(event));
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
            .map(|why| self.context.fields.explain_job(why))
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
        let hint = Hint::from("pass secrets in ")
            .field("environment")
            .text(" or ")
            .field(ARGUMENTS_FIELD)
            .text(", which are stored in the job's secret");
        Err(CapabilityError::new(Reason::SecretInSpec, message).with_hint(hint))
    }

    fn jobs(&self) -> MutexGuard<'_, Vec<Arc<RunningJob>>> {
        lock(&self.jobs)
    }
}
