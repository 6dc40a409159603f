//! The mock host holds a tool to what a real host would.

use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Call, MockAttempt, MockHost, MockJob, Operation};
use crate::{
    Capability, Context, Error, Host, Job, JobEventKind, JobSpec, JobStatus, Level, SecretEntry,
    Status, Tool, code,
};

/// Does to the host what its configuration says.
struct Probe;

#[derive(Deserialize, JsonSchema)]
struct Config {
    action: String,
}

#[derive(Serialize)]
struct Outcome {
    status: Status,
}

impl Tool for Probe {
    const KIND: &'static str = "probe";
    const SUMMARY: &'static str = "Probes the mock host.";
    const CAPABILITIES: &'static [Capability] = &[Capability::Jobs];

    type Config = Config;
    type Outcome = Outcome;

    fn run(host: &impl Host, config: Config, _context: &Context) -> Result<Outcome, Error> {
        match config.action.as_str() {
            "secret" => drop(host.create_secret(Vec::new())?),
            "log" => host.log(Level::Info, "hello"),
            _ => drop(host.create_job(JobSpec::new(config.action.as_str()))?),
        }
        Ok(Outcome {
            status: Status::Completed,
        })
    }
}

fn job(job: MockJob) -> super::MockJobHandle {
    let host = MockHost::new().job(job);
    host.create_job(JobSpec::new("a")).unwrap()
}

#[test]
fn denies_what_the_tool_does_not_declare() {
    let host = MockHost::new();
    let error = host
        .call::<Probe>(&json!({"action": "secret"}))
        .unwrap_err();
    assert_eq!(error.code, code::DENIED);
    assert!(error.message.contains("Capability::Secrets"), "{error}");
    assert!(host.call::<Probe>(&json!({"action": "a-job"})).is_ok());
}

#[test]
#[should_panic(expected = "Capability::Progress")]
fn fails_the_test_of_a_tool_that_logs_undeclared() {
    drop(MockHost::new().call::<Probe>(&json!({"action": "log"})));
}

#[test]
fn refuses_names_that_a_real_host_refuses() {
    let long = "x".repeat(53);
    for name in ["", "-a", "a-", "A", "a_b", long.as_str()] {
        let error = MockHost::new()
            .call::<Probe>(&json!({"action": name}))
            .unwrap_err();
        assert_eq!(error.code, code::INVALID_REQUEST, "{name}");
    }
    for names in [&["1A"][..], &["A", "A"], &["A-B"], &[""]] {
        let entries = names
            .iter()
            .map(|name| SecretEntry::text(*name, ""))
            .collect();
        let error = MockHost::new().create_secret(entries).unwrap_err();
        assert_eq!(error.code, code::INVALID_REQUEST, "{names:?}");
    }
}

#[test]
fn fails_one_operation_as_configured() {
    let host = MockHost::new().fails(Operation::CreateObject, Error::new("Full", "full"));
    assert_eq!(host.create_object(b"a").unwrap_err().code, "Full");
    assert!(host.create_object(b"a").is_ok());
    assert_eq!(host.calls_of(Operation::CreateObject).len(), 2);
    assert_eq!(
        host.calls()[0],
        Call::CreateObject {
            bytes: b"a".to_vec()
        }
    );
}

#[test]
fn tells_the_events_of_a_job_that_succeeds_late() {
    let job = job(MockJob::new()
        .attempt(MockAttempt::exits(1))
        .attempt(MockAttempt::exits(0)));
    let events: Vec<_> = job.events().map(Result::unwrap).collect();
    let attempts: Vec<_> = events.iter().map(|event| event.attempt).collect();
    assert_eq!(attempts, [1, 1, 0, 2, 2, 0]);
    let last = events.last().unwrap();
    assert_eq!(last.elapsed, Duration::from_secs(12));
    let JobEventKind::Finished(end) = &last.kind else {
        panic!("the end");
    };
    assert_eq!(
        (end.status, end.succeeded, end.failed),
        (JobStatus::Succeeded, 1, 1)
    );
    assert_eq!(job.watch(Duration::ZERO), Ok(None));
}

#[test]
fn a_job_that_never_ends_can_be_cancelled() {
    let job = job(MockJob::succeeds("").never_ends());
    assert!(matches!(
        job.watch(Duration::ZERO).unwrap().unwrap().kind,
        JobEventKind::AttemptStarted { .. }
    ));
    assert_eq!(job.watch(Duration::ZERO).unwrap_err().code, code::TIMEOUT);
    job.cancel("enough").unwrap();
    assert_eq!(job.wait().unwrap().status, JobStatus::Cancelled);
    job.cancel("again").unwrap();
    assert_eq!(job.watch(Duration::ZERO), Ok(None));
}

#[test]
fn reads_logs_by_pages_and_excerpts() {
    let job = job(MockJob::new()
        .attempt(MockAttempt::exits(1).output("a\nb\n"))
        .attempt(MockAttempt::exits(0).output("ééé")));
    let page = job.read_logs(0, 2, Duration::ZERO).unwrap();
    let texts: Vec<String> = page
        .records
        .iter()
        .map(|record| record.text.clone())
        .collect();
    assert_eq!(
        (texts, page.next_cursor, page.ended),
        (["a".into(), "b".into()].into(), 2, false)
    );
    let page = job.read_logs(page.next_cursor, 10, Duration::ZERO).unwrap();
    assert_eq!((page.records[0].attempt, page.ended), (2, true));
    assert!(job.read_logs(99, 1, Duration::ZERO).is_err());

    let excerpt = job.read_excerpt(2, 5).unwrap();
    assert_eq!((excerpt.head.as_str(), excerpt.tail.as_str()), ("é", "é"));
    assert_eq!((excerpt.total_bytes, excerpt.omitted_bytes), (6, 2));
    assert_eq!(job.read_excerpt(7, 5).unwrap().total_bytes, 0);
}

#[test]
fn a_tool_describes_itself() {
    let description: Value = serde_json::from_str(&crate::describe::<Probe>("1.2.3")).unwrap();
    assert_eq!(description["kind"], "probe");
    assert_eq!(description["version"], "1.2.3");
    assert_eq!(description["capabilities"], json!(["jobs"]));
    let schema = &description["schema"];
    assert_eq!(
        schema["$schema"],
        "https://json-schema.org/draft/2020-12/schema"
    );
    assert_eq!(schema["properties"]["action"]["type"], "string");
}

#[test]
fn refuses_a_configuration_that_is_not_the_tools() {
    let error = MockHost::new()
        .call::<Probe>(&json!({"action": 1}))
        .unwrap_err();
    assert_eq!(error.code, code::INVALID_REQUEST);
    assert!(error.message.contains("`probe`"), "{error}");
}

/// A tool whose kind no host loads.
struct Misnamed;

impl Tool for Misnamed {
    const KIND: &'static str = "My Tool";
    const SUMMARY: &'static str = "Has an invalid kind.";
    const CAPABILITIES: &'static [Capability] = &[];

    type Config = Config;
    type Outcome = Outcome;

    fn run(_host: &impl Host, _config: Config, _context: &Context) -> Result<Outcome, Error> {
        Ok(Outcome {
            status: Status::Completed,
        })
    }
}

#[test]
fn a_kind_that_a_host_does_not_load_is_refused() {
    let error = MockHost::new()
        .call::<Misnamed>(&json!({"action": "any"}))
        .unwrap_err();
    assert_eq!(error.code, code::INVALID_REQUEST);
    assert!(error.message.starts_with("invalid kind `My Tool`"));
}
