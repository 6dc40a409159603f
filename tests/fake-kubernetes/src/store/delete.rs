use std::sync::Arc;

use serde_json::Value;

use super::{Key, Store, is_held};
use crate::json::{add_finalizer, is_deleted, list, number, object, text};
use crate::kind::{JOBS, PODS};
use crate::status::Refusal;
use crate::time;

/// What `DELETE` may say.
#[derive(Debug, Clone, Default)]
pub(crate) struct Deletion {
    pub(crate) propagation: Option<Propagation>,
    pub(crate) grace_seconds: Option<i64>,
    pub(crate) uid: Option<String>,
    pub(crate) version: Option<String>,
    pub(crate) is_dry: bool,
}

/// What becomes of the objects that an object owns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Propagation {
    Foreground,
    Background,
    Orphan,
}

impl Propagation {
    /// The finalizer that the garbage collector acts on.
    pub(crate) fn finalizer(self) -> Option<&'static str> {
        match self {
            Self::Foreground => Some("foregroundDeletion"),
            Self::Orphan => Some("orphan"),
            Self::Background => None,
        }
    }
}

impl Store {
    /// Deletes an object, or marks it where finalizers or its processes hold it; the last state of it.
    pub(crate) fn delete(&self, key: &Key, deletion: &Deletion) -> Result<Arc<Value>, Refusal> {
        if deletion.is_dry {
            let object = self.get(key).ok_or_else(|| key.not_found())?;
            check_preconditions(key, &object, deletion)?;
            return Ok(object);
        }
        self.update(key, |object| {
            check_preconditions(key, object, deletion)?;
            mark(key, object, deletion);
            Ok(())
        })
    }

    /// Whether a deletion only marked the object.
    pub(crate) fn is_kept(key: &Key, object: &Value) -> bool {
        is_held(key, object)
    }
}

fn mark(key: &Key, object: &mut Value, deletion: &Deletion) {
    // The registry of Jobs orphans by default (`DefaultGarbageCollectionPolicy`).
    let usual = if key.kind == &JOBS {
        Propagation::Orphan
    } else {
        Propagation::Background
    };
    let propagation = deletion.propagation.unwrap_or(usual);
    if let Some(finalizer) = propagation.finalizer() {
        add_finalizer(object, finalizer);
    }
    let grace = grace_seconds(key, object, deletion);
    let was_deleted = is_deleted(object);
    let old_grace = number(object, "/metadata/deletionGracePeriodSeconds").unwrap_or(0);
    let metadata = self::object(object, "metadata");
    if !was_deleted {
        metadata.insert("deletionTimestamp".to_owned(), time::now().into());
        metadata.insert("deletionGracePeriodSeconds".to_owned(), grace.into());
    } else if grace < old_grace {
        metadata.insert("deletionGracePeriodSeconds".to_owned(), grace.into());
    }
}

/// Only pods that were given to a node end gracefully.
fn grace_seconds(key: &Key, object: &Value, deletion: &Deletion) -> i64 {
    let phase = text(object, "/status/phase");
    let is_over = matches!(phase, "Succeeded" | "Failed");
    if key.kind != &PODS || text(object, "/spec/nodeName").is_empty() || is_over {
        return 0;
    }
    let own = number(object, "/spec/terminationGracePeriodSeconds").unwrap_or(30);
    deletion.grace_seconds.unwrap_or(own).max(0)
}

fn check_preconditions(key: &Key, object: &Value, deletion: &Deletion) -> Result<(), Refusal> {
    let checks = [
        (
            "UID",
            &deletion.uid,
            text(object, "/metadata/uid"),
            "deleted and then recreated",
        ),
        (
            "ResourceVersion",
            &deletion.version,
            text(object, "/metadata/resourceVersion"),
            "modified",
        ),
    ];
    for (what, wanted, actual, cause) in checks {
        if let Some(wanted) = wanted
            && wanted != actual
        {
            let why = format!(
                "the {what} in the precondition ({wanted}) does not match the {what} in record \
                 ({actual}). The object might have been {cause}"
            );
            // This one message names the kind in place of the resource.
            return Err(Refusal::conflict(
                key.kind.name,
                key.kind.group,
                &key.name,
                &why,
            ));
        }
    }
    Ok(())
}

/// The UIDs of an object's owners.
pub(crate) fn owners(object: &Value) -> impl Iterator<Item = &str> {
    list(object, "/metadata/ownerReferences")
        .iter()
        .map(|owner| text(owner, "/uid"))
}
