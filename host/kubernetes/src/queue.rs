//! Jobs that a queue of Kueue manages: it decides when they run, by their `suspend`.
//!
//! Labels and conditions: <https://kueue.sigs.k8s.io/docs/reference/labels-and-annotations/>.

use std::collections::BTreeMap;

use super::view::{JobView, WorkloadView};

/// The label by which a job is given to a queue.
pub(super) const QUEUE_LABEL: &str = "kueue.x-k8s.io/queue-name";

/// What is known of why a queue holds a job back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Held {
    /// Nothing: it may not be asked, or has not said yet.
    Unknown,
    /// The cluster has no Kueue.
    NoQueues,
    /// What the Workload of the job says.
    Said(String),
}

/// The queue that manages the job, where one does.
pub(super) fn queue_of(job: &JobView) -> Option<&str> {
    queue_in(job.metadata.labels.as_ref())
}

/// The queue that labels name, where they do.
pub(super) fn queue_in(labels: Option<&BTreeMap<String, String>>) -> Option<&str> {
    let name = labels?.get(QUEUE_LABEL)?.as_str();
    Some(name).filter(|name| !name.is_empty())
}

/// Why the job is not admitted, as its Workload says it.
pub(super) fn held(workloads: &[WorkloadView]) -> Held {
    let conditions = || {
        workloads
            .iter()
            .flat_map(|workload| &workload.status.conditions)
    };
    let unreserved = conditions().find(|it| it.type_ == "QuotaReserved" && it.status == "False");
    let evicted = || conditions().find(|it| it.is_true("Evicted"));
    let said = unreserved
        .or_else(evicted)
        .and_then(|condition| condition.message.clone())
        .filter(|message| !message.is_empty());
    said.map_or(Held::Unknown, Held::Said)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn workload(conditions: &serde_json::Value) -> WorkloadView {
        serde_json::from_value(json!({"status": {"conditions": conditions}})).unwrap()
    }

    #[test]
    fn a_workload_says_why_it_is_not_admitted() {
        let condition = |kind: &str, status: &str, message: &str| json!({"type": kind, "status": status, "message": message});
        let full = "couldn't assign flavors to pod set main: insufficient unused quota for cpu";
        let pending = workload(&json!([condition("QuotaReserved", "False", full)]));
        assert_eq!(held(&[pending]), Held::Said(full.to_owned()));
        let evicted = workload(&json!([
            condition("QuotaReserved", "True", "reserved"),
            condition("Evicted", "True", "Preempted to accommodate another"),
        ]));
        let said = Held::Said("Preempted to accommodate another".to_owned());
        assert_eq!(held(&[evicted]), said);
        assert_eq!(held(&[workload(&json!([]))]), Held::Unknown);
        assert_eq!(held(&[]), Held::Unknown);
    }
}
