//! Diagnoses of objects of a real cluster (Kubernetes 1.34, containerd 1.7): see `tests/fixtures/kubernetes`. Names,
//! identifiers and addresses are changed, and parts that are not read are left out.

mod attempts;
mod jobs;
mod refusals;
mod waits;

use std::time::Duration;

use k8s_openapi::jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use toolhost_capability::Explanation;

use super::*;

const PODS: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../tests/fixtures/kubernetes/pods.json"
));
const JOBS: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../tests/fixtures/kubernetes/jobs.json"
));
const EVENTS: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../tests/fixtures/kubernetes/events.json"
));
const STATUSES: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../tests/fixtures/kubernetes/statuses.json"
));

fn fixture<T: DeserializeOwned>(file: &str, name: &str) -> T {
    let mut all: Map<String, Value> = serde_json::from_str(file).unwrap();
    let value = all.remove(name).unwrap_or_else(|| panic!("no `{name}`"));
    serde_json::from_value(value).unwrap()
}

fn text(value: Option<&String>) -> &str {
    value.map_or("", String::as_str)
}

/// The message of an explanation; empty if there is none.
fn message_of(why: Option<&Explanation>) -> &str {
    why.map_or("", |why| &why.message)
}

/// The field of an explanation; empty if there is none.
fn field_of(why: Option<&Explanation>) -> String {
    why.and_then(Explanation::field_text).unwrap_or_default()
}

fn now() -> Timestamp {
    "2026-11-24T11:52:00Z".parse().unwrap()
}

const CONTEXT: AttemptContext<'_> = AttemptContext {
    container: "job",
    is_gone: false,
    is_script_enough: false,
    job_stop: None,
    now: Timestamp::UNIX_EPOCH,
};

fn ended(name: &str, context: AttemptContext<'_>) -> AttemptVerdict {
    attempt_end(&fixture(PODS, name), context).unwrap_or_else(|| panic!("{name} runs"))
}
