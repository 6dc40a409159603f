//! What `etcd` and the registry of the API server do: objects, their versions, and their history.

mod change;
mod delete;
mod selector;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};
use tokio::sync::watch;

pub(crate) use self::change::{Change, Key, Verb};
pub(crate) use self::delete::{Deletion, Propagation, owners};
pub(crate) use self::selector::{FieldSelector, LabelSelector};
use crate::json::{default, is_deleted, list, number, object, text};
use crate::kind::{Kind, PODS};
use crate::status::Refusal;
use crate::time;

/// All objects, with their history.
#[derive(Debug)]
pub(crate) struct Store {
    state: Mutex<State>,
    version: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct State {
    version: u64,
    /// Changes up to this version are no longer told to watches.
    compacted: u64,
    /// How often every watch was ended with an error.
    expirations: u64,
    /// How many random-looking numbers were given out.
    drawn: u64,
    objects: BTreeMap<Key, Arc<Value>>,
    history: Vec<Change>,
}

impl Store {
    pub(crate) fn new() -> Self {
        Self {
            state: Mutex::default(),
            version: watch::Sender::new(0),
        }
    }

    /// The version of the latest change, and a way to wait for the next one.
    pub(crate) fn versions(&self) -> watch::Receiver<u64> {
        self.version.subscribe()
    }

    /// A number that looks random and is the same in every run.
    pub(crate) fn draw(&self) -> u64 {
        self.lock().draw()
    }

    pub(crate) fn create(&self, key: &Key, object: Value) -> Result<Arc<Value>, Refusal> {
        self.create_with(key, object, |_, _| {})
    }

    /// As [`Store::create`]; the object may be completed when its UID is known.
    pub(crate) fn create_with(
        &self,
        key: &Key,
        mut object: Value,
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
        complete(&mut object, &uid);
        let metadata = self::object(&mut object, "metadata");
        metadata.insert("uid".to_owned(), uid.into());
        metadata.insert("creationTimestamp".to_owned(), time::now().into());
        metadata.insert("name".to_owned(), key.name.clone().into());
        if key.kind.is_namespaced {
            metadata.insert("namespace".to_owned(), key.namespace.clone().into());
        }
        metadata.remove("deletionTimestamp");
        default(metadata, "generation", 1);
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
            .iter()
            .filter(|(key, _)| key.kind == kind)
            .filter(|(key, _)| namespace.is_empty() || key.namespace == namespace)
            .map(|(_, object)| Arc::clone(object))
            .collect();
        (objects, state.version)
    }

    /// Every object that has an owner.
    pub(crate) fn owned(&self) -> Vec<(Key, Arc<Value>)> {
        let state = self.lock();
        state
            .objects
            .iter()
            .filter(|(_, object)| !list(object, "/metadata/ownerReferences").is_empty())
            .map(|(key, object)| (key.clone(), Arc::clone(object)))
            .collect()
    }

    /// Whether an object of this UID exists.
    pub(crate) fn has_uid(&self, uid: &str) -> bool {
        let state = self.lock();
        state
            .objects
            .values()
            .any(|object| text(object, "/metadata/uid") == uid)
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
            state.objects.remove(key);
            return Ok(self.record(state, key, Verb::Deleted, object, Some(previous)));
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
            return Err(Refusal::expired());
        }
        Ok(state.since(version))
    }

    /// The changes after a version, for those parts of the server that compaction does not touch.
    pub(crate) fn every_change_since(&self, version: u64) -> Vec<Change> {
        self.lock().since(version)
    }

    /// Forgets what was before now, as `etcd` does every five minutes.
    pub(crate) fn compact(&self) {
        let mut state = self.lock();
        // A version that nobody has seen, so that watches that are up to date are refused as well.
        state.version += 1;
        state.compacted = state.version;
        let version = state.version;
        drop(state);
        self.version.send_replace(version);
    }

    /// As [`Store::compact`], and ends the watches that run, each with an `ERROR` event.
    pub(crate) fn expire_watches(&self) {
        self.lock().expirations += 1;
        self.compact();
    }

    pub(crate) fn expirations(&self) -> u64 {
        self.lock().expirations
    }

    fn put(&self, mut state: MutexGuard<'_, State>, key: &Key, object: Value) -> Arc<Value> {
        let previous = state.objects.get(key).cloned();
        let verb = if previous.is_some() {
            Verb::Modified
        } else {
            Verb::Added
        };
        let object = stamped(&mut state, object);
        state.objects.insert(key.clone(), Arc::clone(&object));
        self.append(state, key, verb, &object, previous);
        object
    }

    fn record(
        &self,
        mut state: MutexGuard<'_, State>,
        key: &Key,
        verb: Verb,
        object: Value,
        previous: Option<Arc<Value>>,
    ) -> Arc<Value> {
        let object = stamped(&mut state, object);
        self.append(state, key, verb, &object, previous);
        object
    }

    fn append(
        &self,
        mut state: MutexGuard<'_, State>,
        key: &Key,
        verb: Verb,
        object: &Arc<Value>,
        previous: Option<Arc<Value>>,
    ) {
        let version = state.version;
        state.history.push(Change {
            version,
            key: key.clone(),
            verb,
            object: Arc::clone(object),
            previous,
        });
        drop(state);
        self.version.send_replace(version);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn since(&self, version: u64) -> Vec<Change> {
        let start = self
            .history
            .partition_point(|change| change.version <= version);
        self.history.get(start..).unwrap_or_default().to_vec()
    }

    /// The generator `splitmix64` of a counter.
    fn draw(&mut self) -> u64 {
        self.drawn += 1;
        let mut mixed = self.drawn.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn draw_uid(&mut self) -> String {
        let digits = format!("{:016x}{:016x}", self.draw(), self.draw());
        let part = |range| digits.get(range).unwrap_or_default();
        let (first, second, third) = (part(0..8), part(8..12), part(13..16));
        let (fourth, fifth) = (part(17..20), part(20..32));
        format!("{first}-{second}-4{third}-a{fourth}-{fifth}")
    }
}

fn stamped(state: &mut State, mut object: Value) -> Arc<Value> {
    state.version += 1;
    let version = state.version.to_string();
    self::object(&mut object, "metadata").insert("resourceVersion".to_owned(), json!(version));
    Arc::new(object)
}

/// Whether finalizers, or a kubelet that still has to end the processes, keep a deleted object.
fn is_held(key: &Key, object: &Value) -> bool {
    let grace = number(object, "/metadata/deletionGracePeriodSeconds").unwrap_or(0);
    !list(object, "/metadata/finalizers").is_empty() || (key.kind == &PODS && grace > 0)
}
