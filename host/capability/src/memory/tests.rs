use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use secrecy::{ExposeSecret, SecretString};

use super::{AttemptScript, Exit, JobScript, MemoryEngine, Step};
use crate::conformance::jobs::{self, Behaviour, Harness, Timing, printed_bytes};
use crate::{
    CapabilityError, JobEvent, JobEventKind, JobHandle, JobRequest, JobRunner, JobStatus, LogSink,
    Reason,
};

struct MemoryHarness(MemoryEngine);

#[async_trait]
impl Harness for MemoryHarness {
    fn runner(&self) -> &dyn JobRunner {
        &self.0
    }

    fn timing(&self) -> Timing {
        Timing {
            patience: Duration::from_secs(30),
            unit: Duration::from_secs(1),
            first_backoff: Duration::from_secs(10),
            long_backoff: Duration::ZERO,
        }
    }

    async fn request(&self, case: &str, behaviour: &Behaviour) -> JobRequest {
        self.0.script(case, script(behaviour));
        request(case)
    }

    async fn waiting_request(&self, case: &str) -> Option<(JobRequest, Reason)> {
        let reason = Reason::Unschedulable;
        let script = JobScript::succeed().cannot_start(reason, "no node has capacity");
        self.0.script(case, script);
        Some((request(case), reason))
    }

    async fn is_running(&self, name: &str) -> bool {
        self.0.is_held(name)
    }
}

fn request(name: &str) -> JobRequest {
    let command = ["program", "$(NOETL_ARGS)"];
    JobRequest::new(name.parse().unwrap(), command.map(str::to_owned).to_vec())
}

fn script(behaviour: &Behaviour) -> JobScript {
    match behaviour {
        Behaviour::Attempts(attempts) => JobScript::new(attempts.iter().map(attempt)),
        Behaviour::FailAndBackOff => JobScript::new([AttemptScript::exit(1)]).hold_in_backoff(),
        behaviour => JobScript::new([attempt(behaviour)]),
    }
}

fn attempt(behaviour: &Behaviour) -> AttemptScript {
    let mut steps = Vec::new();
    let code = add_steps(behaviour, &mut steps).unwrap_or(0);
    AttemptScript::new(steps, Exit::Code(code))
}

/// Adds the steps, and returns the code if that ends the attempt.
fn add_steps(behaviour: &Behaviour, steps: &mut Vec<Step>) -> Option<i32> {
    let step = match behaviour {
        Behaviour::Exit(code) => return Some(*code),
        Behaviour::Print(text) | Behaviour::PrintError(text) => {
            Step::Write(Bytes::from(text.clone()))
        }
        Behaviour::PrintBytes(count) => Step::Write(Bytes::from(printed_bytes(*count))),
        Behaviour::PrintVariable(name) => Step::WriteVariable(name.clone()),
        Behaviour::PrintArguments => Step::WriteArgument(1),
        Behaviour::PrintArgumentsFile => Step::WriteArgumentsFile,
        Behaviour::Sleep(time) => Step::Wait(*time),
        Behaviour::SleepForever => Step::Hold,
        // Signals are not sent here.
        Behaviour::IgnoreTermination => return None,
        Behaviour::Allocate(bytes) => Step::Allocate(*bytes),
        Behaviour::Sequence(parts) => return parts.iter().find_map(|part| add_steps(part, steps)),
        Behaviour::Attempts(_) | Behaviour::FailAndBackOff => {
            panic!("no behaviour of one attempt")
        }
    };
    steps.push(step);
    None
}

struct Discard;

impl LogSink for Discard {
    fn write(&self, _: u32, _: &[u8]) {}
    fn end(&self, _: u32) {}
}

async fn create(engine: &MemoryEngine, request: JobRequest) -> JobHandle {
    engine.create(request, Arc::new(Discard)).await.unwrap()
}

async fn events(mut handle: JobHandle) -> Vec<JobEvent> {
    let mut events = Vec::new();
    while let Some(event) = handle.next_event().await {
        events.push(event);
    }
    events
}

#[tokio::test]
async fn conforms() {
    jobs::run_all(&MemoryHarness(MemoryEngine::new())).await;
}

#[tokio::test]
async fn a_job_that_cannot_start_does_when_it_is_released() {
    let engine = MemoryEngine::new();
    let script = JobScript::succeed().cannot_start(Reason::Unschedulable, "no node has capacity");
    engine.script("job", script);
    let handle = create(&engine, request("job")).await;
    assert!(engine.is_held("job") && engine.release("job"));
    let kinds: Vec<_> = events(handle)
        .await
        .into_iter()
        .map(|event| event.kind)
        .collect();
    assert!(
        matches!(
            &kinds[..],
            [
                JobEventKind::Waiting { reason, .. },
                JobEventKind::AttemptStarted { .. },
                JobEventKind::AttemptEnded(_),
                JobEventKind::Finished(_),
            ] if reason == "Unschedulable"
        ),
        "{kinds:?}"
    );
}

