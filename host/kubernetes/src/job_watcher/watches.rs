//! The watches of one namespace.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout, timeout_at};

use super::object_watcher::{ObjectWatcher, Readiness};
use super::subscribers::Subscribers;
use crate::client::Connection;
use crate::kubeconfig::ConnectError;
use crate::retry::CREATION_RETRY_TIME;
use crate::view::{JobView, PodView};

/// How long a working watch may take for its first list.
const READY_TIMEOUT: Duration = CREATION_RETRY_TIME;
/// How long users wait before they wonder about a delay.
const NOTICE_DELAY: Duration = Duration::from_secs(3);

/// The two watches of a namespace.
pub(super) struct Watches {
    pub(super) subscribers: Arc<Subscribers>,
    readiness: [watch::Receiver<Readiness>; 2],
    tasks: [JoinHandle<()>; 2],
    /// Whether the delay was logged.
    is_said: AtomicBool,
}

/// Why a namespace cannot be watched.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WatchError {
    /// The server refuses, or does not answer.
    #[error(transparent)]
    Refused(Arc<kube::Error>),
    /// Nothing is received at all.
    #[error("the server did not list jobs and pods within {} seconds", READY_TIMEOUT.as_secs())]
    Silent,
}

impl Watches {
    pub(super) fn start(
        connection: &Connection,
        namespace: &str,
        silence: Duration,
    ) -> Result<Self, ConnectError> {
        let subscribers = Arc::new(Subscribers::default());
        let (jobs, jobs_task) =
            ObjectWatcher::<JobView>::start(connection, namespace, &subscribers, silence)?;
        let (pods, pods_task) =
            ObjectWatcher::<PodView>::start(connection, namespace, &subscribers, silence)?;
        Ok(Self {
            tasks: [jobs_task, pods_task],
            readiness: [jobs, pods],
            subscribers,
            is_said: AtomicBool::new(false),
        })
    }

    /// Waits until both have received their first list, and no longer than [`READY_TIMEOUT`].
    pub(super) async fn ready(&self, connection: &Connection) -> Result<(), WatchError> {
        let give_up = Instant::now() + READY_TIMEOUT;
        let mut settled = pin!(self.settled());
        if let Ok(settled) = timeout(NOTICE_DELAY, &mut settled).await {
            return settled;
        }
        // For the reader of this program's own log: once, for all jobs that wait.
        if !self.is_said.swap(true, Ordering::Relaxed) {
            let (server, seconds) = (connection.server(), READY_TIMEOUT.as_secs());
            tracing::warn!(%server, "the cluster does not answer; retrying for {seconds} s");
        }
        let settled = timeout_at(give_up, settled).await;
        settled.unwrap_or_else(|_| Err(self.unsettled()))
    }

    /// Waits until both have received their first list.
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

    /// Why they have not received their first list.
    fn unsettled(&self) -> WatchError {
        let mut causes = self.readiness.iter().map(|ready| ready.borrow().clone());
        let cause = causes.find_map(|ready| match ready {
            Readiness::Waiting(cause) => cause,
            Readiness::Refused(_) | Readiness::Ready => None,
        });
        cause.map_or(WatchError::Silent, WatchError::Refused)
    }

    /// Whether they started well, or have not started yet.
    pub(super) fn are_usable(&self) -> bool {
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
