//! Administration of the jobs of this host, in addition to reading: list, cancel, sweep.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use toolhost_capability::{CapabilityError, Reason};

use super::api;
use super::diagnosis::Creating;
use super::engine::KubernetesEngine;
use super::manifest::{MANAGED_BY_LABEL, MANAGED_BY_VALUE};
use super::names::{INPUTS_ANNOTATION, INPUTS_IN_JOB, secret_name};
use super::queue::QUEUE_LABEL;
use super::retry;
use super::view::JobView;

/// A job of this host, as the API server reports it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct JobSummary {
    /// Its name.
    pub name: String,
    /// Its labels, which include the step and the execution.
    pub labels: BTreeMap<String, String>,
    /// Its state.
    pub state: JobState,
    /// When it was created.
    pub created: Option<SystemTime>,
    /// How many attempts failed.
    pub failed: u32,
    /// Why it failed, as the cluster reports it.
    pub reason: Option<String>,
}

/// State of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobState {
    /// It was created and not resumed: its host was killed before it could, or a queue holds it.
    Suspended,
    /// It waits for its pod, or runs.
    Active,
    /// It succeeded.
    Succeeded,
    /// It failed.
    Failed,
    /// It is being deleted.
    Deleting,
}

impl JobState {
    /// Returns the name of the state.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Suspended => "suspended",
            Self::Active => "active",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Deleting => "deleting",
        }
    }
}

/// Options of a sweep.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct SweepOptions {
    /// Minimum age of a job that was created and never resumed. A host resumes a job within seconds.
    pub min_age: Duration,
    /// Whether finished jobs are deleted as well, rather than left until their time to live is over.
    pub finished: bool,
    /// Whether to report only what would be done.
    pub dry_run: bool,
}

impl Default for SweepOptions {
    fn default() -> Self {
        Self {
            min_age: Duration::from_mins(10),
            finished: false,
            dry_run: false,
        }
    }
}

/// What a sweep did, or would do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Swept {
    /// Jobs that were deleted.
    pub jobs: Vec<String>,
    /// Secrets of finished jobs.
    pub secrets: Vec<String>,
}

impl KubernetesEngine {
    /// Lists the jobs of this host in a namespace, oldest first.
    ///
    /// # Errors
    ///
    /// The server refuses the request, or does not answer.
    pub async fn jobs(&self, namespace: &str) -> Result<Vec<JobSummary>, CapabilityError> {
        let mut jobs: Vec<_> = self
            .job_views(namespace)
            .await?
            .iter()
            .map(summary)
            .collect();
        jobs.sort_by(|one, other| (one.created, &one.name).cmp(&(other.created, &other.name)));
        Ok(jobs)
    }

    /// Ends a job and deletes it with everything that belongs to it. Returns when the server has accepted the request.
    ///
    /// # Errors
    ///
    /// The same as those of [`jobs`](Self::jobs), and that there is no such job.
    pub async fn cancel_job(&self, namespace: &str, name: &str) -> Result<(), CapabilityError> {
        let (job, uid) = self.own_job(namespace, name).await?;
        self.delete_job(namespace, name, &uid).await?;
        if !is_in_job(&job) {
            self.delete_secret(namespace, &secret_name(name), false)
                .await?;
        }
        Ok(())
    }

