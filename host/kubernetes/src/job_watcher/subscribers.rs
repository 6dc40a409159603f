//! Subscribers of jobs, and what was received for them.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard};

use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::Resource;
use serde::de::DeserializeOwned;
use tokio::sync::Notify;
use toolhost_capability::sync::lock;

use crate::view::{JobView, PodView};

/// State of one pod.
#[derive(Debug, Clone)]
pub(crate) struct PodState {
    /// The pod as last received.
    pub(crate) pod: Arc<PodView>,
    /// Whether it is gone from the server.
    pub(crate) is_gone: bool,
}

/// Subscribers, by the names of their jobs.
#[derive(Default)]
pub(super) struct Subscribers(Mutex<BTreeMap<String, Vec<Arc<Cell>>>>);

/// What one subscriber has received, about every job that had the name.
#[derive(Default)]
pub(super) struct Cell {
    received: Mutex<Received>,
    pub(super) changed: Notify,
}

#[derive(Default)]
pub(super) struct Received {
    pub(super) jobs: HashMap<String, (Arc<JobView>, bool)>,
    pub(super) pods: HashMap<String, PodState>,
    pub(super) silence: Option<Arc<kube::Error>>,
}

impl Cell {
    pub(super) fn received(&self) -> MutexGuard<'_, Received> {
        lock(&self.received)
    }

    fn update(&self, change: impl FnOnce(&mut Received)) {
        change(&mut self.received());
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

    /// Notifies the subscribers of the object's job.
    pub(super) fn publish<K: Watched>(&self, object: K, is_gone: bool) {
        let Some(name) = object.job_name() else {
            return;
        };
        let cells = lock(&self.0).get(name).cloned().unwrap_or_default();
        if cells.is_empty() {
            return;
        }
        let object = Arc::new(object);
        for cell in cells {
            cell.update(|received| Arc::clone(&object).record(received, is_gone));
        }
    }

    /// Notifies all subscribers that these are all objects of this kind.
    pub(super) fn publish_list<K: Watched>(&self, uids: &HashSet<String>) {
        for cell in self.all() {
            cell.update(|received| K::keep_only(received, uids));
        }
    }

    /// Notifies all subscribers that no events are received from the cluster, or that they are again.
    pub(super) fn publish_silence(&self, cause: Option<&Arc<kube::Error>>) {
        for cell in self.all() {
            cell.update(|received| received.silence = cause.cloned());
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
    /// Returns the name of the job that it belongs to.
    fn job_name(&self) -> Option<&str>;

    /// Records the object, unless a later version of it is known. What an earlier list did not contain is there again with
    /// its next event; the event of a deletion has the latest version.
    fn record(self: Arc<Self>, received: &mut Received, is_gone: bool);

    /// Records that all others are gone.
    fn keep_only(received: &mut Received, uids: &HashSet<String>);
}

impl Watched for JobView {
    fn job_name(&self) -> Option<&str> {
        self.metadata.name.as_deref()
    }

    fn record(self: Arc<Self>, received: &mut Received, is_gone: bool) {
        let Some(uid) = self.metadata.uid.clone() else {
            return;
        };
        match received.jobs.entry(uid) {
            Entry::Vacant(entry) => drop(entry.insert((self, is_gone))),
            Entry::Occupied(mut entry) => {
                let (known, was_gone) = entry.get_mut();
                if is_older(&*self, &**known) {
                    *was_gone |= is_gone;
                } else {
                    (*known, *was_gone) = (self, is_gone);
                }
            }
        }
    }

    fn keep_only(received: &mut Received, uids: &HashSet<String>) {
        for (uid, (_, is_gone)) in &mut received.jobs {
            *is_gone |= !uids.contains(uid);
        }
    }
}

impl Watched for PodView {
    fn job_name(&self) -> Option<&str> {
        owner(self).map(|owner| owner.name.as_str())
    }

    fn record(self: Arc<Self>, received: &mut Received, is_gone: bool) {
        let Some(uid) = self.metadata.uid.clone() else {
            return;
        };
        match received.pods.entry(uid) {
            Entry::Vacant(entry) => drop(entry.insert(PodState { pod: self, is_gone })),
            Entry::Occupied(mut entry) => {
                let known = entry.get_mut();
                if is_older(&*self, &*known.pod) {
                    known.is_gone |= is_gone;
                } else {
                    *known = PodState { pod: self, is_gone };
                }
            }
        }
    }

    fn keep_only(received: &mut Received, uids: &HashSet<String>) {
        for (uid, state) in &mut received.pods {
            state.is_gone |= !uids.contains(uid);
        }
    }
}

/// Whether an object is an earlier version than another one.
pub(super) fn is_older<K: Resource>(object: &K, than: &K) -> bool {
    version(object) < version(than)
}

/// Returns the version of an object: numbers that grow, as on every server
/// (<https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-versions>).
fn version<K: Resource>(object: &K) -> Option<u128> {
    object.meta().resource_version.as_ref()?.parse().ok()
}

/// Returns the job that a pod belongs to.
pub(super) fn owner(pod: &PodView) -> Option<&OwnerReference> {
    let mut owners = pod.metadata.owner_references.iter().flatten();
    owners.find(|owner| owner.kind == "Job")
}
