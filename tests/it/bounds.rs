//! What ends a call from outside, at whatever point it is: its caller, its deadline, and the host's shutdown.

use std::collections::BTreeMap;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use toolhost::capability::memory::{AttemptScript, JobScript, MemoryEngine};
use toolhost::capability::{
    CapabilityError, JobHandle, JobIdentity, JobReporter, JobRequest, JobRunner, LogSink,
};
use toolhost::credential::{CredentialError, SecretProvider, SecretValue};
use toolhost::host::{CallError, CallRequest, ExecutionId, ShutdownError, StepName, ToolHost};
use toolhost::limits::Limits;
use toolhost::outcome::OutcomeStatus;
use toolhost::progress::progress;
use toolhost::template::TemplateContext;

/// Passes while a test waits for nothing but its end.
const SOON: Duration = Duration::from_millis(50);
/// Never passes while a test runs.
const NEVER: Duration = Duration::from_hours(1);

/// A provider that is asked and never answers.
struct Silent;

#[async_trait]
impl SecretProvider for Silent {
    async fn secret(&self, _: &str) -> Result<Option<SecretValue>, CredentialError> {
        std::future::pending().await
    }

    fn secret_names(&self) -> Vec<String> {
        Vec::new()
    }
}

/// An engine whose jobs do not end, although they are asked to.
#[derive(Default)]
struct Stubborn(Mutex<Vec<JobReporter>>);

#[async_trait]
impl JobRunner for Stubborn {
    fn name(&self) -> &'static str {
        "stubborn"
    }

    async fn create(
        &self,
        request: JobRequest,
        _: Arc<dyn LogSink>,
    ) -> Result<JobHandle, CapabilityError> {
        let (handle, reporter) = JobHandle::new(JobIdentity::created(request.name.clone()));
        self.0.lock().unwrap().push(reporter);
        Ok(handle)
    }
}

/// An engine whose jobs run until they are cancelled.
fn holding() -> MemoryEngine {
    let engine = MemoryEngine::new();
    engine.default_script(JobScript::new(vec![AttemptScript::hold()]));
    engine
}

async fn host(engine: impl JobRunner + 'static, max_calls: u32, wall_time: Duration) -> ToolHost {
    let mut limits = Limits::default();
    limits.wall_time = wall_time;
    limits.cancel_grace = NEVER;
    with_limits(engine, max_calls, limits).await
}

async fn with_limits(engine: impl JobRunner + 'static, max_calls: u32, limits: Limits) -> ToolHost {
    let host = ToolHost::builder()
        .jobs(Arc::new(engine))
        .limits(limits)
        .max_calls(max_calls)
        .build()
        .unwrap();
    host.load_embedded_tools().await.unwrap();
    host
}

fn request(step: &str) -> CallRequest {
    let config = json!({"script": {"content": "true", "interpreter": "sh"}});
    CallRequest::new(
        "script".parse().unwrap(),
        config,
        ExecutionId::new("7"),
        StepName::new(step),
    )
}

/// A call whose rendering comes to no end.
fn unanswered() -> CallRequest {
    let config = json!({"script": {"content": "true", "interpreter": "sh"}, "args": {"a": "{{ secret.a }}"}});
    let templates = TemplateContext::default()
        .with_secrets(Arc::new(Silent))
        .with_results(BTreeMap::new());
    CallRequest::new(
        "script".parse().unwrap(),
        config,
        ExecutionId::new("7"),
        StepName::new("unanswered"),
    )
    .with_templates(templates)
}

/// Lets a future go as far as it gets by itself.
fn go_on<T>(future: Pin<&mut impl Future<Output = T>>) -> Poll<T> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

#[tokio::test]
async fn a_deadline_leaves_the_token_of_the_caller_alone() {
    let host = host(holding(), 4, SOON).await;
    let cancel = CancellationToken::new();
    let outcome = host
        .call(request("first").with_cancel(cancel.clone()))
        .await;
    assert_eq!(outcome.unwrap().status(), OutcomeStatus::Timeout);
    assert!(!cancel.is_cancelled());
    // Another call may go on with it.
    cancel.cancel();
    let outcome = host.call(request("second").with_cancel(cancel)).await;
    assert_eq!(outcome.unwrap().status(), OutcomeStatus::Cancelled);
}

#[tokio::test]
async fn a_call_that_is_cancelled_before_it_begins_starts_no_tool() {
    let engine = holding();
    let host = host(engine.clone(), 4, NEVER).await;
    let cancel = CancellationToken::new();
    cancel.cancel();
    let (sender, mut reader) = progress();
    let request = request("s").with_cancel(cancel).with_progress(sender);
    let outcome = host.call(request).await.unwrap();
    assert_eq!(outcome.status(), OutcomeStatus::Cancelled);
    assert_eq!(outcome.text("reason"), Some("Cancelled"));
    assert_eq!(outcome.tool(), "script@0.1.0");
    assert!(outcome.digest().to_string().starts_with("sha256:"));
    assert!(engine.requests().is_empty());
    assert_eq!(reader.next().await, None, "nothing was started");
}