#[tokio::test]
async fn has_every_event_ready_when_a_job_was_created() {
    let engine = MemoryEngine::new();
    engine.script("job", JobScript::new([AttemptScript::exit(1)]));
    let mut handle = create(&engine, request("job")).await;
    for _ in 0..12 {
        let event = handle.next_event();
        // Never pending: a pending future would not be ready when first polled.
        let event = tokio::time::timeout(Duration::ZERO, event).await.unwrap();
        assert!(event.is_some());
    }
    assert!(handle.is_finished());
}

#[tokio::test]
async fn counts_virtual_time() {
    let engine = MemoryEngine::new();
    let hour = Step::Wait(Duration::from_hours(1));
    engine.default_script(JobScript::new([
        AttemptScript::new([hour.clone()], Exit::Signal(11)),
        AttemptScript::new([hour], Exit::Code(0)),
    ]));
    let events = events(create(&engine, request("job")).await).await;
    let end = events.last().unwrap();
    assert_eq!(end.elapsed, Duration::from_secs(2 * 3600 + 10));
    let ended = events.iter().find_map(|event| match &event.kind {
        JobEventKind::AttemptEnded(end) => Some(end),
        _ => None,
    });
    let ended = ended.unwrap();
    assert_eq!(ended.duration, Duration::from_hours(1));
    assert_eq!(
        (ended.signal, ended.reason()),
        (Some(11), Some(Reason::Signalled))
    );
}

#[tokio::test]
async fn lets_the_deadline_pass_at_once_where_a_job_is_held() {
    let engine = MemoryEngine::new();
    engine.default_script(JobScript::new([AttemptScript::hold()]));
    let mut request = request("job");
    request.active_deadline = Some(Duration::from_secs(7));
    let events = events(create(&engine, request).await).await;
    let end = events.last().unwrap();
    assert_eq!(end.elapsed, Duration::from_secs(7));
    assert!(!engine.is_held("job"));
}

#[tokio::test]
async fn goes_on_when_it_is_released() {
    let engine = MemoryEngine::new();
    let script = AttemptScript::hold().then_line("released");
    engine.script("job", JobScript::new([script]));
    let handle = create(&engine, request("job")).await;
    assert!(engine.is_held("job"));
    assert!(engine.release("job"));
    let events = events(handle).await;
    assert!(matches!(
        &events.last().unwrap().kind,
        JobEventKind::Finished(end) if end.status == JobStatus::Succeeded
    ));
    assert!(!engine.release("job"));
}

#[tokio::test]
async fn ends_jobs_that_are_held_when_it_is_dropped() {
    let engine = MemoryEngine::new();
    engine.default_script(JobScript::new([AttemptScript::hold()]));
    let handle = create(&engine, request("job")).await;
    drop(engine);
    let events = events(handle).await;
    assert!(matches!(
        &events.last().unwrap().kind,
        JobEventKind::Finished(end) if end.reason() == Some(Reason::Internal)
    ));
}

#[tokio::test]
async fn remembers_requests_and_hides_their_values() {
    let engine = MemoryEngine::new();
    let mut request = request("job");
    let entry = ("TOKEN".parse().unwrap(), SecretString::from("hunter2"));
    request.environment.push(entry);
    create(&engine, request).await;
    let requests = engine.requests();
    assert_eq!(requests[0].name, "job");
    assert_eq!(requests[0].environment[0].1.expose_secret(), "hunter2");
    assert!(!format!("{requests:?} {engine:?}").contains("hunter2"));
}

#[tokio::test]
async fn scripted_refusals_are_returned() {
    let engine = MemoryEngine::new();
    let error = CapabilityError::new(Reason::Quota, "no capacity");
    engine.script("job", JobScript::refuse(error.clone()));
    let refused = engine.create(request("job"), Arc::new(Discard)).await;
    assert_eq!(refused.unwrap_err(), error);
    assert_eq!(engine.requests().len(), 0);
}

#[tokio::test]
async fn reports_what_a_script_says_about_waiting() {
    let engine = MemoryEngine::new();
    let steps = [
        Step::Waiting {
            reason: "Unschedulable".to_owned(),
            message: "0/3 nodes are available".to_owned(),
        },
        Step::Warning("careful".to_owned()),
    ];
    let attempt = AttemptScript::new(steps, Exit::OutOfMemory);
    engine.script("job", JobScript::new([attempt]));
    let mut request = request("job");
    request.backoff_limit = 0;
    let events = events(create(&engine, request).await).await;
    let kinds: Vec<_> = events.iter().map(|event| &event.kind).collect();
    assert!(matches!(kinds[1], JobEventKind::Waiting { reason, .. } if reason == "Unschedulable"));
    assert!(matches!(kinds[2], JobEventKind::Warning { message } if message == "careful"));
    assert!(
        matches!(kinds[3], JobEventKind::AttemptEnded(end) if end.reason() == Some(Reason::OomKilled))
    );
}
