//! Why a job is suspended.

use toolhost_capability::{Explanation, Hint, Reason};

use super::quote::quoted;
use super::waiting::{Class, Waiting};
use crate::queue::Held;

/// What a suspended job waits for: its queue, or the user who suspended it.
pub(crate) fn queued(queue: Option<&str>, held: &Held) -> Waiting {
    let cause = |message: String| Explanation::new(Reason::Queued, message);
    let cause = match (queue.map(quoted), held) {
        (None, _) => cause("the job is suspended".to_owned()).with_hint(
            "it continues when its `suspend` is set to false by what suspended it, such as a queue",
        ),
        (Some(queue), Held::Said(said)) => {
            let said = quoted(said);
            cause(format!(
                "the queue `{queue}` has not admitted the job: {said}"
            ))
            .with_hint(
                Hint::from("it starts when the queue admits it: request less in ")
                    .field("resources.requests")
                    .text(", or wait until other jobs of the queue have ended"),
            )
        }
        (Some(queue), Held::NoQueues) => {
            let label = crate::queue::QUEUE_LABEL;
            cause(format!(
                "the job is for the queue `{queue}`, and the cluster has no Kueue to admit it"
            ))
            .with_hint(
                Hint::from(format!("remove the label `{label}` from "))
                    .field("labels")
                    .text(", or install Kueue"),
            )
            .with_field("labels")
        }
        (Some(queue), Held::Unknown) => {
            cause(format!("the queue `{queue}` has not admitted the job"))
                .with_hint("it starts when the queue admits it: see `kubectl describe workloads`")
        }
    };
    Waiting {
        word: Reason::Queued.to_string(),
        cause,
        class: Class::Patient,
    }
}
