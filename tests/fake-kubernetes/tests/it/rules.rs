use std::time::Duration;

use kube::api::{Patch, PatchParams};
use serde_json::json;

use crate::common::{Cluster, shell_job};

#[tokio::test]
async fn removes_a_job_after_its_time_to_live() {
    let cluster = Cluster::with(|settings| settings.ttl_second = Duration::from_millis(5)).await;
    let mut job = shell_job("short", "exit 0");
    job["spec"]["ttlSecondsAfterFinished"] = 10.into();
    cluster.create(job).await;
    cluster.until_condition("short", "Complete").await;
    cluster
        .until(|server| server.existing("jobs").is_empty() && server.existing("pods").is_empty())
        .await;
}

#[tokio::test]
async fn suspends_and_resumes_a_running_job() {
    let cluster = Cluster::start().await;
    cluster
        .create(shell_job("pause", "while :; do sleep 1; done"))
        .await;
    let is_running = |server: &fake_kubernetes::FakeKubernetes| {
        server
            .existing("pods")
            .iter()
            .any(|pod| pod["status"]["phase"] == "Running")
    };
    cluster.until(is_running).await;
    let patch = json!({"spec": {"suspend": true, "backoffLimit": 3}});
    let patch = Patch::Strategic(&patch);
    cluster
        .jobs()
        .patch("pause", &PatchParams::default(), &patch)
        .await
        .unwrap();
    cluster
        .until(|server| server.existing("pods").is_empty())
        .await;
    let job = cluster.until_condition("pause", "Suspended").await;
    assert_eq!(job["status"].get("failed"), None, "{job}");
    cluster.resume("pause").await;
    cluster.until(is_running).await;
}

#[tokio::test]
async fn obeys_a_pod_failure_policy() {
    let cluster = Cluster::start().await;
    let mut job = shell_job("policy", "exit 42");
    job["spec"]["backoffLimit"] = 5.into();
    job["spec"]["podFailurePolicy"] = json!({"rules": [
        {"action": "FailJob", "onExitCodes": {"operator": "In", "values": [42]}},
    ]});
    cluster.create(job).await;
    let job = cluster.until_condition("policy", "Failed").await;
    let last = job["status"]["conditions"]
        .as_array()
        .unwrap()
        .last()
        .unwrap();
    assert_eq!(last["reason"], "PodFailurePolicy");
    assert!(
        last["message"]
            .as_str()
            .unwrap()
            .contains("exit code 42 matching FailJob rule at index 0")
    );
}
