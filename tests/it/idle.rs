//! What a call costs whose job does nothing for an hour, on the engines that need no cluster.

use std::time::Duration;

use serde_json::json;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use toolhost::backend::local::LocalSettings;
use toolhost::capability::Reason;
use toolhost::capability::memory::{AttemptScript, JobScript, MemoryEngine};
use toolhost::host::{CallRequest, ExecutionId, StepName, ToolHost};
use toolhost::limits::Limits;
use toolhost::outcome::{Outcome, OutcomeStatus};

use crate::guests;
use crate::virtual_time::{in_virtual_time, wake_ups};

const HOUR: Duration = Duration::from_hours(1);
/// How often the thread of a host wakes up in an hour in which nothing happens to a job: a tool is let wait for a minute at
/// a time, and the runtime's timers have wake-ups of their own, about three for each.
const WAKE_UPS_PER_HOUR: u64 = 300;

fn request(script: &str) -> CallRequest {
    let config = json!({"script": {"content": script, "interpreter": "sh"}});
    CallRequest::new(
        "script".parse().unwrap(),
        config,
        ExecutionId::new("7"),
        StepName::new("step"),
    )
}

/// Calls the tool, lets an hour pass once the job is under way, and cancels the call.
async fn cost_of_an_hour(
    host: &ToolHost,
    script: &str,
    is_under_way: impl Fn() -> bool,
) -> Outcome {
    let cancel = CancellationToken::new();
    let call = host.call(request(script).with_cancel(cancel.clone()));
    let hour = async {
        while !is_under_way() {
            sleep(Duration::from_millis(10)).await;
        }
        tokio::time::pause();
        // What was begun with it is over.
        sleep(Duration::from_secs(10)).await;
        let before = wake_ups();
        sleep(HOUR).await;
        let count = wake_ups() - before;
        assert!(count <= WAKE_UPS_PER_HOUR, "{count} wake-ups in an hour");
        tokio::time::resume();
        cancel.cancel();
    };
    let (outcome, ()) = tokio::join!(call, hour);
    outcome.unwrap()
}

#[test]
fn an_hour_of_a_job_in_memory_has_few_wakeups() {
    in_virtual_time(|| async {
        let folder = tempfile::tempdir().unwrap();
        let engine = MemoryEngine::new();
        let cases = [
            (JobScript::new([AttemptScript::hold()]), "Cancelled"),
            (
                JobScript::succeed().cannot_start(Reason::Unschedulable, "no node has capacity"),
                "Unschedulable",
            ),
            (
                JobScript::new([AttemptScript::exit(1)]).hold_in_backoff(),
                "Cancelled",
            ),
        ];
        let host = guests::host(&engine, folder.path(), Limits::default()).await;
        for (script, reason) in cases {
            engine.default_script(script);
            let is_held = || engine.is_held("script-step-7");
            let outcome = cost_of_an_hour(&host, "true", is_held).await;
            assert_eq!(outcome.status(), OutcomeStatus::Cancelled, "{outcome:?}");
            assert_eq!(outcome.text("reason"), Some(reason), "{outcome:?}");
        }
    });
}

#[test]
fn an_hour_of_a_local_job_has_few_wakeups() {
    in_virtual_time(|| async {
        let folder = tempfile::tempdir().unwrap();
        let mut settings = LocalSettings::default();
        settings.work_directory = folder.path().join("jobs");
        settings.backoff_base = 4 * HOUR;
        settings.search_path = std::env::var("PATH").unwrap();
        let host = guests::local_host(folder.path(), settings).await;
        let begun = folder.path().join("begun");
        // One that runs and is silent, and one that waits for its second attempt.
        for rest in ["exec sleep 100000", "exit 1"] {
            let script = format!("echo > {}; {rest}", begun.display());
            let outcome = cost_of_an_hour(&host, &script, || begun.exists()).await;
            assert_eq!(outcome.status(), OutcomeStatus::Cancelled, "{outcome:?}");
            std::fs::remove_file(&begun).unwrap();
        }
    });
}

/// A host's own time is over while the job could not start, whether the tool says so in time or not.
#[test]
fn a_call_that_is_ended_while_its_job_could_not_start_says_what_it_waited_for() {
    in_virtual_time(|| async {
        let folder = tempfile::tempdir().unwrap();
        let engine = MemoryEngine::new();
        let script =
            JobScript::succeed().cannot_start(Reason::ImagePull, "the image cannot be pulled");
        engine.default_script(script);
        let mut limits = Limits::default();
        limits.wall_time = Duration::from_mins(1);
        let host = guests::host(&engine, folder.path(), limits).await;
        tokio::time::pause();
        let outcome = host.call(request("true")).await.unwrap();
        assert_eq!(outcome.status(), OutcomeStatus::Timeout);
        assert_eq!(outcome.text("reason"), Some("ImagePull"));
        let message = outcome.text("message").unwrap();
        assert!(
            message.contains("60s") && message.contains("the image cannot be pulled"),
            "{message}"
        );

        let cancel = CancellationToken::new();
        let call = host.call(request("true").with_cancel(cancel.clone()));
        let cancelling = async {
            sleep(Duration::from_secs(1)).await;
            cancel.cancel();
        };
        let (outcome, ()) = tokio::join!(call, cancelling);
        let outcome = outcome.unwrap();
        assert_eq!(outcome.status(), OutcomeStatus::Cancelled);
        assert_eq!(outcome.text("reason"), Some("ImagePull"));
        assert_eq!(
            (
                &outcome.document()["attempts"],
                &outcome.document()["failed"]
            ),
            (&json!([]), &json!(0))
        );
        let message = outcome.text("message").unwrap();
        assert!(
            message.contains("cancelled") && message.contains("cannot be pulled"),
            "{message}"
        );
    });
}
