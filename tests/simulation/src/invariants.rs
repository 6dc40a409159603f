//! What must hold after each run, whatever happened in it.

use std::fmt::Debug;
use std::time::Duration;

use serde_json::Value;
use toolhost_capability::{JobEventKind, Reason};

use crate::oracle;
use crate::scenario::{Edit, Scenario};
use crate::truth::{self, JobTruth, PodTruth};
use crate::world::{Fate, Finished, HostReport, Observation, SECRET, text};

/// The Base64 of the secret.
const ENCODED_SECRET: &str = "aHVudGVyMi00ZjFjOWE3ZQ==";
/// How many requests a host may send for nothing but being there, for each pod, for each fault, and in an hour.
const REQUESTS: u64 = 30;
const REQUESTS_PER_POD: u64 = 14;
const REQUESTS_PER_FAULT: u64 = 4;
const REQUESTS_PER_HOUR: u64 = 200;
/// The same for the wake-ups of the thread that everything in a run shares.
const WAKE_UPS: u64 = 400;
const WAKE_UPS_PER_REQUEST: u64 = 6;
const WAKE_UPS_PER_VERSION: u64 = 8;
const WAKE_UPS_PER_MINUTE: u64 = 20;

/// Says what does not hold.
#[must_use]
pub fn violations(scenario: &Scenario, observation: &Observation) -> Vec<String> {
    let jobs = truth::jobs(&observation.history);
    let mut violations = Vec::new();
    for (index, host) in observation.hosts.iter().enumerate() {
        let found = of_host(scenario, observation, &jobs, host);
        violations.extend(
            found
                .into_iter()
                .map(|what| format!("host {}: {what}", index + 1)),
        );
    }
    violations.extend(one_job(scenario, observation, &jobs));
    violations.extend(one_pod_at_a_time(observation));
    // A host that is killed while it prepares a job which another one has finished may leave a Secret.
    let may_leave = observation
        .hosts
        .iter()
        .any(|host| matches!(host.fate, Fate::Killed));
    if observation.secrets_left > 0 && !may_leave && observation.hosts.iter().any(is_finished) {
        violations.push("a Secret is left after the job".to_owned());
    }
    if !observation.left.is_empty() {
        violations.push(format!("left after a sweep: {:?}", observation.left));
    }
    if let Some(error) = &observation.sweep_error {
        violations.push(format!("the sweep failed: {error}"));
    }
    violations.extend(secrets(observation));
    violations.extend(budgets(observation, &jobs));
    violations
}

fn is_finished(host: &HostReport) -> bool {
    matches!(host.fate, Fate::Finished(_))
}

fn of_host(
    scenario: &Scenario,
    observation: &Observation,
    jobs: &[JobTruth],
    host: &HostReport,
) -> Vec<String> {
    match &host.fate {
        Fate::Killed => Vec::new(),
        Fate::Hung(events) => vec![format!("nothing happens any more after {events:?}")],
        Fate::Refused(error) => wrong_refusal(scenario, host, error.explanation.reason)
            .map(|why| format!("refused although {why}: {error:?}"))
            .into_iter()
            .collect(),
        Fate::Finished(finished) => {
            let uid = finished.identity.uid.as_deref();
            let Some(job) = jobs.iter().find(|job| Some(job.uid.as_str()) == uid) else {
                return vec![format!("there was no job {uid:?}")];
            };
            let mut found = Vec::new();
            found.extend(oracle::wrong_end(
                scenario,
                job,
                &finished.end,
                host.has_cancelled,
            ));
            found.extend(attempts(observation, job, host, finished));
            found
        }
    }
}

/// Why a host should not have refused the job.
fn wrong_refusal(scenario: &Scenario, host: &HostReport, reason: Reason) -> Option<&'static str> {
    let is_deleted = scenario.has_edit(|edit| matches!(edit, Edit::DeleteJob { .. }))
        || scenario.hosts.iter().any(|host| host.cancel.is_some());
    match reason {
        Reason::EngineUnavailable if host.started > scenario.calm_from() => {
            Some("the server was there")
        }
        Reason::EngineUnavailable => None,
        // One that is being deleted.
        Reason::Conflict if is_deleted => None,
        // Without an answer to its question a host assumes that it may change jobs, and learns that it may not.
        Reason::Denied if !scenario.job.may_patch && host.faults > 0 => None,
        Reason::Denied if !scenario.job.may_patch && !scenario.outages.is_empty() => None,
        _ => Some("there was no reason"),
    }
}

