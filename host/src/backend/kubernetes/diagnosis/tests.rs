//! What is said of objects of a real cluster (Kubernetes 1.34, containerd 1.7): see
//! `tests/fixtures/kubernetes`. Names, identifiers and addresses are changed, and parts that nothing here
//! reads are left out.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::*;
use crate::backend::kubernetes::view::{EventView, JobView, PodView};
use crate::capability::{CapabilityError, Reason};

const PODS: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../tests/fixtures/kubernetes/pods.json"
));
const JOBS: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../tests/fixtures/kubernetes/jobs.json"
));
const EVENTS: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../tests/fixtures/kubernetes/events.json"
));
const STATUSES: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../tests/fixtures/kubernetes/statuses.json"
));

fn fixture<T: DeserializeOwned>(file: &str, name: &str) -> T {
    let mut all: Map<String, Value> = serde_json::from_str(file).unwrap();
    let value = all.remove(name).unwrap_or_else(|| panic!("no `{name}`"));
    serde_json::from_value(value).unwrap()
}

#[test]
fn dump() {
    let graces = Graces::default();
    let now = "2026-11-24T11:52:00Z".parse().unwrap();
    let context = WaitingContext {
        own_objects: &[],
        graces: &graces,
        now,
    };
    let all: Map<String, Value> = serde_json::from_str(PODS).unwrap();
    for (name, pod) in all {
        let pod: PodView = serde_json::from_value(pod).unwrap();
        if let Some(w) = waiting(&pod, context) {
            println!(
                "{name}: WAIT {} {:?} {:?}\n   {}\n   {:?} {:?}",
                w.word, w.class, w.cause.reason, w.cause.message, w.cause.hint, w.cause.field
            );
        }
        let end = attempt_end(
            &pod,
            AttemptContext {
                container: "job",
                is_gone: false,
                is_cancelled: false,
                is_suspended: false,
                passed_deadline: None,
                now,
            },
        );
        if let Some(v) = end {
            println!(
                "{name}: END counts={} {:?} code={:?} sig={:?} {:?}\n   {:?}\n   {:?} {:?}",
                v.counts,
                v.end.reason,
                v.end.exit_code,
                v.end.signal,
                v.end.duration,
                v.end.message,
                v.end.hint,
                v.end.field
            );
        }
    }
    let all: Map<String, Value> = serde_json::from_str(EVENTS).unwrap();
    for (name, events) in all {
        let events: Vec<EventView> = serde_json::from_value(events).unwrap();
        println!(
            "{name}: EV {:?}\n   {:?}",
            failed_create(&events, context),
            from_pod_events(&events, context)
        );
    }
    let all: Map<String, Value> = serde_json::from_str(STATUSES).unwrap();
    for (name, status) in all {
        let status: kube::core::Status = serde_json::from_value(status).unwrap();
        let kind = if name.contains("secret") {
            "Secret"
        } else {
            "Job"
        };
        let e = creation_refused(
            &kube::Error::Api(status.boxed()),
            Creating {
                kind,
                namespace: "team",
                job: "load",
            },
        );
        println!(
            "{name}: {:?} retry={}\n   {}\n   {:?} {:?}",
            e.reason, e.retryable, e.message, e.hint, e.field
        );
    }
}
