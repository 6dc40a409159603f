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
use super::hub::Hub;
use super::retry::{self, PATIENCE_BEFORE, PATIENCE_DURING};
use super::settings::KubernetesSettings;
use super::view::EventView;

/// The warnings of a namespace, and when they were asked for.
type Warnings = (Instant, Arc<[EventView]>);

/// What every job of an engine shares: the connection, the watches, and what is known of its rights.
pub(super) struct Cluster {
    pub(super) connection: Arc<Connection>,
    pub(super) hub: Hub,
    pub(super) settings: KubernetesSettings,
    /// Whether jobs of a namespace may be changed.
    may_patch: Mutex<HashMap<String, Arc<OnceCell<bool>>>>,
    /// Room for those that are being created.
    creating: Arc<Semaphore>,
    /// The warnings of a namespace, when they were last asked for.
    warnings: tokio::sync::Mutex<HashMap<String, Warnings>>,
}

impl Cluster {
    pub(super) fn new(connection: Connection, settings: KubernetesSettings) -> Self {
        let connection = Arc::new(connection);
        Self {
            hub: Hub::new(Arc::clone(&connection), settings.silence),
            connection,
            settings,
            may_patch: Mutex::default(),
            creating: Arc::new(Semaphore::new(MAX_CREATING)),
            warnings: tokio::sync::Mutex::default(),
        }
    }

    /// Waits until there is room for the creation of one more job.
    pub(super) async fn room_to_create(&self) -> Option<OwnedSemaphorePermit> {
        // It is never closed, so there is always a permit; without one the job is created all the same.
        Arc::clone(&self.creating).acquire_owned().await.ok()
    }

    /// Makes a request on which the creation of a job waits.
    pub(super) async fn before<T, F>(&self, operation: impl FnMut() -> F) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>>,
    {
        retry::request(&self.connection, PATIENCE_BEFORE, operation).await
    }

    /// Makes a request for a job that there is.
    pub(super) async fn during<T, F>(&self, operation: impl FnMut() -> F) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>>,
    {
        retry::request(&self.connection, PATIENCE_DURING, operation).await
    }

    /// Whether jobs of the namespace may be changed, and so created suspended. Asked once.
    ///
    /// Where the server does not say, it is tried.
    pub(super) async fn may_patch(&self, namespace: &str) -> bool {
        let known = Arc::clone(self.rights().entry(namespace.to_owned()).or_default());
        let asked = known.get_or_init(async || {
            let client = self.connection.client();
            let asked = retry::request(&self.connection, RIGHTS_PATIENCE, || {
                api::may_patch_jobs(&client, namespace)
            });
            asked.await.unwrap_or(true)
        });
        *asked.await
    }

    /// The warnings about an object; none without the right to read them.
    ///
    /// A namespace is asked for all of its warnings, and not more often than every few seconds: where many
    /// jobs wait, they wait for the same.
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

    /// What to say of a request that failed, and of which cluster.
    pub(super) fn refused(&self, error: &Error, creating: Creating<'_>) -> CapabilityError {
        self.name_server(diagnosis::creation_refused(error, creating))
    }

    /// Says which cluster it is that does not answer.
    pub(super) fn name_server(&self, error: CapabilityError) -> CapabilityError {
        if error.reason != Reason::EngineUnavailable {
            return error;
        }
        let server = self.connection.server();
        CapabilityError {
            message: format!("{} (the server is {server})", error.message),
            ..error
        }
    }

    /// Notes what a request has shown.
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

/// How many jobs are created at once. A job takes three requests, and where a thousand are to be created they
/// should not all take their first before any takes its last: those that run meanwhile are that much earlier
/// over, and the Job controller, which writes down and tells of each suspended job that it sees, sees few.
const MAX_CREATING: usize = 16;
/// How long warnings are taken for what the server would say now.
const WARNINGS_AGE: Duration = Duration::from_secs(3);
/// How long the question about rights is repeated: without an answer it is tried.
const RIGHTS_PATIENCE: Duration = Duration::from_secs(5);
/// Of how many namespaces the rights are kept: a playbook may name any.
const MAX_REMEMBERED_NAMESPACES: usize = 1_024;
