//! A subscription to the jobs of one name.

use std::collections::BTreeMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use super::subscribers::{Cell, PodState, is_older, owner};
use super::watches::Watches;
use crate::view::{JobView, PodView};

/// Receives the events of the jobs of one name, as long as it exists.
pub(crate) struct Subscription {
    cell: Arc<Cell>,
    name: String,
    /// Watches end with their last subscription.
    watches: Arc<Watches>,
}

/// State of one job. Cheap to clone: it is replaced, never changed.
#[derive(Debug, Clone, Default)]
pub(crate) struct JobState {
    /// The job, unless it was not received yet.
    pub(crate) job: Option<Arc<JobView>>,
    /// Whether it is gone from the server.
    pub(crate) is_job_gone: bool,
    /// Its pods by uid.
    pub(crate) pods: BTreeMap<String, PodState>,
    /// Why no events are received from the cluster, where that has lasted long.
    pub(crate) silence: Option<Arc<kube::Error>>,
}

impl Subscription {
    /// Subscribes to the jobs of this name.
    pub(super) fn new(watches: Arc<Watches>, name: &str) -> Self {
        let cell = Arc::new(Cell::default());
        watches.subscribers.add(name, &cell);
        Self {
            cell,
            name: name.to_owned(),
            watches,
        }
    }

    /// The watches that notify it.
    pub(super) fn watches(&self) -> &Watches {
        &self.watches
    }

    /// Returns the state of the job of this uid.
    pub(crate) fn state(&self, uid: &str) -> JobState {
        let received = self.cell.received();
        let job = received.jobs.get(uid);
        let pods = received
            .pods
            .iter()
            .filter(|(_, state)| owner(&state.pod).is_some_and(|owner| owner.uid == uid));
        JobState {
            job: job.map(|(job, _)| Arc::clone(job)),
            is_job_gone: job.is_some_and(|(_, is_gone)| *is_gone),
            pods: pods
                .map(|(uid, state)| (uid.clone(), state.clone()))
                .collect(),
            silence: received.silence.clone(),
        }
    }

    /// Adds objects from another source, unless later ones were received.
    pub(crate) fn learn(&self, job: Option<JobView>, pods: Vec<PodView>) {
        let mut received = self.cell.received();
        if let Some(job) = job
            && let Some(uid) = job.metadata.uid.clone()
        {
            received
                .jobs
                .entry(uid)
                .or_insert_with(|| (Arc::new(job), false));
        }
        for pod in pods {
            if let Some(uid) = pod.metadata.uid.clone() {
                let state = PodState {
                    pod: Arc::new(pod),
                    is_gone: false,
                };
                match received.pods.entry(uid) {
                    Entry::Vacant(entry) => drop(entry.insert(state)),
                    Entry::Occupied(mut entry) => {
                        if is_older(&*entry.get().pod, &*state.pod) && !entry.get().is_gone {
                            entry.insert(state);
                        }
                    }
                }
            }
        }
        drop(received);
        self.cell.changed.notify_one();
    }

    /// Waits until something was received since the last call.
    ///
    /// # Cancel safety
    ///
    /// Safe.
    pub(crate) async fn changed(&self) {
        self.cell.changed.notified().await;
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.watches.subscribers.remove(&self.name, &self.cell);
    }
}
