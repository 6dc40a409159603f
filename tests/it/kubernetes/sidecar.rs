//! Containers that go on when the script has ended.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;
use toolhost::capability::{JobEventKind, JobRequest, JobStatus, Reason};
use toolhost_kubernetes::{KubernetesEngine, Policy};

use super::{Cluster, Ran, run};

const GRACE: Duration = Duration::from_millis(500);

fn with_sidecar(script: &str) -> JobRequest {
    let mut request = Cluster::request("job", script);
    let sidecar = json!({"name": "proxy", "image": "busybox:1", "command": ["sleep", "1000"]});
    let template = json!({"spec": {"containers": [sidecar]}});
    request.options.insert("podTemplate".to_owned(), template);
    request
}

async fn engine(cluster: &Cluster, sidecar_grace: Duration) -> KubernetesEngine {
    let mut settings = cluster.settings();
    settings.sidecar_grace = sidecar_grace;
    // A sidecar that a webhook adds does not pass by the policy; the one of these tests does.
    settings.policy = Arc::new(Policy::open());
    KubernetesEngine::new(settings).await.unwrap()
}

fn warnings(ran: &Ran) -> Vec<&str> {
    let warnings = ran.events.iter().filter_map(|event| match &event.kind {
        JobEventKind::Warning { message } => Some(message.as_str()),
        _ => None,
    });
    warnings.collect()
}

async fn assert_nothing_runs(cluster: &Cluster) {
    cluster
        .until("something runs on", |server| {
            let is_over = |pod: &serde_json::Value| {
                matches!(
                    pod["status"]["phase"].as_str(),
                    Some("Succeeded" | "Failed")
                )
            };
            server.existing("pods").iter().all(is_over)
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_that_succeeds_next_to_a_sidecar_completes_after_the_grace() {
    let cluster = Cluster::new().await;
    let start = Instant::now();
    let ran = run(&engine(&cluster, GRACE).await, with_sidecar("echo done"))
        .await
        .unwrap();
    assert!(start.elapsed() >= GRACE);
    assert_eq!(ran.end.status, JobStatus::Succeeded, "{ran:#?}");
    assert_eq!((ran.end.succeeded, ran.end.failed), (1, 0), "{ran:#?}");
    assert_eq!(ran.logs, ["done\n"], "{ran:#?}");
    let warnings = warnings(&ran);
    assert!(
        warnings.len() == 1 && warnings[0].contains("`proxy`") && !warnings[0].contains("`script`"),
        "{warnings:?}"
    );
    assert_nothing_runs(&cluster).await;
    assert_eq!(cluster.ever("Pod"), 1, "the script ran again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_that_fails_next_to_a_sidecar_is_tried_again_by_the_usual_rules() {
    let cluster = Cluster::new().await;
    let counter = cluster.folder.path().join("attempts");
    let counter = counter.display();
    let script =
        format!("echo >> {counter}; n=$(wc -l < {counter}); echo $((n)); [ $((n)) -eq 3 ]");
    let ran = run(&engine(&cluster, GRACE).await, with_sidecar(&script))
        .await
        .unwrap();
    assert_eq!(ran.end.status, JobStatus::Succeeded, "{ran:#?}");
    assert_eq!((ran.end.succeeded, ran.end.failed), (1, 2), "{ran:#?}");
    assert_eq!(ran.logs, ["1\n", "2\n", "3\n"], "{ran:#?}");
    assert_eq!(warnings(&ran).len(), 3, "{ran:#?}");
    assert_nothing_runs(&cluster).await;
    assert_eq!(cluster.ever("Pod"), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_that_fails_for_good_next_to_a_sidecar_has_its_own_reason() {
    let cluster = Cluster::new().await;
    let mut request = with_sidecar("exit 3");
    request.backoff_limit = 0;
    let ran = run(&engine(&cluster, GRACE).await, request).await.unwrap();
    assert_eq!(
        (ran.end.status, ran.end.reason()),
        (JobStatus::Failed, Some(Reason::ScriptError)),
        "{ran:#?}"
    );
    let codes: Vec<_> = ran.attempts().iter().map(|end| end.exit_code).collect();
    assert_eq!((ran.end.failed, codes), (1, vec![Some(3)]), "{ran:#?}");
    assert_nothing_runs(&cluster).await;
    assert_eq!(cluster.ever("Pod"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_right_to_delete_pods_a_script_that_fails_next_to_a_sidecar_is_not_tried_again()
{
    let cluster = Cluster::new().await;
    cluster.server.deny("delete", "pods");
    let ran = run(&engine(&cluster, GRACE).await, with_sidecar("exit 3"))
        .await
        .unwrap();
    assert_eq!(
        (ran.end.status, ran.end.reason()),
        (JobStatus::Failed, Some(Reason::ScriptError)),
        "{ran:#?}"
    );
    assert_eq!((ran.end.failed, ran.attempts().len()), (1, 1), "{ran:#?}");
    assert_nothing_runs(&cluster).await;
    assert_eq!(cluster.ever("Pod"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sidecar_that_ends_within_the_grace_is_not_spoken_of() {
    let cluster = Cluster::new().await;
    let mut request = with_sidecar("echo done");
    let brief = json!({"spec": {"containers": [
        {"name": "proxy", "image": "busybox:1", "command": ["sh", "-c", "sleep 0.2"]},
    ]}});
    request.options.insert("podTemplate".to_owned(), brief);
    let engine = engine(&cluster, Duration::from_mins(1)).await;
    let ran = run(&engine, request).await.unwrap();
    assert_eq!(ran.end.status, JobStatus::Succeeded, "{ran:#?}");
    assert!(warnings(&ran).is_empty(), "{ran:#?}");
    assert_eq!(
        cluster.server.existing("jobs").len(),
        1,
        "the job was deleted"
    );
}
