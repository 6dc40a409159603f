//! Jobs of a queue of the real Kueue: `tests/queue.sh` runs these, by themselves.

use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::json;
use tokio::time::timeout;
use toolhost::capability::{
    JobEnd, JobEventKind, JobHandle, JobRequest, JobRunner as _, JobStatus, LogSink, Reason, Script,
};
use toolhost_kubernetes::KubernetesEngine;

use super::Place;
use super::step::{STUCK, kubectl_with};

/// How long a script takes: longer than it takes the other one to be held back.
const SCRIPT_TIME: Duration = Duration::from_secs(6);

struct Discard;

impl LogSink for Discard {
    fn write(&self, _: u32, _: &[u8]) {}
    fn end(&self, _: u32) {}
}

/// The events and the end of a job.
#[derive(Debug)]
struct Told {
    events: Vec<JobEventKind>,
    end: JobEnd,
}

impl Told {
    /// Why it was queued, each time.
    fn queued(&self) -> Vec<&str> {
        let waits = self.events.iter().filter_map(|kind| match kind {
            JobEventKind::Waiting { reason, message } if reason == "Queued" => {
                Some(message.as_str())
            }
            _ => None,
        });
        waits.collect()
    }

    /// How its attempts ended.
    fn attempts(&self) -> Vec<Option<Reason>> {
        let ends = self.events.iter().filter_map(|kind| match kind {
            JobEventKind::AttemptEnded(end) => Some(end.reason()),
            _ => None,
        });
        ends.collect()
    }
}

/// A place with a queue `jobs`, which has a quota of two processors.
async fn place(prefix: &str) -> Place {
    let queue = std::env::var_os("TOOLHOST_TEST_QUEUE_COMMAND");
    let queue = queue.expect("set TOOLHOST_TEST_QUEUE_COMMAND to what makes a local queue");
    let place = Place::new(prefix).await;
    let made = Command::new(queue)
        .args(["local", &place.namespace])
        .status();
    assert!(made.unwrap().success());
    place
}

/// A job that requests more than half of the quota.
fn request(place: &Place, name: &str) -> JobRequest {
    let command = ["sh", "$(NOETL_SCRIPT)"].map(str::to_owned).to_vec();
    let mut request = JobRequest::new(name.parse().unwrap(), command);
    // A shell that is process 1 ignores SIGTERM, and would complete while it is being stopped.
    let content = format!(
        "trap 'exit 1' TERM; echo start; sleep {} & wait; echo end",
        SCRIPT_TIME.as_secs()
    );
    request.script = Some(Script {
        file_name: "a.sh".parse().unwrap(),
        content: Bytes::from(content),
    });
    let label = |name: &str| format!("kueue.x-k8s.io/{name}");
    request
        .labels
        .insert(label("queue-name"), "jobs".to_owned());
    request.requests = [("cpu", "1500m"), ("memory", "64Mi")]
        .map(|(name, quantity)| (name.to_owned(), quantity.to_owned()))
        .into();
    request.environment = vec![("TOKEN".parse().unwrap(), "value".into())];
    request.backoff_limit = 0;
    request
        .options
        .insert("image".to_owned(), json!("busybox:1"));
    let namespace = json!(place.namespace);
    request.options.insert("namespace".to_owned(), namespace);
    request
}

async fn create(engine: &KubernetesEngine, request: JobRequest) -> JobHandle {
    engine.create(request, Arc::new(Discard)).await.unwrap()
}

/// Waits for an event, and keeps all events.
async fn told_until(
    handle: &mut JobHandle,
    events: &mut Vec<JobEventKind>,
    matches: impl Fn(&JobEventKind) -> bool,
) {
    loop {
        let event = timeout(STUCK, handle.next_event()).await;
        let kind = event
            .unwrap_or_else(|_| panic!("nothing happens after {events:#?}"))
            .unwrap()
            .kind;
        let is_it = matches(&kind);
        events.push(kind);
        if is_it {
            return;
        }
    }
}

async fn told(mut handle: JobHandle, mut events: Vec<JobEventKind>) -> Told {
    told_until(&mut handle, &mut events, |kind| {
        matches!(kind, JobEventKind::Finished(_))
    })
    .await;
    let Some(JobEventKind::Finished(end)) = events.pop() else {
        panic!("no end: {events:#?}");
    };
    Told { events, end }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kueue: tests/queue.sh"]
async fn two_jobs_of_a_queue_with_capacity_for_one_run_once_each() {
    let place = place("queue").await;
    let engine = place.engine().await;
    let first = create(&engine, request(&place, "first")).await;
    let second = create(&engine, request(&place, "second")).await;
    let both = [
        told(first, Vec::new()).await,
        told(second, Vec::new()).await,
    ];
    for told in &both {
        assert_eq!(told.end.status, JobStatus::Succeeded, "{told:#?}");
        assert_eq!((told.end.succeeded, told.end.failed), (1, 0), "{told:#?}");
        assert_eq!(told.attempts(), [None], "{told:#?}");
    }
    let queued: Vec<_> = both.iter().flat_map(Told::queued).collect();
    eprintln!("{queued:#?}");
    assert!(
        queued.iter().any(|message| message.contains("`jobs`")
            && message.contains("insufficient unused quota for cpu")),
        "{both:#?}"
    );
    place.delete().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kueue: tests/queue.sh"]
async fn a_job_that_its_queue_preempts_waits_again_and_no_failure_is_counted() {
    let place = place("preempted").await;
    let class = format!("urgent-{}", place.namespace);
    let priority = json!({
        "apiVersion": "kueue.x-k8s.io/v1beta2", "kind": "WorkloadPriorityClass",
        "metadata": {"name": class}, "value": 1_000, "description": "of a test",
    });
    kubectl_with("apply", std::slice::from_ref(&priority));
    let engine = place.engine().await;
    let mut preempted = create(&engine, request(&place, "preempted")).await;
    let mut events = Vec::new();
    told_until(&mut preempted, &mut events, |kind| {
        matches!(kind, JobEventKind::AttemptStarted { .. })
    })
    .await;
    let mut urgent = request(&place, "urgent");
    let label = "kueue.x-k8s.io/priority-class".to_owned();
    urgent.labels.insert(label, class);
    let urgent = told(create(&engine, urgent).await, Vec::new()).await;
    assert_eq!(urgent.end.status, JobStatus::Succeeded, "{urgent:#?}");
    assert_eq!(urgent.attempts(), [None], "{urgent:#?}");
    let told = told(preempted, events).await;
    eprintln!("{told:#?}");
    assert_eq!(told.end.status, JobStatus::Succeeded, "{told:#?}");
    assert_eq!((told.end.succeeded, told.end.failed), (1, 0), "{told:#?}");
    assert_eq!(
        told.attempts(),
        [Some(Reason::Preempted), None],
        "{told:#?}"
    );
    assert!(!told.queued().is_empty(), "{told:#?}");
    kubectl_with("delete", &[priority]);
    place.delete().await;
}
