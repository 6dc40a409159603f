//! One watch for all jobs of a namespace, and one for their pods.

mod object_watcher;
mod outage;
mod subscribers;
mod subscription;
mod watches;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::client::Connection;
use super::kubeconfig::ConnectError;
use toolhost_capability::sync::lock;
use watches::Watches;

pub(super) use subscribers::PodState;
pub(super) use subscription::{JobState, Subscription};
pub(super) use watches::WatchError;

/// Maximum number of namespaces that are watched without running jobs; the others are watched as long as jobs run
/// there.
const MAX_IDLE_NAMESPACES: usize = 16;

/// Watches the jobs and pods of one cluster and notifies subscribers.
pub(super) struct JobWatcher {
    connection: Arc<Connection>,
    /// How long a watch may receive nothing before that is reported.
    silence: Duration,
    namespaces: Mutex<HashMap<String, Arc<Watches>>>,
}

impl JobWatcher {
    pub(super) fn new(connection: Arc<Connection>, silence: Duration) -> Self {
        Self {
            connection,
            silence,
            namespaces: Mutex::default(),
        }
    }

    /// Subscribes to jobs of this name. The subscriber is notified of everything that happens from now on; of what
    /// exists already, only of what changes.
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
