//! What really happened: read from every version of every object, which no host sees.

use fake_kubernetes::Version;
use serde_json::Value;

use crate::world::text;

/// A Job, as it was at the end.
#[derive(Debug, Clone, Default)]
pub struct JobTruth {
    /// Its UID.
    pub uid: String,
    /// Whether it was deleted, by whomever.
    pub is_deleted: bool,
    /// Whether it was ever suspended after it had been resumed.
    pub was_suspended: bool,
    /// The reason of its condition `Failed` or `FailureTarget`.
    pub failure: Option<String>,
    /// Whether it completed.
    pub is_complete: bool,
    /// How many pods the Job controller counted as failed.
    pub failed: u32,
    /// Why a host ended it.
    pub verdict: Option<String>,
    /// Its pods, in the order of their creation.
    pub pods: Vec<PodTruth>,
}

/// A pod, as it was at the end.
#[derive(Debug, Clone, Default)]
pub struct PodTruth {
    /// Its UID.
    pub uid: String,
    /// Its name.
    pub name: String,
    /// When it was created, to the second.
    pub created: String,
    /// Whether its script was started.
    pub has_started: bool,
    /// The exit code of its script.
    pub exit_code: Option<i64>,
    /// The reason of its container's end, such as `OOMKilled`.
    pub container_reason: String,
    /// `status.reason`, such as `Evicted`.
    pub reason: String,
    /// Its phase.
    pub phase: String,
    /// The reason of its condition `DisruptionTarget`.
    pub disruption: Option<String>,
    /// Whether it was deleted before its script ended.
    pub is_deleted_early: bool,
    /// Whether it was deleted at all.
    pub is_deleted: bool,
    /// After how many versions of objects it was removed.
    pub removed: Option<usize>,
}

impl PodTruth {
    /// Whether its script succeeded.
    #[must_use]
    pub fn has_succeeded(&self) -> bool {
        self.phase == "Succeeded"
    }

    /// Whether it counts against the limit of retries.
    #[must_use]
    pub fn is_failure(&self) -> bool {
        self.phase == "Failed" && self.disruption.is_none()
    }
}

/// The Jobs of a name, in the order of their creation.
#[must_use]
pub fn jobs(history: &[Version]) -> Vec<JobTruth> {
    let mut jobs: Vec<JobTruth> = Vec::new();
    for (index, version) in history.iter().enumerate() {
        let object = &*version.object;
        match text(object, "/kind") {
            "Job" => {
                let uid = text(object, "/metadata/uid");
                if !jobs.iter().any(|job| job.uid == uid) {
                    jobs.push(JobTruth {
                        uid: uid.to_owned(),
                        ..JobTruth::default()
                    });
                }
                if let Some(job) = jobs.iter_mut().find(|job| job.uid == uid) {
                    note_job(job, object);
                }
            }
            "Pod" => {
                let owner = text(object, "/metadata/ownerReferences/0/uid");
                if let Some(job) = jobs.iter_mut().find(|job| job.uid == owner) {
                    note_pod(job, object, version.is_removal.then_some(index));
                }
            }
            _ => {}
        }
    }
    jobs
}

fn note_job(job: &mut JobTruth, object: &Value) {
    job.is_deleted |= object.pointer("/metadata/deletionTimestamp").is_some();
    let is_suspended = object.pointer("/spec/suspend") == Some(&Value::Bool(true));
    let has_started = !text(object, "/status/startTime").is_empty() || !job.pods.is_empty();
    job.was_suspended |= is_suspended && has_started;
    for kind in ["FailureTarget", "Failed"] {
        if let Some(reason) = condition(object, kind) {
            job.failure = Some(reason);
        }
    }
    job.is_complete |= ["Complete", "SuccessCriteriaMet"]
        .iter()
        .any(|kind| condition(object, kind).is_some());
    let failed = object.pointer("/status/failed").and_then(Value::as_u64);
    job.failed = u32::try_from(failed.unwrap_or(0)).unwrap_or(u32::MAX);
    let verdict = text(object, "/metadata/annotations/noetl.io~1verdict");
    if !verdict.is_empty() {
        job.verdict = Some(verdict.to_owned());
    }
}

fn note_pod(job: &mut JobTruth, object: &Value, removed: Option<usize>) {
    let uid = text(object, "/metadata/uid");
    if !job.pods.iter().any(|pod| pod.uid == uid) {
        job.pods.push(PodTruth {
            uid: uid.to_owned(),
            name: text(object, "/metadata/name").to_owned(),
            created: text(object, "/metadata/creationTimestamp").to_owned(),
            ..PodTruth::default()
        });
    }
    let Some(pod) = job.pods.iter_mut().find(|pod| pod.uid == uid) else {
        return;
    };
    let state = "/status/containerStatuses/0/state";
    let state = |path: &str| object.pointer(&format!("{state}/{path}"));
    let has_ended = state("terminated").is_some();
    let was_started =
        state("running").is_some() || state("terminated/startedAt").is_some_and(Value::is_string);
    pod.has_started |= was_started;
    let is_deleted = object.pointer("/metadata/deletionTimestamp").is_some();
    pod.is_deleted_early |= is_deleted && !has_ended && pod.exit_code.is_none();
    pod.is_deleted |= is_deleted;
    if let Some(code) = state("terminated/exitCode").and_then(Value::as_i64) {
        pod.exit_code = Some(code);
    }
    if let Some(reason) = state("terminated/reason").and_then(Value::as_str) {
        reason.clone_into(&mut pod.container_reason);
    }
    text(object, "/status/reason").clone_into(&mut pod.reason);
    text(object, "/status/phase").clone_into(&mut pod.phase);
    if let Some(reason) = condition(object, "DisruptionTarget") {
        pod.disruption = Some(reason);
    }
    pod.removed = pod.removed.or(removed);
}

/// The reason of a true condition.
fn condition(object: &Value, kind: &str) -> Option<String> {
    let conditions = object.pointer("/status/conditions")?.as_array()?;
    let found = conditions.iter().find(|condition| {
        text(condition, "/type") == kind && text(condition, "/status") == "True"
    })?;
    Some(text(found, "/reason").to_owned())
}