    /// Removes what killed hosts left behind, and nothing else: jobs that were created and never resumed, and Secrets
    /// of finished jobs.
    ///
    /// Running jobs are left alone: another host may resume watching them.
    ///
    /// # Errors
    ///
    /// The same as those of [`jobs`](Self::jobs).
    pub async fn sweep(
        &self,
        namespace: &str,
        options: SweepOptions,
    ) -> Result<Swept, CapabilityError> {
        let now = self.cluster().connection.now();
        let mut swept = Swept::default();
        for job in self.job_views(namespace).await? {
            let (Some(name), Some(uid)) = (&job.metadata.name, &job.metadata.uid) else {
                continue;
            };
            let is_over = matches!(state(&job), JobState::Succeeded | JobState::Failed);
            let is_abandoned = is_abandoned(&job, options.min_age, now);
            let secret = secret_name(name);
            if (is_over || is_abandoned)
                && !is_in_job(&job)
                && self
                    .delete_secret(namespace, &secret, options.dry_run)
                    .await?
            {
                swept.secrets.push(secret);
            }
            if is_abandoned || (is_over && options.finished) {
                if !options.dry_run {
                    self.delete_job(namespace, name, uid).await?;
                }
                swept.jobs.push(name.clone());
            }
        }
        Ok(swept)
    }

    async fn job_views(&self, namespace: &str) -> Result<Vec<JobView>, CapabilityError> {
        let client = self.cluster().connection.client();
        let jobs = self
            .cluster()
            .before(|| {
                api::jobs_with_label(&client, namespace, (MANAGED_BY_LABEL, MANAGED_BY_VALUE))
            })
            .await;
        jobs.map_err(|error| self.refused(&error))
    }

    /// Returns the job of this name, if this program created it, and its uid.
    pub(super) async fn own_job(
        &self,
        namespace: &str,
        name: &str,
    ) -> Result<(JobView, String), CapabilityError> {
        let client = self.cluster().connection.client();
        let job = self
            .cluster()
            .before(|| api::get_job(&client, namespace, name))
            .await;
        let job = job.map_err(|error| match retry::code(&error) {
            Some(404) => {
                let message = format!("there is no job `{name}` in the namespace `{namespace}`");
                CapabilityError::new(Reason::InvalidRequest, message)
                    .with_hint("list the jobs with `toolhost job list`")
            }
            _ => self.refused(&error),
        })?;
        let labels = job.metadata.labels.as_ref();
        let manager = labels.and_then(|labels| labels.get(MANAGED_BY_LABEL));
        let is_own = manager.is_some_and(|manager| manager == MANAGED_BY_VALUE);
        let uid = job.metadata.uid.clone().filter(|_| is_own);
        uid.map(|uid| (job, uid)).ok_or_else(|| {
            let message = format!("the job `{name}` was not created by this program");
            let error = CapabilityError::new(Reason::InvalidRequest, message);
            error.with_hint(format!(
                "its label `{MANAGED_BY_LABEL}` is not `{MANAGED_BY_VALUE}`"
            ))
        })
    }

    async fn delete_job(
        &self,
        namespace: &str,
        name: &str,
        uid: &str,
    ) -> Result<(), CapabilityError> {
        let client = self.cluster().connection.client();
        let deleted = self
            .cluster()
            .before(|| api::delete_job(&client, namespace, name, uid))
            .await;
        self.was_there(deleted)?;
        Ok(())
    }

    /// Deletes the Secret of a job. Returns whether there was one; with `dry_run`, only asks whether it could be
    /// deleted.
    async fn delete_secret(
        &self,
        namespace: &str,
        name: &str,
        dry_run: bool,
    ) -> Result<bool, CapabilityError> {
        let client = self.cluster().connection.client();
        let deleted = self
            .cluster()
            .before(|| api::delete_secret(&client, namespace, name, dry_run))
            .await;
        self.was_there(deleted)
    }

    fn was_there(&self, deleted: Result<(), kube::Error>) -> Result<bool, CapabilityError> {
        match deleted {
            Ok(()) => Ok(true),
            Err(error) => retry::already_gone(error)
                .map(|()| false)
                .map_err(|error| self.refused(&error)),
        }
    }

    pub(super) fn refused(&self, error: &kube::Error) -> CapabilityError {
        let asked = Creating {
            kind: "Job",
            job: "",
        };
        self.cluster().refused(error, asked)
    }
}

