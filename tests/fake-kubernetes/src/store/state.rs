use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use serde_json::Value;

use super::change::{Change, Key, Verb};
use super::delete::owners;
use crate::json::{object, text};

/// The objects as they are, their history, and where to find them.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) version: u64,
    /// Changes up to this version are no longer told to watches.
    pub(super) compacted: u64,
    /// How often every watch was ended with an error.
    pub(super) expirations: u64,
    /// How many random-looking numbers were given out.
    drawn: u64,
    pub(super) objects: BTreeMap<Key, Arc<Value>>,
    /// By UID.
    pub(super) uids: HashMap<String, Key>,
    /// By the UID of the owner.
    pub(super) dependents: HashMap<String, BTreeSet<Key>>,
    history: Vec<Change>,
}

impl State {
    /// Adds or changes an object.
    pub(super) fn put(&mut self, key: &Key, object: Value) -> Arc<Value> {
        let object = self.stamp(object);
        let previous = self.objects.insert(key.clone(), Arc::clone(&object));
        let verb = if previous.is_some() {
            Verb::Modified
        } else {
            Verb::Added
        };
        self.append(key, verb, &object, previous);
        self.uids
            .insert(text(&object, "/metadata/uid").to_owned(), key.clone());
        for owner in owners(&object) {
            self.dependents
                .entry(owner.to_owned())
                .or_default()
                .insert(key.clone());
        }
        object
    }

    /// Removes an object, of which this is the last state.
    pub(super) fn remove(&mut self, key: &Key, object: Value) -> Arc<Value> {
        let object = self.stamp(object);
        let previous = self.objects.remove(key);
        self.append(key, Verb::Deleted, &object, previous);
        self.uids.remove(text(&object, "/metadata/uid"));
        object
    }

    pub(super) fn since(&self, version: u64) -> Vec<Change> {
        let start = self
            .history
            .partition_point(|change| change.version <= version);
        self.history.get(start..).unwrap_or_default().to_vec()
    }

    pub(super) fn history_length(&self) -> usize {
        self.history.len()
    }

    /// The generator `splitmix64` of a counter.
    pub(super) fn draw(&mut self) -> u64 {
        self.drawn += 1;
        let mut mixed = self.drawn.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(super) fn draw_uid(&mut self) -> String {
        let digits = format!("{:016x}{:016x}", self.draw(), self.draw());
        let part = |range| digits.get(range).unwrap_or_default();
        let (first, second, third) = (part(0..8), part(8..12), part(13..16));
        let (fourth, fifth) = (part(17..20), part(20..32));
        format!("{first}-{second}-4{third}-a{fourth}-{fifth}")
    }

    fn stamp(&mut self, mut object: Value) -> Arc<Value> {
        self.version += 1;
        let version = self.version.to_string();
        let metadata = self::object(&mut object, "metadata");
        metadata.insert("resourceVersion".to_owned(), version.into());
        Arc::new(object)
    }

    /// Goes on with the history, and forgets which owners the object had before.
    fn append(&mut self, key: &Key, verb: Verb, object: &Arc<Value>, previous: Option<Arc<Value>>) {
        for owner in previous.iter().flat_map(|previous| owners(previous)) {
            if let Some(dependents) = self.dependents.get_mut(owner) {
                dependents.remove(key);
                if dependents.is_empty() {
                    self.dependents.remove(owner);
                }
            }
        }
        self.history.push(Change {
            version: self.version,
            key: key.clone(),
            verb,
            object: Arc::clone(object),
            previous,
        });
    }
}
