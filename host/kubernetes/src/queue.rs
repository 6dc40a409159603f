//! Jobs that a queue of Kueue manages: it decides when they run, by their `suspend`.
//!
//! Labels and conditions: <https://kueue.sigs.k8s.io/docs/reference/labels-and-annotations/>.

use super::names::queue_in;
use super::view::{JobView, WorkloadView};

pub(super) use super::names::QUEUE_LABEL;

/// Why a queue holds a job, as far as is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Held {
    /// Unknown: listing Workloads is not allowed, or they give no reason yet.
    Unknown,
    /// The cluster has no Kueue.
    NoQueues,
    /// The reason in the Workload of the job.
    Said(String),
}

/// Returns the queue that manages the job, if there is one.
pub(super) fn queue_of(job: &JobView) -> Option<&str> {
    queue_in(job.metadata.labels.as_ref())
}

/// Returns why the job is not admitted, according to its Workload.
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
    fn a_workload_states_why_it_is_not_admitted() {
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
