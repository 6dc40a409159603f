//! Parts of the control plane break while a job runs.
//!
//! These tests stop parts of the cluster by its own command, `TOOLHOST_TEST_CLUSTER_COMMAND`, and so must run
//! by themselves, one after the other:
//!
//! ```sh
//! cargo test -p toolhost-cli --test it cluster::disruption -- --ignored --test-threads 1
//! ```

use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use super::Place;
use super::step::{Ran, run};

/// Stops or starts a part of the cluster.
async fn cluster(action: &'static str, part: &'static str) {
    let command = std::env::var_os("TOOLHOST_TEST_CLUSTER_COMMAND");
    let command = command.expect("set TOOLHOST_TEST_CLUSTER_COMMAND to the cluster's command");
    let status = tokio::task::spawn_blocking(move || {
        Command::new(command).args([action, part]).status().unwrap()
    });
    assert!(status.await.unwrap().success(), "{action} {part}");
}

/// Runs a script that counts to `seconds`, and breaks something meanwhile.
async fn count_while(place: &Place, seconds: u32, breaking: impl Future<Output = ()>) -> Ran {
    let script = format!(
        "import time\nfor i in range({seconds}):\n    print(i, flush=True)\n    time.sleep(1)\n"
    );
    let tool = json!({"job": {"image": "python:3.11-slim", "backoffLimit": 0}});
    let (ran, ()) = tokio::join!(run(place, "count", ("a.py", &script), tool), breaking);
    ran
}

fn assert_whole(ran: &Ran, seconds: u32) {
    let lines: Vec<_> = (0..seconds).map(|line| line.to_string()).collect();
    let lines = lines.join("\n") + "\n";
    assert_eq!(
        ran.outcome["status"], "completed",
        "{:#}\n{}",
        ran.outcome, ran.stderr
    );
    assert_eq!(
        ran.outcome["output"],
        Value::String(lines),
        "{:#}\n{}",
        ran.outcome,
        ran.stderr
    );
    assert_eq!(
        (&ran.outcome["succeeded"], &ran.outcome["failed"]),
        (&json!(1), &json!(0))
    );
}

#[tokio::test]
#[ignore = "stops parts of a cluster: TOOLHOST_TEST_KUBECONFIG, TOOLHOST_TEST_CLUSTER_COMMAND"]
async fn a_run_outlives_a_restart_of_the_api_server() {
    let place = Place::new("restart").await;
    let breaking = async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        cluster("restart", "kube-apiserver").await;
    };
    let ran = count_while(&place, 15, breaking).await;
    assert_whole(&ran, 15);
    place.delete().await;
}

#[tokio::test]
#[ignore = "stops parts of a cluster: TOOLHOST_TEST_KUBECONFIG, TOOLHOST_TEST_CLUSTER_COMMAND"]
async fn a_run_outlives_ten_seconds_without_etcd() {
    let place = Place::new("etcd").await;
    let breaking = async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        cluster("stop", "etcd").await;
        tokio::time::sleep(Duration::from_secs(10)).await;
        cluster("start", "etcd").await;
    };
    let ran = count_while(&place, 12, breaking).await;
    assert_whole(&ran, 12);
    place.delete().await;
}

#[tokio::test]
#[ignore = "stops parts of a cluster: TOOLHOST_TEST_KUBECONFIG, TOOLHOST_TEST_CLUSTER_COMMAND"]
async fn a_run_outlives_a_minute_without_its_node() {
    let place = Place::new("kubelet").await;
    let breaking = async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        cluster("stop", "kubelet").await;
        tokio::time::sleep(Duration::from_mins(1)).await;
        cluster("start", "kubelet").await;
    };
    let ran = count_while(&place, 30, breaking).await;
    assert_whole(&ran, 30);
    place.delete().await;
}