fn attempts(
    observation: &Observation,
    job: &JobTruth,
    host: &HostReport,
    finished: &Finished,
) -> Vec<String> {
    let mut found = Vec::new();
    let mut reported: Vec<&PodTruth> = Vec::new();
    let mut running = None;
    for event in &finished.events {
        match &event.kind {
            JobEventKind::AttemptStarted { pod } => {
                if running.is_some() || event.attempt as usize != reported.len() + 1 {
                    found.push(format!("attempts are not in order: {:?}", finished.events));
                }
                running = Some(event.attempt);
                let Some(pod) = job.pods.iter().find(|known| known.name == *pod) else {
                    found.push(format!("there was no pod {pod}"));
                    return found;
                };
                if !pod.has_started && !pod.is_deleted {
                    found.push(format!(
                        "the pod {} never started, and is an attempt",
                        pod.name
                    ));
                }
                if reported.iter().any(|known| known.uid == pod.uid) {
                    found.push(format!("the pod {} is reported twice", pod.name));
                }
                reported.push(pod);
            }
            JobEventKind::AttemptEnded(end) => {
                running = None;
                if let Some(pod) = reported.last() {
                    let is_gone = pod.removed.is_some_and(|removed| removed < host.versions);
                    found.extend(oracle::wrong_attempt(pod, is_gone, end));
                }
            }
            _ => {}
        }
    }
    // A job that is gone when it is cancelled has no end of its attempt.
    if running.is_some() && !host.has_cancelled {
        found.push("an attempt has no end".to_owned());
    }
    // Those of one second cannot be distinguished by a host that sees them together.
    if !reported.is_sorted_by_key(|pod| &pod.created) {
        found.push("attempts are not in the order of their pods".to_owned());
    }
    let is_natural = !host.has_cancelled && !job.is_deleted_by_others();
    let missed = job.pods.iter().find(|pod| {
        let was_there = pod.removed.is_none_or(|removed| removed >= host.versions);
        let is_reported = reported.iter().any(|known| known.uid == pod.uid);
        was_there && pod.has_started && !is_reported && is_natural
    });
    if let Some(missed) = missed
        && finished.end.reason() != Some(Reason::Deleted)
    {
        found.push(format!("the pod {} ran and is not reported", missed.name));
    }
    for (pod, number) in reported.iter().zip(1..) {
        found.extend(log(observation, pod, host, finished, number));
    }
    found
}

/// Whether an attempt has each line once.
fn log(
    observation: &Observation,
    pod: &PodTruth,
    host: &HostReport,
    finished: &Finished,
    number: u32,
) -> Option<String> {
    let Some(log) = finished.logs.get(&number) else {
        return Some(format!("the log of attempt {number} has no end"));
    };
    if log.ends != 1 || log.is_late {
        return Some(format!(
            "the log of attempt {number} ended {} times{}",
            log.ends,
            if log.is_late {
                ", and went on after its end"
            } else {
                ""
            }
        ));
    }
    let written = observation
        .written
        .get(&pod.uid)
        .map(Vec::as_slice)
        .unwrap_or_default();
    if log.bytes == written {
        return None;
    }
    // A log is gone with its pod: what came until then has no gap.
    let is_gone =
        pod.removed.is_some_and(|removed| removed < host.versions) || !pod.reason.is_empty();
    let is_said = finished.events.iter().any(|event| {
        event.attempt == number
            && matches!(&event.kind, JobEventKind::Warning { message } if message.contains("log"))
    });
    if (is_gone || is_said) && written.starts_with(&log.bytes) {
        return None;
    }
    Some(format!(
        "the log of attempt {number} ({}) is wrong:\n    written {}\n    reported {}",
        pod.name,
        shortened(written),
        shortened(&log.bytes)
    ))
}

fn shortened(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes).replace(&"x".repeat(1_000), "X");
    text.escape_debug().to_string()
}

