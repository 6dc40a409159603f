//! What those who wait for jobs have heard of them.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard};

use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::Resource;
use serde::de::DeserializeOwned;
use tokio::sync::Notify;
use toolhost_capability::sync::lock;

use crate::view::{JobView, PodView};

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
pub(super) struct Cell {
    heard: Mutex<Heard>,
    pub(super) changed: Notify,
}

#[derive(Default)]
pub(super) struct Heard {
    pub(super) jobs: HashMap<String, (Arc<JobView>, bool)>,
    pub(super) pods: HashMap<String, PodState>,
    pub(super) silence: Option<Arc<kube::Error>>,
}

impl Cell {
    pub(super) fn heard(&self) -> MutexGuard<'_, Heard> {
        lock(&self.heard)
    }

    fn tell(&self, note: impl FnOnce(&mut Heard)) {
        note(&mut self.heard());
        self.changed.notify_one();
    }
}

impl Subscribers {
    pub(super) fn add(&self, name: &str, cell: &Arc<Cell>) {
        let mut subscribers = lock(&self.0);
        let cells = subscribers.entry(name.to_owned()).or_default();
        cells.push(Arc::clone(cell));
    }

    pub(super) fn remove(&self, name: &str, cell: &Arc<Cell>) {
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

/// The job that a pod belongs to.
pub(super) fn owner(pod: &PodView) -> Option<&OwnerReference> {
    let mut owners = pod.metadata.owner_references.iter().flatten();
    owners.find(|owner| owner.kind == "Job")
}
