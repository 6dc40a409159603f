use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use kube::Error;
use tokio::sync::{OnceCell, OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};
use toolhost_capability::sync::lock;
use toolhost_capability::{CapabilityError, Reason};

use super::api;
use super::client::Connection;
use super::diagnosis::{self, Creating};
use super::job_watcher::JobWatcher;
use super::retry::{self, CREATION_RETRY_TIME, SUPERVISION_RETRY_TIME};
use super::settings::KubernetesSettings;
use super::view::EventView;

/// The warnings of a namespace, and when they were listed.
type Warnings = (Instant, Arc<[EventView]>);

/// State that all jobs of an engine share: the connection, the watches, and the known permissions.
pub(super) struct Cluster {
    pub(super) connection: Arc<Connection>,
    pub(super) job_watcher: JobWatcher,
    pub(super) settings: KubernetesSettings,
    /// Whether jobs of a namespace may be changed.
    may_patch: Mutex<HashMap<String, Arc<OnceCell<bool>>>>,
    /// Limits concurrent creations.
    creating: Arc<Semaphore>,
    /// The warnings of a namespace, as last listed.
    warnings: tokio::sync::Mutex<HashMap<String, Warnings>>,
}

impl Cluster {
    pub(super) fn new(connection: Connection, settings: KubernetesSettings) -> Self {
        let connection = Arc::new(connection);
        Self {
            job_watcher: JobWatcher::new(Arc::clone(&connection), settings.silence),
            connection,
            settings,
            may_patch: Mutex::default(),
            creating: Arc::new(Semaphore::new(MAX_CREATING)),
            warnings: tokio::sync::Mutex::default(),
        }
    }

    /// Waits until one more job may be created.
    pub(super) async fn creation_slot(&self) -> Option<OwnedSemaphorePermit> {
        // The semaphore is never closed, so there is always a permit; without one the job is created anyway.
        Arc::clone(&self.creating).acquire_owned().await.ok()
    }

    /// Sends a request that the creation of a job waits for.
    pub(super) async fn before<T, F>(&self, operation: impl FnMut() -> F) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>>,
    {
        retry::request(&self.connection, CREATION_RETRY_TIME, operation).await
    }

    /// Sends a request for a job that exists.
    pub(super) async fn during<T, F>(&self, operation: impl FnMut() -> F) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>>,
    {
        retry::request(&self.connection, SUPERVISION_RETRY_TIME, operation).await
    }

    /// Whether jobs of the namespace may be changed, and so created suspended. The server is asked once.
    ///
    /// If the server does not answer, the host assumes that they may.
    pub(super) async fn may_patch(&self, namespace: &str) -> bool {
        let known = Arc::clone(self.rights().entry(namespace.to_owned()).or_default());
        let asked = known.get_or_init(async || {
            let client = self.connection.client();
            let asked = retry::request(&self.connection, PERMISSION_RETRY_TIME, || {
                api::may_patch_jobs(&client, namespace)
            });
            asked.await.unwrap_or(true)
        });
        *asked.await
    }

    /// Returns the warnings about an object; none without the right to read them.
    ///
    /// All warnings of a namespace are listed together, and at most once every few seconds: where many jobs wait, they
    /// wait for the same reason.
    pub(super) async fn warnings(&self, namespace: &str, uid: &str) -> Vec<EventView> {
        let mut warnings = self.warnings.lock().await;
        warnings.retain(|_, (asked, _)| asked.elapsed() < WARNINGS_AGE);
        let known = warnings.get(namespace).map(|(_, known)| Arc::clone(known));
        let known = if let Some(known) = known {
            known
        } else {
            let client = self.connection.client();
            let limit = self.connection.request_timeout();
            let answer = timeout(limit, Box::pin(api::warnings(&client, namespace))).await;
            let known = answer.ok().and_then(Result::ok).unwrap_or_default();
            let known: Arc<[EventView]> = known.into();
            warnings.insert(namespace.to_owned(), (Instant::now(), Arc::clone(&known)));
            known
        };
        let is_about = |event: &&EventView| event.involved_object.uid.as_deref() == Some(uid);
        known.iter().filter(is_about).cloned().collect()
    }

    /// Converts the error of a request into a message that names the cluster.
    pub(super) fn refused(&self, error: &Error, creating: Creating<'_>) -> CapabilityError {
        self.name_server(diagnosis::creation_refused(error, creating))
    }

    /// Adds the server's address to the error of a cluster that does not answer.
    pub(super) fn name_server(&self, error: CapabilityError) -> CapabilityError {
        if error.explanation.reason != Reason::EngineUnavailable {
            return error;
        }
        let server = self.connection.server();
        let message = format!("{} (the server is {server})", error.explanation.message);
        error.with_message(message)
    }

    /// Records whether jobs of a namespace may be changed, as a request has shown.
    pub(super) fn note_may_patch(&self, namespace: &str, may_patch: bool) {
        let known = Arc::new(OnceCell::new_with(Some(may_patch)));
        self.rights().insert(namespace.to_owned(), known);
    }

    fn rights(&self) -> MutexGuard<'_, HashMap<String, Arc<OnceCell<bool>>>> {
        let mut rights = lock(&self.may_patch);
        if rights.len() >= MAX_REMEMBERED_NAMESPACES {
            rights.clear();
        }
        rights
    }
}

/// Maximum number of concurrent creations. A job takes up to three requests, and where a thousand are to be created they
/// should not all send their first before any sends its last: the early jobs then finish that much earlier, and the Job
/// controller, which updates the status of each suspended job that it sees and sends an event about it, sees few of
/// them.
const MAX_CREATING: usize = 16;
/// How long listed warnings are considered current.
const WARNINGS_AGE: Duration = Duration::from_secs(3);
/// Retry limit of the question about permissions: without an answer the permission is assumed.
const PERMISSION_RETRY_TIME: Duration = Duration::from_secs(5);
/// Maximum number of namespaces whose permissions are kept: a playbook may name any namespace.
const MAX_REMEMBERED_NAMESPACES: usize = 1_024;
