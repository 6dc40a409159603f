//! The garbage collector: what becomes of objects when their owners are deleted.

use std::sync::Arc;

use serde_json::Value;

use crate::json::{array, flag, has_finalizer, is_deleted, list, object, remove_finalizer, text};
use crate::kind::{KINDS, NAMESPACES};
use crate::store::{Change, Deletion, Key, Propagation, Store, Verb, owners};

/// Follows the store, and deletes what lost its owners.
pub(crate) async fn run(store: Arc<Store>) {
    let mut versions = store.versions();
    let mut seen = 0;
    loop {
        versions.mark_unchanged();
        let changes = store.every_change_since(seen);
        for change in &changes {
            seen = change.version;
            look_at(&store, change);
        }
        if changes.is_empty() && versions.changed().await.is_err() {
            return;
        }
    }
}

fn look_at(store: &Store, change: &Change) {
    let uid = text(&change.object, "/metadata/uid");
    if change.verb == Verb::Deleted {
        delete_dependents(store, uid, |_| true);
        for owner in owners(&change.object) {
            finish_owner(store, owner);
        }
        if change.key.kind == &NAMESPACES {
            empty(store, &change.key.name);
        }
        return;
    }
    if change.verb == Verb::Added {
        let mut owners = owners(&change.object).peekable();
        if owners.peek().is_some() && !owners.any(|owner| store.find(owner).is_some()) {
            let _ = store.delete(&change.key, &background());
        }
    }
    if is_deleted(&change.object) {
        if has_finalizer(&change.object, "orphan") {
            orphan(store, &change.key, uid);
        }
        if has_finalizer(&change.object, "foregroundDeletion") {
            delete_dependents(store, uid, |_| true);
            finish_if_alone(store, &change.key, uid);
        }
    }
}

fn delete_dependents(store: &Store, uid: &str, mut which: impl FnMut(&Value) -> bool) {
    for (key, object) in store.dependents(uid) {
        let has_other = owners(&object).any(|owner| owner != uid && store.find(owner).is_some());
        if !has_other && !is_deleted(&object) && which(&object) {
            // It may be gone by now.
            let _ = store.delete(&key, &background());
        }
    }
}

/// After a dependent went: an owner that waited for it may go.
fn finish_owner(store: &Store, uid: &str) {
    let Some(key) = store.find(uid) else { return };
    let is_waiting =
        |owner: &Value| is_deleted(owner) && has_finalizer(owner, "foregroundDeletion");
    if store.get(&key).is_some_and(|owner| is_waiting(&owner)) {
        finish_if_alone(store, &key, uid);
    }
}

/// In the foreground, an owner waits for those dependents that block its deletion.
fn finish_if_alone(store: &Store, key: &Key, uid: &str) {
    let is_blocked = store.dependents(uid).iter().any(|(_, object)| {
        let mut owners = list(object, "/metadata/ownerReferences").iter();
        owners.any(|owner| text(owner, "/uid") == uid && flag(owner, "/blockOwnerDeletion"))
    });
    if !is_blocked {
        release(store, key, "foregroundDeletion");
    }
}

fn orphan(store: &Store, key: &Key, uid: &str) {
    for (dependent, _) in store.dependents(uid) {
        let _ = store.update(&dependent, |object| {
            let metadata = self::object(object, "metadata");
            array(metadata, "ownerReferences").retain(|owner| text(owner, "/uid") != uid);
            Ok(())
        });
    }
    release(store, key, "orphan");
}

fn release(store: &Store, key: &Key, finalizer: &str) {
    let _ = store.update(key, |object| {
        remove_finalizer(object, finalizer);
        Ok(())
    });
}

fn empty(store: &Store, namespace: &str) {
    for kind in KINDS.into_iter().filter(|kind| kind.is_namespaced) {
        for object in store.list(kind, namespace).0 {
            let _ = store.delete(&Key::of(kind, &object), &background());
        }
    }
}

fn background() -> Deletion {
    Deletion {
        propagation: Some(Propagation::Background),
        ..Deletion::default()
    }
}
