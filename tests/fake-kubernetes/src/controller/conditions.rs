use serde_json::{Value, json};

use crate::json::{array, list, object, text};
use crate::time;

/// Why a Job ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cause {
    pub(super) reason: String,
    pub(super) message: String,
}

impl Cause {
    pub(super) fn new(reason: &str, message: impl Into<String>) -> Self {
        Self {
            reason: reason.to_owned(),
            message: message.into(),
        }
    }
}

/// Whether a condition is there and true.
pub(super) fn is_true(job: &Value, kind: &str) -> bool {
    find(job, kind).is_some_and(|condition| text(condition, "/status") == "True")
}

pub(super) fn find<'a>(object: &'a Value, kind: &str) -> Option<&'a Value> {
    let mut conditions = list(object, "/status/conditions").iter();
    conditions.find(|condition| text(condition, "/type") == kind)
}

/// Adds or changes a condition.
pub(super) fn set(job: &mut Value, kind: &str, is_true: bool, cause: &Cause) {
    let now = time::now();
    let condition = json!({
        "type": kind,
        "status": if is_true { "True" } else { "False" },
        "lastProbeTime": now,
        "lastTransitionTime": now,
        "reason": cause.reason,
        "message": cause.message,
    });
    let conditions = array(object(job, "status"), "conditions");
    conditions.retain(|condition| text(condition, "/type") != kind);
    conditions.push(condition);
}
