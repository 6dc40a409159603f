//! Jobs that a queue manages.

use fake_kubernetes::{Fault, Match, When};
use toolhost::capability::{JobEventKind, JobRequest, JobStatus, Reason};

use super::{Cluster, Running, run, start};

const QUEUE_LABEL: &str = "kueue.x-k8s.io/queue-name";

async fn cluster(slots: usize) -> Cluster {
    Cluster::with(|settings| settings.queue_slots = Some(slots)).await
}

fn queued(name: &str, script: &str) -> JobRequest {
    let mut request = Cluster::request(name, script);
    request
        .labels
        .insert(QUEUE_LABEL.to_owned(), "jobs".to_owned());
    request.environment = vec![("TOKEN".parse().unwrap(), "value".into())];
    request
}

/// Waits for the message about the queue.
async fn until_queued(running: &mut Running) -> String {
    loop {
        match running.next_event().await.kind {
            JobEventKind::Waiting { reason, message } => {
                assert_eq!(reason, "Queued", "{message}");
                return message;
            }
            JobEventKind::Finished(_) => panic!("it did not wait: {:#?}", running.events),
            _ => {}
        }
    }
}

/// How often this program resumed the job.
fn resumed(cluster: &Cluster) -> usize {
    let requests = cluster.server.requests().all();
    let is_resume = |request: &&fake_kubernetes::RequestRecord| {
        request.summary() == "patch jobs"
            && String::from_utf8_lossy(&request.body).contains("suspend")
    };
    requests.iter().filter(is_resume).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_its_queue_admits_runs_once_and_is_not_resumed_by_the_host() {
    let cluster = cluster(1).await;
    let ran = run(&cluster.engine().await, queued("job", "echo $TOKEN"))
        .await
        .unwrap();
    assert_eq!(ran.end.status, JobStatus::Succeeded, "{ran:#?}");
    assert_eq!(ran.logs, ["value\n"], "{ran:#?}");
    assert_eq!((cluster.ever("Pod"), resumed(&cluster)), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_waits_in_a_queue_says_so_with_the_reason_and_runs_once_later() {
    let cluster = cluster(0).await;
    let engine = cluster.engine().await;
    let mut running = start(&engine, queued("job", "echo $TOKEN")).await.unwrap();
    let said = until_queued(&mut running).await;
    assert!(
        said.contains("`jobs`") && said.contains("insufficient unused quota"),
        "{said}"
    );
    assert_eq!(cluster.ever("Pod"), 0);
    cluster.server.set_queue_slots(1);
    let ran = running.finish().await;
    assert_eq!(ran.end.status, JobStatus::Succeeded, "{ran:#?}");
    assert_eq!((ran.end.failed, ran.attempts().len()), (0, 1), "{ran:#?}");
    assert_eq!(ran.logs, ["value\n"], "{ran:#?}");
    assert_eq!((cluster.ever("Pod"), resumed(&cluster)), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_its_queue_preempts_waits_again_and_no_failure_is_counted() {
    let cluster = cluster(1).await;
    let engine = cluster.engine().await;
    let again = cluster.folder.path().join("again");
    let script = format!(
        "[ -e {again} ] || {{ touch {again}; echo begun; exec sleep 1000; }}",
        again = again.display()
    );
    let mut request = queued("job", &script);
    request.backoff_limit = 0;
    let mut running = start(&engine, request).await.unwrap();
    running.logs.until("begun").await;
    cluster.server.set_queue_slots(0);
    let said = until_queued(&mut running).await;
    assert!(said.contains("insufficient unused quota"), "{said}");
    cluster.server.set_queue_slots(1);
    let ran = running.finish().await;
    assert_eq!(ran.end.status, JobStatus::Succeeded, "{ran:#?}");
    assert_eq!((ran.end.succeeded, ran.end.failed), (1, 0), "{ran:#?}");
    let reasons: Vec<_> = ran.attempts().iter().map(|end| end.reason()).collect();
    assert_eq!(reasons, [Some(Reason::Preempted), None], "{ran:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_is_cancelled_in_its_queue_says_that_it_was_queued() {
    let cluster = cluster(0).await;
    let engine = cluster.engine().await;
    let mut running = start(&engine, queued("job", "true")).await.unwrap();
    until_queued(&mut running).await;
    running.handle.request_cancel();
    let ran = running.finish().await;
    assert_eq!(
        (ran.end.status, ran.end.reason()),
        (JobStatus::Cancelled, Some(Reason::Queued)),
        "{ran:#?}"
    );
    assert_eq!((ran.end.failed, ran.attempts().len()), (0, 0), "{ran:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_that_may_not_be_asked_is_named_all_the_same() {
    let cluster = cluster(0).await;
    cluster.server.deny("list", "workloads");
    let engine = cluster.engine().await;
    let mut running = start(&engine, queued("job", "true")).await.unwrap();
    let said = until_queued(&mut running).await;
    assert!(said.contains("`jobs`") && !said.contains("quota"), "{said}");
    cluster.server.set_queue_slots(1);
    assert_eq!(running.finish().await.end.status, JobStatus::Succeeded);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_for_a_queue_on_a_cluster_without_any_says_so() {
    let cluster = Cluster::new().await;
    let engine = cluster.engine().await;
    let mut running = start(&engine, queued("job", "true")).await.unwrap();
    let said = until_queued(&mut running).await;
    assert!(said.contains("no Kueue"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_somebody_suspends_waits_and_goes_on() {
    let cluster = Cluster::new().await;
    let engine = cluster.engine().await;
    let again = cluster.folder.path().join("again");
    let script = format!(
        "[ -e {again} ] || {{ touch {again}; echo begun; exec sleep 1000; }}",
        again = again.display()
    );
    let mut running = start(&engine, Cluster::request("job", &script))
        .await
        .unwrap();
    running.logs.until("begun").await;
    cluster.server.suspend("default", "job", true);
    let said = until_queued(&mut running).await;
    assert!(said.contains("suspended"), "{said}");
    cluster.server.suspend("default", "job", false);
    let ran = running.finish().await;
    assert_eq!(ran.end.status, JobStatus::Succeeded, "{ran:#?}");
    assert_eq!((ran.end.succeeded, ran.end.failed), (1, 0), "{ran:#?}");
}

/// The host was killed after it had created the job; the queue admits it before the next one comes.
#[tokio::test(flavor = "multi_thread")]
async fn an_admitted_job_without_its_secret_is_given_it_by_the_next_host() {
    let cluster = cluster(1).await;
    let stall = Fault::Stall(When::BeforeWork, None);
    let mut stalled = cluster
        .server
        .faults()
        .plan(Match::new("create", "secrets").nth(1), stall);
    let first = cluster.engine().await;
    let creation =
        tokio::spawn(async move { start(&first, queued("job", "echo $TOKEN")).await.map(drop) });
    tokio::time::timeout(super::PATIENCE, stalled.happened())
        .await
        .unwrap();
    let ran = run(&cluster.engine().await, queued("job", "echo $TOKEN"))
        .await
        .unwrap();
    creation.abort();
    assert!(ran.identity.adopted);
    assert_eq!(ran.end.status, JobStatus::Succeeded, "{ran:#?}");
    assert_eq!(ran.logs, ["value\n"], "{ran:#?}");
}

/// Its script makes use of the grace that it is given.
#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_succeeds_while_it_is_being_suspended_does_not_run_again_when_it_is_resumed() {
    let cluster = Cluster::new().await;
    let engine = cluster.engine().await;
    let script = "trap 'echo end; exit 0' TERM; echo begun; while :; do sleep 0.02; done";
    let running = start(&engine, Cluster::request("job", script))
        .await
        .unwrap();
    running.logs.until("begun").await;
    cluster.server.suspend("default", "job", true);
    let ran = running.finish().await;
    assert_eq!(ran.end.status, JobStatus::Succeeded, "{ran:#?}");
    cluster.server.suspend("default", "job", false);
    cluster
        .until("the job is left", |server| {
            server.existing("jobs").is_empty()
        })
        .await;
    assert_eq!(cluster.ever("Pod"), 1);
}

/// No event of the job itself is received after it was created, suspended.
#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_was_received_before_it_was_resumed_is_not_taken_for_suspended() {
    let cluster = Cluster::new().await;
    let silent = Match::new("watch", "jobs").times(100);
    let faults = cluster.server.faults();
    faults.plan(silent, Fault::Silence { bytes: 0 });
    let engine = cluster.engine().await;
    let mut failing = Cluster::request("fails", "exit 3");
    failing.backoff_limit = 0;
    let ran = run(&engine, failing).await.unwrap();
    assert_eq!(
        (ran.end.reason(), ran.end.failed),
        (Some(Reason::ScriptError), 1),
        "{ran:#?}"
    );
    let ran = run(&engine, Cluster::request("works", "sleep 3"))
        .await
        .unwrap();
    assert_eq!(ran.end.status, JobStatus::Succeeded, "{ran:#?}");
    let waits =
        |event: &toolhost::capability::JobEvent| matches!(event.kind, JobEventKind::Waiting { .. });
    assert!(!ran.events.iter().any(waits), "{ran:#?}");
    assert_eq!(
        cluster.server.existing("jobs").len(),
        2,
        "a job was deleted"
    );
}
