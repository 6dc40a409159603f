//! What `etcd` and the registry of the API server do: objects, their versions, and their history.

mod change;
mod delete;
mod selector;
mod state;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;

pub(crate) use self::change::{Change, Key, Verb};
pub(crate) use self::delete::{Deletion, Propagation, owners};
pub(crate) use self::selector::{FieldSelector, LabelSelector};
use self::state::State;
use crate::json::{default, is_deleted, list, number, object};
use crate::kind::{Kind, PODS};
use crate::news::{News, Subscriber};
use crate::status::Refusal;
use crate::time;

/// All objects, with their history.
#[derive(Debug)]
pub(crate) struct Store {
    state: Mutex<State>,
    news: News,
}

impl Store {
    pub(crate) fn new() -> Self {
        Self {
            state: Mutex::default(),
            news: News::default(),
        }
    }

    /// A way to wait for the next change.
    pub(crate) fn versions(&self) -> Subscriber {
        self.news.subscribe()
    }

    /// A number that looks random and is the same in every run.
    pub(crate) fn draw(&self) -> u64 {
        self.lock().draw()
    }

    pub(crate) fn create(&self, key: &Key, object: Value) -> Result<Arc<Value>, Refusal> {
        self.create_with(key, object, false, |_, _| {})
    }

    /// As [`Store::create`]; the object may be completed when its UID is known. A dry run keeps nothing.
    pub(crate) fn create_with(
        &self,
        key: &Key,
        mut object: Value,
        is_dry: bool,
        complete: impl FnOnce(&mut Value, &str),
    ) -> Result<Arc<Value>, Refusal> {
        let mut state = self.lock();
        if state.objects.contains_key(key) {
            let kind = key.kind;
            return Err(Refusal::already_exists(
                kind.resource,
                kind.group,
                &key.name,
            ));
        }
        let uid = state.draw_uid();
        let metadata = self::object(&mut object, "metadata");
        metadata.insert("creationTimestamp".to_owned(), time::now().into());
        metadata.insert("name".to_owned(), key.name.clone().into());
        if key.kind.is_namespaced {
            metadata.insert("namespace".to_owned(), key.namespace.clone().into());
        }
        metadata.remove("deletionTimestamp");
        default(metadata, "generation", 1);
        complete(&mut object, &uid);
        self::object(&mut object, "metadata").insert("uid".to_owned(), uid.into());
        if is_dry {
            return Ok(Arc::new(object));
        }
        Ok(self.put(state, key, object))
    }

    pub(crate) fn get(&self, key: &Key) -> Option<Arc<Value>> {
        self.lock().objects.get(key).cloned()
    }

    /// Objects of a kind by name, in one namespace or, where it is empty, in all; and the version of the list.
    pub(crate) fn list(&self, kind: &'static Kind, namespace: &str) -> (Vec<Arc<Value>>, u64) {
        let state = self.lock();
        let objects = state
            .objects
            .range(Key::new(kind, namespace, "")..)
            .take_while(|(key, _)| {
                key.kind == kind && (namespace.is_empty() || key.namespace == namespace)
            })
            .map(|(_, object)| Arc::clone(object))
            .collect();
        (objects, state.version)
    }

    /// The objects that name an owner of this UID.
    pub(crate) fn dependents(&self, uid: &str) -> Vec<(Key, Arc<Value>)> {
        let state = self.lock();
        let keys = state.dependents.get(uid).into_iter().flatten();
        keys.filter_map(|key| Some((key.clone(), Arc::clone(state.objects.get(key)?))))
            .collect()
    }

    /// Where the object of this UID is, if there is one.
    pub(crate) fn find(&self, uid: &str) -> Option<Key> {
        self.lock().uids.get(uid).cloned()
    }

    /// Changes an object. One that was deleted goes when nothing holds it any more.
    pub(crate) fn update(
        &self,
        key: &Key,
        change: impl FnOnce(&mut Value) -> Result<(), Refusal>,
    ) -> Result<Arc<Value>, Refusal> {
        let mut state = self.lock();
        let previous = state
            .objects
            .get(key)
            .cloned()
            .ok_or_else(|| key.not_found())?;
        let mut object = Value::clone(&previous);
        change(&mut object)?;
        if object == *previous {
            return Ok(previous);
        }
        if object.get("spec") != previous.get("spec") {
            let generation = number(&previous, "/metadata/generation").unwrap_or(1);
            self::object(&mut object, "metadata")
                .insert("generation".to_owned(), (generation + 1).into());
        }
        if is_deleted(&object) && !is_held(key, &object) {
            let object = state.remove(key, object);
            self.tell(state);
            return Ok(object);
        }
        Ok(self.put(state, key, object))
    }

    /// The changes after a version.
    ///
    /// # Errors
    ///
    /// `Expired` when some of them were compacted.
    pub(crate) fn changes_since(&self, version: u64) -> Result<Vec<Change>, Refusal> {
        let state = self.lock();
        if version < state.compacted {
            return Err(Refusal::expired(version, state.compacted));
        }
        Ok(state.since(version))
    }

    /// The changes after a version, for those parts of the server that compaction does not touch.
    pub(crate) fn every_change_since(&self, version: u64) -> Vec<Change> {
        self.lock().since(version)
    }

    /// How many changes there were.
    pub(crate) fn history_length(&self) -> usize {
        self.lock().history_length()
    }

    /// Forgets what was before now, as `etcd` does every five minutes.
    pub(crate) fn compact(&self) {
        let mut state = self.lock();
        // A version that no watch has seen, so that watches that are up to date are rejected as well.
        state.version += 1;
        state.compacted = state.version;
        drop(state);
        self.news.tell();
    }

    /// As [`Store::compact`], and ends the watches that run, each with an `ERROR` event.
    pub(crate) fn expire_watches(&self) {
        self.lock().expirations += 1;
        self.compact();
    }

    pub(crate) fn version(&self) -> u64 {
        self.lock().version
    }

    pub(crate) fn expirations(&self) -> u64 {
        self.lock().expirations
    }

    fn put(&self, mut state: MutexGuard<'_, State>, key: &Key, object: Value) -> Arc<Value> {
        let object = state.put(key, object);
        self.tell(state);
        object
    }

    fn tell(&self, state: MutexGuard<'_, State>) {
        drop(state);
        self.news.tell();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether finalizers, or a kubelet that still has to end the processes, keep a deleted object.
fn is_held(key: &Key, object: &Value) -> bool {
    let grace = number(object, "/metadata/deletionGracePeriodSeconds").unwrap_or(0);
    !list(object, "/metadata/finalizers").is_empty() || (key.kind == &PODS && grace > 0)
}
