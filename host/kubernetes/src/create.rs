//! From a request to a running job: created, adopted, or refused.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use toolhost_capability::controller::Controller;
use toolhost_capability::request::conflict;
use toolhost_capability::text::hexadecimal;
use toolhost_capability::{
    CapabilityError, Hint, JobHandle, JobIdentity, JobRequest, LogSink, Reason, Setting,
};

use super::api;
use super::cluster::Cluster;
use super::diagnosis::Creating;
use super::job::Supervision;
use super::job_api::JobApi;
use super::job_watcher::{Subscription, WatchError};
use super::manifest::{Manifest, SPEC_HASH_ANNOTATION};
use super::phase;
use super::queue;
use super::retry;
use super::view::JobView;

/// Maximum number of attempts to create a job while the previous one of its name is being deleted.
const MAX_CREATIONS: u32 = 3;
/// How long a creation keeps others waiting: a server takes milliseconds for its three requests, and much less than
/// this under a load that it can sustain.
const SLOT_TIMEOUT: Duration = Duration::from_secs(2);

/// The annotation that distinguishes one creation of a job from another: random digits.
const CREATION: &str = "noetl.io/creation";
/// Number of random bytes in it.
const NONCE_BYTES: usize = 8;

/// A job to create.
pub(super) struct Creation {
    cluster: Arc<Cluster>,
    request: JobRequest,
    manifest: Manifest,
    logs: Arc<dyn LogSink>,
    shutdown: CancellationToken,
    created: Instant,
    /// Distinguishes this creation from others.
    nonce: String,
}

/// A job on the server.
struct Existing {
    job: JobView,
    uid: String,
    /// Whether it existed before.
    is_adopted: bool,
}

impl Creation {
    pub(super) fn new(
        cluster: Arc<Cluster>,
        request: JobRequest,
        manifest: Manifest,
        logs: Arc<dyn LogSink>,
        shutdown: CancellationToken,
    ) -> Self {
        let mut bytes = [0; NONCE_BYTES];
        // Without random numbers, a job that one request created twice is taken for an adopted one.
        let is_random = getrandom::fill(&mut bytes).is_ok();
        Self {
            nonce: if is_random {
                hexadecimal(&bytes)
            } else {
                String::new()
            },
            cluster,
            request,
            manifest,
            logs,
            shutdown,
            created: Instant::now(),
        }
    }

    /// Creates the job, for the caller and for its supervision.
    ///
    /// A handle that is not received is dropped, which cancels the job.
    pub(super) async fn run(
        self,
        slot: Option<OwnedSemaphorePermit>,
    ) -> Result<(JobHandle, Supervision), CapabilityError> {
        let (existing, subscription) = within(slot, self.start()).await?;
        let Self {
            cluster,
            request,
            manifest,
            logs,
            shutdown,
            created,
            nonce: _,
        } = self;
        let mut identity = JobIdentity::created(request.name.clone());
        identity.namespace = Some(manifest.namespace().to_owned());
        identity.uid = Some(existing.uid.clone());
        identity.adopted = existing.is_adopted;
        let (handle, reporter) = JobHandle::new(identity);
        let supervision = Supervision {
            own_objects: manifest.object_names(),
            has_secret: manifest.has_secret(),
            script_name: request
                .script
                .map_or_else(String::new, |script| script.file_name.into()),
            command: request.command,
            active_deadline: request.active_deadline,
            controller: Controller::new(
                request.backoff_limit,
                request.active_deadline,
                cluster.settings.backoff_base,
            ),
            warnings: manifest.warning().into_iter().map(str::to_owned).collect(),
            subscription,
            reporter,
            logs,
            created,
            shutdown,
            api: JobApi {
                cluster,
                namespace: manifest.namespace().to_owned(),
                name: request.name.to_string(),
                uid: existing.uid,
            },
        };
        Ok((handle, supervision))
    }

    async fn start(&self) -> Result<(Existing, Subscription), CapabilityError> {
        let namespace = self.manifest.namespace();
        let subscription = self
            .cluster
            .job_watcher
            .subscribe(namespace, self.request.name.as_str())
            .await;
        let subscription = subscription.map_err(|error| self.unwatchable(&error))?;
        // A queue resumes the jobs that it manages, and this host need not. A Job that contains everything is created
        // running: nothing is left to be done that could be interrupted.
        let is_suspended = self.manifest.is_queued()
            || !self.manifest.is_in_job() && self.cluster.may_patch(namespace).await;
        let existing = self.create_or_adopt(is_suspended).await?;
        match self.equip(&existing, is_suspended, &subscription).await {
            Ok(()) => Ok((existing, subscription)),
            Err(error) => {
                if !existing.is_adopted {
                    self.delete(&existing.uid).await;
                }
                Err(error)
            }
        }
    }

    async fn create_or_adopt(&self, is_suspended: bool) -> Result<Existing, CapabilityError> {
        let client = self.cluster.connection.client();
        let namespace = self.manifest.namespace();
        let name = self.request.name.as_str();
        let mut job = self.manifest.job(is_suspended);
        let annotations = job.metadata.annotations.get_or_insert_default();
        annotations.insert(CREATION.to_owned(), self.nonce.clone());
        for _ in 0..MAX_CREATIONS {
            let created = self
                .cluster
                .before(|| api::create_job(&client, namespace, &job))
                .await;
            let error = match created {
                Ok(job) => return existing(job, false),
                Err(error) if retry::code(&error) == Some(409) => error,
                Err(error) => return Err(self.refused(&error, "Job")),
            };
            let found = match self
                .cluster
                .before(|| api::get_job(&client, namespace, name))
                .await
            {
                Ok(found) => found,
                // It was just deleted, or the conflict had another cause.
                Err(missing) if retry::code(&missing) == Some(404) => continue,
                // It is not known whose job it is: another attempt may adopt it.
                Err(unanswered) if retry::passing(&unanswered).is_some() => {
                    return Err(self.refused(&unanswered, "Job"));
                }
                Err(_) => return Err(self.refused(&error, "Job")),
            };
            if found.metadata.deletion_timestamp.is_some() {
                return Err(conflict(name).with_hint("it is being deleted: wait until it is gone"));
            }
            let annotations = found.metadata.annotations.as_ref();
            let hash = annotations.and_then(|annotations| annotations.get(SPEC_HASH_ANNOTATION));
            if hash.map(String::as_str) != Some(self.manifest.spec_hash()) {
                return Err(conflict(name));
            }
            // The server may have executed an earlier request although it answered with an error: then this is the job
            // that was just created.
            let creation = annotations.and_then(|annotations| annotations.get(CREATION));
            let is_own = creation == Some(&self.nonce);
            return existing(found, !is_own);
        }
        Err(conflict(name))
    }