/// A Job is created again only where it was deleted.
fn one_job(scenario: &Scenario, observation: &Observation, jobs: &[JobTruth]) -> Option<String> {
    let deletions = scenario
        .edits
        .iter()
        .filter(|(_, edit)| matches!(edit, Edit::DeleteJob { .. }));
    let refusals = observation
        .hosts
        .iter()
        .filter(|host| matches!(host.fate, Fate::Refused(_)));
    let cancellations = observation.hosts.iter().filter(|host| host.has_cancelled);
    let killed = observation
        .hosts
        .iter()
        .filter(|host| matches!(host.fate, Fate::Killed));
    // One that ended long before another host wants it is gone by its time to live.
    let expired = observation.hosts.len() - killed.count();
    let most = 1 + deletions.count() + refusals.count() + cancellations.count();
    let may_expire = observation
        .hosts
        .iter()
        .any(|host| host.started > Duration::from_mins(5));
    let most = if may_expire { most + expired } else { most };
    (jobs.len() > most).then(|| format!("{} jobs were created, where {most} may be", jobs.len()))
}

/// Two pods of a job never run at the same time.
fn one_pod_at_a_time(observation: &Observation) -> Option<String> {
    let mut running: Vec<(&str, &str)> = Vec::new();
    for version in &observation.history {
        let object: &Value = &version.object;
        if text(object, "/kind") != "Pod" {
            continue;
        }
        let (uid, owner) = (
            text(object, "/metadata/uid"),
            text(object, "/metadata/ownerReferences/0/uid"),
        );
        running.retain(|(known, _)| *known != uid);
        let is_running = text(object, "/status/phase") == "Running" && !version.is_removal;
        if is_running {
            if running.iter().any(|(_, of)| *of == owner) {
                return Some("two pods of a job ran at the same time".to_owned());
            }
            running.push((uid, owner));
        }
    }
    None
}

/// The secret is in the Secret alone.
fn secrets(observation: &Observation) -> Option<String> {
    let leaks = |text: &str| text.contains(SECRET) || text.contains(ENCODED_SECRET);
    for version in &observation.history {
        let object: &Value = &version.object;
        if text(object, "/kind") != "Secret" && leaks(&object.to_string()) {
            return Some(format!("the secret is in a {}", text(object, "/kind")));
        }
    }
    for request in &observation.requests {
        let body = String::from_utf8_lossy(&request.body);
        let is_of_secret = request.call.resource == "secrets" && request.call.verb == "create";
        if leaks(&request.call.path)
            || request.call.query.values().any(|value| leaks(value))
            || !is_of_secret && leaks(&body)
        {
            return Some(format!(
                "the secret is in the request {}",
                request.summary()
            ));
        }
    }
    let is_said = |said: &dyn Debug| leaks(&format!("{said:?}"));
    let leaking = observation.hosts.iter().any(|host| match &host.fate {
        Fate::Killed => false,
        Fate::Refused(error) => is_said(error),
        Fate::Hung(events) => is_said(events),
        Fate::Finished(finished) => is_said(&finished.events),
    });
    leaking.then(|| "the secret is in an event".to_owned())
}

fn budgets(observation: &Observation, jobs: &[JobTruth]) -> Vec<String> {
    let pods: usize = jobs.iter().map(|job| job.pods.len()).sum();
    let pods = u64::try_from(pods).unwrap_or(u64::MAX);
    let mut found = Vec::new();
    let (mut requests, mut faults) = (0, 0);
    for (index, host) in observation.hosts.iter().enumerate() {
        let hours = (host.finished.saturating_sub(host.started)).as_secs_f64() / 3600.0;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_precision_loss,
            clippy::cast_sign_loss,
            reason = "a few hours"
        )]
        let by_time = (hours * REQUESTS_PER_HOUR as f64) as u64;
        let most = REQUESTS + REQUESTS_PER_POD * pods + REQUESTS_PER_FAULT * host.faults + by_time;
        requests += host.requests;
        faults += host.faults;
        let outages = observation.counts.get("server down").copied().unwrap_or(0);
        // While the server is down, requests and watches are retried for as long.
        let most = most + outages * 120;
        if host.requests > most {
            found.push(format!(
                "host {} sent {} requests, where {most} are enough",
                index + 1,
                host.requests
            ));
        }
    }
    let minutes = observation.length.as_secs() / 60;
    let versions = u64::try_from(observation.history.len()).unwrap_or(u64::MAX);
    let most = WAKE_UPS
        + WAKE_UPS_PER_REQUEST * (requests + faults)
        + WAKE_UPS_PER_VERSION * versions
        + WAKE_UPS_PER_MINUTE * minutes;
    if observation.wake_ups > most {
        found.push(format!(
            "the run woke up {} times, where {most} are enough",
            observation.wake_ups
        ));
    }
    found
}

impl JobTruth {
    fn is_deleted_by_others(&self) -> bool {
        self.is_deleted && self.failure.is_none() && !self.is_complete
    }
}