fn summary(job: &JobView) -> JobSummary {
    let failure = job.condition("Failed");
    let created = job.metadata.creation_timestamp.as_ref();
    JobSummary {
        name: job.metadata.name.clone().unwrap_or_default(),
        labels: job.metadata.labels.clone().unwrap_or_default(),
        state: state(job),
        created: created.map(|time| SystemTime::from(time.0)),
        failed: job.status.failed.unwrap_or_default(),
        reason: failure.and_then(|failure| failure.reason.clone()),
    }
}

fn state(job: &JobView) -> JobState {
    if job.metadata.deletion_timestamp.is_some() {
        JobState::Deleting
    } else if job.condition("Complete").is_some() {
        JobState::Succeeded
    } else if job.condition("Failed").is_some() {
        JobState::Failed
    } else if job.spec.suspend == Some(true) {
        JobState::Suspended
    } else {
        JobState::Active
    }
}

/// Whether a host created the job and never resumed it.
fn is_abandoned(job: &JobView, min_age: Duration, now: Timestamp) -> bool {
    let labels = job.metadata.labels.as_ref();
    let is_queued = labels.is_some_and(|labels| labels.contains_key(QUEUE_LABEL));
    let age = job
        .metadata
        .creation_timestamp
        .as_ref()
        .map(|time| now - time.0);
    let is_old = age
        .and_then(|age| Duration::try_from(age).ok())
        .is_some_and(|age| age >= min_age);
    // One that contains its inputs was created running, and suspended by someone else.
    state(job) == JobState::Suspended && is_old && !is_queued && !is_in_job(job)
}

/// Whether the job contains all of its inputs: no Secret belongs to it.
fn is_in_job(job: &JobView) -> bool {
    let annotations = job.metadata.annotations.as_ref();
    let inputs = annotations.and_then(|annotations| annotations.get(INPUTS_ANNOTATION));
    inputs.is_some_and(|inputs| inputs == INPUTS_IN_JOB)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn job(value: serde_json::Value) -> JobView {
        serde_json::from_value(value).unwrap()
    }

    fn created(seconds_ago: i64) -> String {
        (Timestamp::now() - Duration::from_secs(seconds_ago.unsigned_abs())).to_string()
    }

    #[test]
    fn the_state_of_a_job_follows_from_its_conditions() {
        let complete = json!([{"type": "Complete", "status": "True"}]);
        let failed = json!([{"type": "Failed", "status": "True", "reason": "DeadlineExceeded"}]);
        for (value, expected) in [
            (json!({"spec": {"suspend": true}}), JobState::Suspended),
            (json!({"spec": {"suspend": false}}), JobState::Active),
            (
                json!({"status": {"conditions": complete}}),
                JobState::Succeeded,
            ),
            (json!({"status": {"conditions": failed}}), JobState::Failed),
            (
                json!({"metadata": {"deletionTimestamp": "2026-11-24T10:00:00Z"}}),
                JobState::Deleting,
            ),
        ] {
            assert_eq!(state(&job(value.clone())), expected, "{value}");
        }
    }

    #[test]
    fn only_old_jobs_that_were_never_resumed_are_abandoned() {
        let min_age = Duration::from_mins(1);
        let suspended = json!({"suspend": true});
        let old = json!({"creationTimestamp": created(120)});
        let young = json!({"creationTimestamp": created(5)});
        let queued = json!({"creationTimestamp": created(120), "labels": {QUEUE_LABEL: "q"}});
        let annotations = json!({INPUTS_ANNOTATION: INPUTS_IN_JOB});
        let whole = json!({"creationTimestamp": created(120), "annotations": annotations});
        for (metadata, spec, expected) in [
            (&old, &suspended, true),
            (&young, &suspended, false),
            (&queued, &suspended, false),
            (&whole, &suspended, false),
            (&old, &json!({"suspend": false}), false),
        ] {
            let job = job(json!({"metadata": metadata, "spec": spec}));
            assert_eq!(
                is_abandoned(&job, min_age, Timestamp::now()),
                expected,
                "{metadata} {spec}"
            );
        }
    }
}