    /// Makes sure that the job has everything that it needs, and learns what exists of it.
    async fn equip(
        &self,
        existing: &Existing,
        is_suspended: bool,
        subscription: &Subscription,
    ) -> Result<(), CapabilityError> {
        let Existing {
            job,
            uid,
            is_adopted,
        } = existing;
        subscription.learn(Some(job.clone()), Vec::new());
        // Who suspended a Job that contains everything, such as a queue, resumes it.
        if !self.manifest.is_in_job() {
            self.complete(existing, is_suspended).await?;
        }
        if *is_adopted {
            let pods = self.api(uid).pods().await;
            let pods = pods.map_err(|error| self.refused(&error, "Job"))?;
            subscription.learn(None, pods);
        }
        Ok(())
    }

    /// Creates the objects that belong to the job, and resumes it.
    async fn complete(
        &self,
        existing: &Existing,
        is_suspended: bool,
    ) -> Result<(), CapabilityError> {
        let cluster = &self.cluster;
        let client = cluster.connection.client();
        let namespace = self.manifest.namespace();
        let Existing {
            job,
            uid,
            is_adopted,
        } = existing;
        let waits_to_begin = job.spec.suspend == Some(true);
        // Read from the job as the server returned it: an admission webhook may assign it to a default queue.
        let is_queued = queue::queue_of(job).is_some();
        // An adopted job may lack objects that a killed host did not create; but a job that its host resumed has all of
        // them, and a finished one needs none.
        let may_lack = is_queued || !is_suspended;
        if waits_to_begin || !is_adopted || may_lack && !phase::is_over(job) {
            if let Some(secret) = self.manifest.secret(uid) {
                let made = cluster
                    .during(|| api::create_secret(&client, namespace, &secret))
                    .await;
                made.or_else(exists_already)
                    .map_err(|error| self.refused(&error, "Secret"))?;
            }
            for config_map in self.manifest.config_maps(uid) {
                let made = cluster
                    .during(|| api::create_config_map(&client, namespace, &config_map))
                    .await;
                made.or_else(exists_already)
                    .map_err(|error| self.refused(&error, "ConfigMap"))?;
            }
        }
        if waits_to_begin && !is_queued {
            let resumed = self.api(uid).resume().await;
            if let Err(error) = &resumed
                && retry::code(error) == Some(403)
            {
                cluster.note_may_patch(namespace, false);
            }
            resumed.map_err(|error| self.refused(&error, "Job"))?;
        }
        Ok(())
    }

    async fn delete(&self, uid: &str) {
        let api = self.api(uid);
        if let Err(error) = api.delete().await {
            tracing::warn!(%error, job = api.name, "a job that could not be equipped could not be deleted");
        }
    }

    /// The requests about the job, once it exists.
    fn api(&self, uid: &str) -> JobApi {
        JobApi {
            cluster: Arc::clone(&self.cluster),
            namespace: self.manifest.namespace().to_owned(),
            name: self.request.name.to_string(),
            uid: uid.to_owned(),
        }
    }

    fn refused(&self, error: &kube::Error, kind: &'static str) -> CapabilityError {
        let creating = Creating {
            kind,
            job: self.request.name.as_str(),
        };
        self.cluster.refused(error, creating)
    }

    fn unwatchable(&self, error: &WatchError) -> CapabilityError {
        match error {
            WatchError::Refused(error) => self.refused(error, "Job"),
            WatchError::Silent => {
                let message = format!("the cluster does not answer: {error}");
                let refusal = CapabilityError::new(Reason::EngineUnavailable, message);
                let hint = Hint::from("check that it runs, or select another cluster")
                    .setting(Setting::KubeContext);
                self.cluster
                    .name_server(refusal)
                    .with_hint(hint)
                    .retryable()
            }
        }
    }
}

/// Creates a job while it holds a permit, and releases the permit when that takes long: others need not wait for, say,
/// a namespace's slow webhook.
async fn within<T>(slot: Option<OwnedSemaphorePermit>, creation: impl Future<Output = T>) -> T {
    let mut creation = std::pin::pin!(creation);
    tokio::select! {
        biased;
        created = &mut creation => return created,
        () = sleep(SLOT_TIMEOUT) => drop(slot),
    }
    creation.await
}

fn existing(job: JobView, is_adopted: bool) -> Result<Existing, CapabilityError> {
    let uid = job.metadata.uid.clone().ok_or_else(|| {
        CapabilityError::new(
            Reason::EngineUnavailable,
            "the server returned a job without a uid",
        )
    })?;
    Ok(Existing {
        job,
        uid,
        is_adopted,
    })
}

fn exists_already(error: kube::Error) -> Result<(), kube::Error> {
    match retry::code(&error) {
        Some(409) => Ok(()),
        _ => Err(error),
    }
}
