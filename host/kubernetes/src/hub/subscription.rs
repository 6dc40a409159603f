//! What one who waits for jobs of a name has heard of them.

use std::collections::BTreeMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use super::subscribers::{Cell, PodState, owner};
use super::watches::Watches;
use crate::view::{JobView, PodView};

/// Hears of the jobs of one name, as long as it is kept.
pub(crate) struct Subscription {
    cell: Arc<Cell>,
    name: String,
    /// Watches end with the last one who wants to hear of them.
    watches: Arc<Watches>,
}

/// What is known about one job. Cheap to take as it is: it is replaced, never changed.
#[derive(Debug, Clone, Default)]
pub(crate) struct JobState {
    /// The job, unless nothing was heard of it yet.
    pub(crate) job: Option<Arc<JobView>>,
    /// Whether it is gone from the server.
    pub(crate) is_job_gone: bool,
    /// Its pods by uid.
    pub(crate) pods: BTreeMap<String, PodState>,
    /// Why nothing is heard of the cluster, where that has gone on for long.
    pub(crate) silence: Option<Arc<kube::Error>>,
}

impl Subscription {
    /// Begins to hear of the jobs of this name.
    pub(super) fn new(watches: Arc<Watches>, name: &str) -> Self {
        let cell = Arc::new(Cell::default());
        watches.subscribers.add(name, &cell);
        Self {
            cell,
            name: name.to_owned(),
            watches,
        }
    }

    /// The watches that tell it.
    pub(super) fn watches(&self) -> &Watches {
        &self.watches
    }

    /// What is known about the job of this uid.
    pub(crate) fn state(&self, uid: &str) -> JobState {
        let heard = self.cell.heard();
        let job = heard.jobs.get(uid);
        let pods = heard
            .pods
            .iter()
            .filter(|(_, state)| owner(&state.pod).is_some_and(|owner| owner.uid == uid));
        JobState {
            job: job.map(|(job, _)| Arc::clone(job)),
            is_job_gone: job.is_some_and(|(_, is_gone)| *is_gone),
            pods: pods
                .map(|(uid, state)| (uid.clone(), state.clone()))
                .collect(),
            silence: heard.silence.clone(),
        }
    }

    /// Adds what was learnt elsewhere, unless something later was heard.
    pub(crate) fn learn(&self, job: Option<JobView>, pods: Vec<PodView>) {
        let mut heard = self.cell.heard();
        if let Some(job) = job
            && let Some(uid) = job.metadata.uid.clone()
        {
            heard
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
                match heard.pods.entry(uid) {
                    Entry::Vacant(entry) => drop(entry.insert(state)),
                    Entry::Occupied(mut entry) => {
                        if version(&state.pod) > version(&entry.get().pod) && !entry.get().is_gone {
                            entry.insert(state);
                        }
                    }
                }
            }
        }
        drop(heard);
        self.cell.changed.notify_one();
    }

    /// Waits until something was heard since it was last asked.
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

/// Which of two versions of a pod is the later one: numbers that grow, as every server has them
/// (<https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-versions>).
fn version(pod: &PodView) -> Option<u128> {
    pod.metadata.resource_version.as_ref()?.parse().ok()
}
