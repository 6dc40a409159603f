//! The invariants can fail: an observation that is changed afterwards violates one of them.

use toolhost_capability::{Explanation, JobEventKind, JobStatus, Reason};
use toolhost_simulation::invariants::violations;
use toolhost_simulation::scenario::{PodEnd, Scenario};
use toolhost_simulation::world::{Fate, Finished, Observation, SECRET, run};

/// A scenario without any trouble, whose first pod ends in this way and writes something.
fn calm(is_meant: impl Fn(&Scenario) -> bool) -> Scenario {
    let scenarios = (0..100_000).map(Scenario::of);
    let mut calm = scenarios.filter(|scenario| {
        let is_calm = scenario.calm_from().is_zero()
            && scenario.edits.is_empty()
            && scenario.compactions.is_empty()
            && scenario.job.deadline.is_none()
            && scenario.hosts.len() == 1
            && scenario.hosts[0].cancel.is_none();
        is_calm && is_meant(scenario)
    });
    calm.next().unwrap()
}

fn finished(observation: &mut Observation) -> &mut Finished {
    match &mut observation.hosts[0].fate {
        Fate::Finished(finished) => finished,
        fate => panic!("{fate:?}"),
    }
}

/// Asserts that the run is right, and wrong after the change, for the reason.
fn is_caught(scenario: &Scenario, change: impl FnOnce(&mut Observation), reason: &str) {
    let mut observation = run(scenario).unwrap();
    assert_eq!(violations(scenario, &observation), [""; 0]);
    change(&mut observation);
    let found = violations(scenario, &observation);
    assert!(
        found.iter().any(|found| found.contains(reason)),
        "{reason}: {found:?}"
    );
}

fn first_pod_writes(scenario: &Scenario) -> bool {
    let pod = &scenario.job.pods[0];
    pod.end == PodEnd::Exit(0) && pod.lines.len() > 3
}

#[test]
fn a_line_that_is_lost_or_repeated_is_noticed() {
    let scenario = calm(first_pod_writes);
    let lose = |observation: &mut Observation| {
        let log = finished(observation).logs.get_mut(&1).unwrap();
        let end = log.bytes.iter().position(|byte| *byte == b'\n').unwrap();
        log.bytes.drain(..=end);
    };
    is_caught(&scenario, lose, "the log of attempt 1");
    let repeat = |observation: &mut Observation| {
        let log = finished(observation).logs.get_mut(&1).unwrap();
        let end = log.bytes.iter().position(|byte| *byte == b'\n').unwrap();
        let line = log.bytes[..=end].to_vec();
        log.bytes.extend(line);
    };
    is_caught(&scenario, repeat, "the log of attempt 1");
}

#[test]
fn a_wrong_outcome_is_noticed() {
    let scenario = calm(first_pod_writes);
    let fail = |observation: &mut Observation| {
        let end = &mut finished(observation).end;
        end.status = JobStatus::Failed;
        end.explanation = Some(Explanation::new(Reason::ScriptError, "exited with code 1"));
    };
    is_caught(&scenario, fail, "is wrong");
}

#[test]
fn an_eviction_that_counts_as_a_failure_is_noticed() {
    let scenario = calm(|scenario| {
        let pods = &scenario.job.pods;
        pods.len() > 1 && pods[0].end == PodEnd::Drained && pods[1].end == PodEnd::Exit(0)
    });
    is_caught(
        &scenario,
        |observation| finished(observation).end.failed = 1,
        "is wrong",
    );
    let blame = |observation: &mut Observation| {
        for event in &mut finished(observation).events {
            if let JobEventKind::AttemptEnded(end) = &mut event.kind
                && let Some(why) = &mut end.explanation
            {
                why.reason = Reason::ScriptError;
            }
        }
    };
    is_caught(&scenario, blame, "the attempt of");
}

#[test]
fn a_secret_and_what_is_left_are_noticed() {
    let scenario = calm(|scenario| first_pod_writes(scenario) && scenario.job.has_secret);
    let disclose = |observation: &mut Observation| {
        let message = format!("the password is {SECRET}");
        let event = &mut finished(observation).events[0];
        event.kind = JobEventKind::Warning { message };
    };
    is_caught(&scenario, disclose, "the secret is in an event");
    let hide = |observation: &mut Observation| {
        // Another Secret would be none of this; a ConfigMap with it is.
        for version in &mut observation.history {
            if version.object["kind"] == "Secret" {
                let mut object = serde_json::Value::clone(&version.object);
                object["kind"] = "ConfigMap".into();
                version.object = object.into();
            }
        }
    };
    is_caught(&scenario, hide, "the secret is in a ConfigMap");
    let keep = |observation: &mut Observation| observation.secrets_left = 1;
    is_caught(&scenario, keep, "a Secret is left");
}

#[test]
fn spinning_and_asking_again_and_again_are_noticed() {
    let scenario = calm(first_pod_writes);
    let spin = |observation: &mut Observation| observation.wake_ups += 100_000;
    is_caught(&scenario, spin, "woke up");
    let ask = |observation: &mut Observation| observation.hosts[0].requests += 1_000;
    is_caught(&scenario, ask, "requests");
}