#[tokio::test]
async fn rendering_ends_with_the_call() {
    let host = host(holding(), 4, SOON).await;
    let outcome = host.call(unanswered()).await.unwrap();
    assert_eq!(outcome.status(), OutcomeStatus::Timeout);
    let message = "the call took longer than 50ms while its templates were rendered; the tool was not started";
    assert_eq!(outcome.text("message"), Some(message));
    let cancel = CancellationToken::new();
    let mut call = pin!(host.call(unanswered().with_cancel(cancel.clone())));
    assert!(go_on(call.as_mut()).is_pending());
    cancel.cancel();
    assert_eq!(call.await.unwrap().status(), OutcomeStatus::Cancelled);
}

#[tokio::test]
async fn waiting_for_a_permit_ends_with_the_call() {
    let host = host(Stubborn::default(), 1, SOON).await;
    let mut first = pin!(host.call(request("first")));
    assert!(go_on(first.as_mut()).is_pending());
    // The first call is over its time as well, and stays where it is since its job does not end.
    let cancel = CancellationToken::new();
    let mut cancelled = pin!(host.call(request("cancelled").with_cancel(cancel.clone())));
    assert!(go_on(cancelled.as_mut()).is_pending());
    cancel.cancel();
    let outcome = cancelled.await.unwrap();
    assert_eq!(outcome.status(), OutcomeStatus::Cancelled);
    let outcome = host.call(request("late")).await.unwrap();
    assert_eq!(outcome.status(), OutcomeStatus::Timeout);
    let message = "the call took longer than 50ms while it waited for other calls to end; the tool was not started";
    assert_eq!(outcome.text("message"), Some(message));
}

#[tokio::test]
async fn a_shutdown_lets_running_calls_end_and_no_other_begin() {
    let engine = holding();
    let host = host(engine.clone(), 1, NEVER).await;
    let mut running = pin!(host.call(request("running")));
    assert!(go_on(running.as_mut()).is_pending());
    let mut waiting = pin!(host.call(request("waiting")));
    assert!(go_on(waiting.as_mut()).is_pending());
    let mut rendering = pin!(host.call(unanswered()));
    assert!(go_on(rendering.as_mut()).is_pending());
    let mut shutdown = pin!(host.shutdown(NEVER));
    assert!(go_on(shutdown.as_mut()).is_pending());
    assert!(matches!(waiting.await, Err(CallError::ShuttingDown)));
    assert!(matches!(rendering.await, Err(CallError::ShuttingDown)));
    let late = host.call(request("late")).await;
    assert!(matches!(late, Err(CallError::ShuttingDown)));
    assert!(go_on(running.as_mut()).is_pending(), "it has time");
    assert!(engine.release("script-running-7"));
    let (outcome, over) = tokio::join!(running, shutdown);
    assert_eq!(outcome.unwrap().status(), OutcomeStatus::Completed);
    assert_eq!(over, Ok(()));
    assert_eq!(host.shutdown(NEVER).await, Ok(()), "a second one");
}

#[tokio::test]
async fn a_shutdown_cancels_what_runs_after_its_grace() {
    let engine = holding();
    let host = host(engine.clone(), 4, NEVER).await;
    let cancel = CancellationToken::new();
    let mut running = pin!(host.call(request("s").with_cancel(cancel.clone())));
    assert!(go_on(running.as_mut()).is_pending());
    // The first one is dropped, which leaves the host closed and the call alone.
    assert!(go_on(pin!(host.shutdown(NEVER))).is_pending());
    assert!(go_on(running.as_mut()).is_pending());
    let patient = host.shutdown(NEVER);
    let (outcome, over, patient) = tokio::join!(running, host.shutdown(Duration::ZERO), patient);
    let outcome = outcome.unwrap();
    assert_eq!(outcome.status(), OutcomeStatus::Cancelled);
    assert_eq!(Value::from(outcome.text("reason")), "Cancelled");
    assert_eq!((over, patient), (Ok(()), Ok(())));
    assert!(!engine.is_held("script-s-7"));
    assert!(!cancel.is_cancelled());
}

#[tokio::test]
async fn a_shutdown_says_how_many_calls_did_not_end() {
    let mut limits = Limits::default();
    limits.cancel_grace = Duration::ZERO;
    limits.cleanup_time = Duration::ZERO;
    let host = with_limits(holding(), 4, limits).await;
    let mut unpolled = pin!(host.call(request("s")));
    assert!(go_on(unpolled.as_mut()).is_pending());
    let error: ShutdownError = host.shutdown(Duration::ZERO).await.unwrap_err();
    assert_eq!(error.calls, 1);
}
