//! What those who wait for jobs have heard of them.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard};

use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::Resource;
use serde::de::DeserializeOwned;
use tokio::sync::Notify;

use super::{Watches, lock};
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

/// What is known about one pod.
#[derive(Debug, Clone)]
pub(crate) struct PodState {
    /// The pod as it was last seen.
    pub(crate) pod: Arc<PodView>,
    /// Whether it is gone from the server.
    pub(crate) is_gone: bool,
}

/// Who hears of jobs, by their names.
#[derive(Default)]
pub(super) struct Subscribers(Mutex<HashMap<String, Vec<Arc<Cell>>>>);

/// What one subscriber has heard, of every job that had the name.
#[derive(Default)]
struct Cell {
    heard: Mutex<Heard>,
    changed: Notify,
}

#[derive(Default)]
pub(super) struct Heard {
    jobs: HashMap<String, (Arc<JobView>, bool)>,
    pods: HashMap<String, PodState>,
    silence: Option<Arc<kube::Error>>,
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

impl Cell {
    fn heard(&self) -> MutexGuard<'_, Heard> {
        lock(&self.heard)
    }

    fn tell(&self, note: impl FnOnce(&mut Heard)) {
        note(&mut self.heard());
        self.changed.notify_one();
    }
}

impl Subscribers {
    fn add(&self, name: &str, cell: &Arc<Cell>) {
        let mut subscribers = lock(&self.0);
        let cells = subscribers.entry(name.to_owned()).or_default();
        cells.push(Arc::clone(cell));
    }

    fn remove(&self, name: &str, cell: &Arc<Cell>) {
        let mut subscribers = lock(&self.0);
        if let Some(cells) = subscribers.get_mut(name) {
            cells.retain(|known| !Arc::ptr_eq(known, cell));
            if cells.is_empty() {
                subscribers.remove(name);
            }
        }
    }

    /// Tells those who wait for its job of an object.
    pub(super) fn tell<K: Watched>(&self, object: K, is_gone: bool) {
        let Some(name) = object.job_name() else {
            return;
        };
        let cells = lock(&self.0).get(name).cloned().unwrap_or_default();
        if cells.is_empty() {
            return;
        }
        let object = Arc::new(object);
        for cell in cells {
            cell.tell(|heard| Arc::clone(&object).note(heard, is_gone));
        }
    }

    /// Tells everybody that there is nothing of this kind but these.
    pub(super) fn tell_list<K: Watched>(&self, uids: &HashSet<String>) {
        for cell in self.all() {
            cell.tell(|heard| K::keep_only(heard, uids));
        }
    }

    /// Tells everybody that nothing is heard of the cluster, or that something is again.
    pub(super) fn tell_silence(&self, cause: Option<&Arc<kube::Error>>) {
        for cell in self.all() {
            cell.tell(|heard| heard.silence = cause.cloned());
        }
    }

    fn all(&self) -> Vec<Arc<Cell>> {
        lock(&self.0).values().flatten().cloned().collect()
    }
}

/// A kind of object that is watched.
pub(super) trait Watched:
    Resource<DynamicType = (), Scope = NamespaceResourceScope>
    + Clone
    + DeserializeOwned
    + std::fmt::Debug
    + Send
    + 'static
{
    /// The name of the job that it belongs to.
    fn job_name(&self) -> Option<&str>;

    /// Notes what was heard of it.
    fn note(self: Arc<Self>, heard: &mut Heard, is_gone: bool);

    /// Notes that everything else than these is gone.
    fn keep_only(heard: &mut Heard, uids: &HashSet<String>);
}

impl Watched for JobView {
    fn job_name(&self) -> Option<&str> {
        self.metadata.name.as_deref()
    }

    fn note(self: Arc<Self>, heard: &mut Heard, is_gone: bool) {
        if let Some(uid) = self.metadata.uid.clone() {
            heard.jobs.insert(uid, (self, is_gone));
        }
    }

    fn keep_only(heard: &mut Heard, uids: &HashSet<String>) {
        for (uid, (_, is_gone)) in &mut heard.jobs {
            *is_gone |= !uids.contains(uid);
        }
    }
}

impl Watched for PodView {
    fn job_name(&self) -> Option<&str> {
        owner(self).map(|owner| owner.name.as_str())
    }

    fn note(self: Arc<Self>, heard: &mut Heard, is_gone: bool) {
        if let Some(uid) = self.metadata.uid.clone() {
            heard.pods.insert(uid, PodState { pod: self, is_gone });
        }
    }

    fn keep_only(heard: &mut Heard, uids: &HashSet<String>) {
        for (uid, state) in &mut heard.pods {
            state.is_gone |= !uids.contains(uid);
        }
    }
}

/// Which of two versions of a pod is the later one: numbers that grow, as every server has them
/// (<https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-versions>).
fn version(pod: &PodView) -> Option<u128> {
    pod.metadata.resource_version.as_ref()?.parse().ok()
}

/// The job that a pod belongs to.
fn owner(pod: &PodView) -> Option<&OwnerReference> {
    let mut owners = pod.metadata.owner_references.iter().flatten();
    owners.find(|owner| owner.kind == "Job")
}
