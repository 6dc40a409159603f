//! One watch for all jobs of a namespace, and one for their pods.

mod listening;
mod outage;
mod subscription;

use std::collections::HashMap;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout, timeout_at};

use super::client::Connection;
use super::kubeconfig::ConnectError;
use super::retry::PATIENCE_BEFORE;
use super::view::{JobView, PodView};
use listening::{Listener, Readiness};
use subscription::Subscribers;
use toolhost_capability::sync::lock;

pub(super) use subscription::{JobState, PodState, Subscription};

/// How many namespaces are watched at once without anything going on in them; the rest is watched as
/// long as jobs run there.
const MAX_IDLE_NAMESPACES: usize = 16;
/// How long a watch that works may be quiet about its first list.
const READY_TIMEOUT: Duration = PATIENCE_BEFORE;
/// After how long a person wonders.
const NOTICE_DELAY: Duration = Duration::from_secs(3);

/// The watches of one cluster.
pub(super) struct Hub {
    connection: Arc<Connection>,
    /// How long nothing may be heard before that is told.
    silence: Duration,
    namespaces: Mutex<HashMap<String, Arc<Watches>>>,
}

/// Why nothing can be heard of a namespace.
#[derive(Debug, thiserror::Error)]
pub(super) enum WatchError {
    /// The server refuses, or does not answer.
    #[error(transparent)]
    Refused(Arc<kube::Error>),
    /// Nothing is heard at all.
    #[error("the server did not list jobs and pods within {} seconds", READY_TIMEOUT.as_secs())]
    Silent,
}

/// The two watches of a namespace.
struct Watches {
    subscribers: Arc<Subscribers>,
    readiness: [watch::Receiver<Readiness>; 2],
    tasks: [JoinHandle<()>; 2],
    /// Whether it was said that they take long.
    is_said: AtomicBool,
}

impl Hub {
    pub(super) fn new(connection: Arc<Connection>, silence: Duration) -> Self {
        Self {
            connection,
            silence,
            namespaces: Mutex::default(),
        }
    }

    /// Begins to hear of jobs of this name. Everything that happens from now on is heard of; of what
    /// there is already, only what changes.
    pub(super) async fn subscribe(
        &self,
        namespace: &str,
        name: &str,
    ) -> Result<Subscription, WatchError> {
        let watches = self.watches(namespace).map_err(|error| {
            let error = kube::Error::Service(Box::new(error));
            WatchError::Refused(Arc::new(error))
        })?;
        let subscription = Subscription::new(watches, name);
        subscription.watches().ready(&self.connection).await?;
        Ok(subscription)
    }

    fn watches(&self, namespace: &str) -> Result<Arc<Watches>, ConnectError> {
        let mut namespaces = lock(&self.namespaces);
        if let Some(watches) = namespaces
            .get(namespace)
            .filter(|watches| watches.are_usable())
        {
            return Ok(Arc::clone(watches));
        }
        if namespaces.len() >= MAX_IDLE_NAMESPACES {
            namespaces.retain(|_, watches| Arc::strong_count(watches) > 1);
        }
        let watches = Arc::new(Watches::start(&self.connection, namespace, self.silence)?);
        namespaces.insert(namespace.to_owned(), Arc::clone(&watches));
        Ok(watches)
    }
}

impl Watches {
    fn start(
        connection: &Connection,
        namespace: &str,
        silence: Duration,
    ) -> Result<Self, ConnectError> {
        let subscribers = Arc::new(Subscribers::default());
        let (jobs, jobs_task) =
            Listener::<JobView>::start(connection, namespace, &subscribers, silence)?;
        let (pods, pods_task) =
            Listener::<PodView>::start(connection, namespace, &subscribers, silence)?;
        Ok(Self {
            tasks: [jobs_task, pods_task],
            readiness: [jobs, pods],
            subscribers,
            is_said: AtomicBool::new(false),
        })
    }

    /// Waits until both have heard what there is, and no longer than [`READY_TIMEOUT`].
    async fn ready(&self, connection: &Connection) -> Result<(), WatchError> {
        let give_up = Instant::now() + READY_TIMEOUT;
        let mut settled = pin!(self.settled());
        if let Ok(settled) = timeout(NOTICE_DELAY, &mut settled).await {
            return settled;
        }
        // To whoever reads this program's own log: once, for all jobs that wait.
        if !self.is_said.swap(true, Ordering::Relaxed) {
            let (server, seconds) = (connection.server(), READY_TIMEOUT.as_secs());
            tracing::warn!(%server, "the cluster does not answer; it is asked again for {seconds} s");
        }
        let settled = timeout_at(give_up, settled).await;
        settled.unwrap_or_else(|_| Err(self.unsettled()))
    }

    /// Waits until both have heard what there is.
    async fn settled(&self) -> Result<(), WatchError> {
        for known in &self.readiness {
            let mut ready = known.clone();
            let settled = ready.wait_for(|state| !matches!(state, Readiness::Waiting(_)));
            match settled.await.as_deref() {
                Ok(Readiness::Refused(error)) => {
                    return Err(WatchError::Refused(Arc::clone(error)));
                }
                Ok(_) => {}
                Err(_) => return Err(self.unsettled()),
            }
        }
        Ok(())
    }

    /// Why they have not heard what there is.
    fn unsettled(&self) -> WatchError {
        let mut causes = self.readiness.iter().map(|ready| ready.borrow().clone());
        let cause = causes.find_map(|ready| match ready {
            Readiness::Waiting(cause) => cause,
            Readiness::Refused(_) | Readiness::Ready => None,
        });
        cause.map_or(WatchError::Silent, WatchError::Refused)
    }

    /// Whether they began well, or have not begun yet.
    fn are_usable(&self) -> bool {
        let is_refused =
            |ready: &watch::Receiver<Readiness>| matches!(&*ready.borrow(), Readiness::Refused(_));
        !self.readiness.iter().any(is_refused) && !self.tasks.iter().any(JoinHandle::is_finished)
    }
}

impl Drop for Watches {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}
