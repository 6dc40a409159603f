use std::sync::Arc;

use serde_json::Value;

use crate::json::text;
use crate::kind::Kind;
use crate::status::Refusal;

/// Where an object is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    pub(crate) kind: &'static Kind,
    pub(crate) namespace: String,
    pub(crate) name: String,
}

impl Key {
    pub(crate) fn new(kind: &'static Kind, namespace: &str, name: &str) -> Self {
        Self {
            kind,
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        }
    }

    /// The key of an object that was read.
    pub(crate) fn of(kind: &'static Kind, object: &Value) -> Self {
        let metadata = (
            text(object, "/metadata/namespace"),
            text(object, "/metadata/name"),
        );
        Self::new(kind, metadata.0, metadata.1)
    }

    pub(crate) fn not_found(&self) -> Refusal {
        Refusal::not_found(self.kind.resource, self.kind.group, &self.name)
    }

    pub(crate) fn conflict(&self, why: &str) -> Refusal {
        Refusal::conflict(self.kind.resource, self.kind.group, &self.name, why)
    }
}

/// What happened to an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    Added,
    Modified,
    Deleted,
}

/// One step of the history.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    pub(crate) version: u64,
    pub(crate) key: Key,
    pub(crate) verb: Verb,
    pub(crate) object: Arc<Value>,
    pub(crate) previous: Option<Arc<Value>>,
}
