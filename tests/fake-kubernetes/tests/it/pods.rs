use std::time::Duration;

use fake_kubernetes::{FakeKubernetes, Play};
use k8s_openapi::api::core::v1::Secret;
use kube::api::{DeleteParams, LogParams, PostParams};
use serde_json::{Value, json};

use crate::common::{Cluster, code, shell_job};

/// The state of the first container of any pod.
fn state(server: &FakeKubernetes) -> Value {
    let pods = server.existing("pods");
    pods.first()
        .map(|pod| pod["status"]["containerStatuses"][0]["state"].clone())
        .unwrap_or_default()
}

async fn playing(play: Play) -> Cluster {
    let cluster = Cluster::with(|settings| {
        settings.playwright = Some(std::sync::Arc::new(move |_| play.clone()));
    })
    .await;
    cluster.create(shell_job("played", "exit 0")).await;
    cluster
}

#[tokio::test]
async fn waits_for_a_secret_that_is_not_there() {
    let cluster = Cluster::start().await;
    let mut job = shell_job("waits", "printf %s \"$A\"");
    job["spec"]["template"]["spec"]["containers"][0]["env"] =
        json!([{"name": "A", "valueFrom": {"secretKeyRef": {"name": "late", "key": "a"}}}]);
    cluster.create(job).await;
    cluster
        .until(|server| state(server)["waiting"]["reason"] == "CreateContainerConfigError")
        .await;
    assert_eq!(
        state(&cluster.server)["waiting"]["message"],
        "secret \"late\" not found"
    );
    let pod = cluster.name_of_pod("waits");
    let error = cluster
        .pods()
        .logs(&pod, &LogParams::default())
        .await
        .unwrap_err();
    assert_eq!(code(&error), 400);
    assert!(
        error
            .to_string()
            .contains("is waiting to start: CreateContainerConfigError"),
        "{error}"
    );

    let secret = json!({"metadata": {"name": "late"}, "stringData": {"a": "value"}});
    let secret: Secret = serde_json::from_value(secret).unwrap();
    cluster
        .secrets()
        .create(&PostParams::default(), &secret)
        .await
        .unwrap();
    cluster.until_condition("waits", "Complete").await;
    assert_eq!(cluster.follow(&pod).await, "value");
}

#[tokio::test]
async fn joins_files_in_an_init_container() {
    let cluster = Cluster::start().await;
    let map = json!({"metadata": {"name": "parts"}, "data": {"0": "echo a", "1": "b\n"}});
    let map = serde_json::from_value(map).unwrap();
    cluster
        .config_maps()
        .create(&PostParams::default(), &map)
        .await
        .unwrap();
    let mut job = shell_job("joins", "");
    let pod = &mut job["spec"]["template"]["spec"];
    pod["volumes"] = json!([
        {"name": "parts", "projected": {"sources": [{"configMap": {"name": "parts"}}]}},
        {"name": "joined", "emptyDir": {}},
    ]);
    let joined = json!({"name": "joined", "mountPath": "/noetl/script"});
    pod["initContainers"] = json!([{
        "name": "join", "image": "busybox:1",
        "command": ["sh", "-c", "cat /noetl/parts/0 /noetl/parts/1 >/noetl/script/run.sh"],
        "volumeMounts": [{"name": "parts", "mountPath": "/noetl/parts"}, joined],
    }]);
    pod["containers"][0]["command"] = json!(["sh", "$(SCRIPT)"]);
    pod["containers"][0]["env"] = json!([{"name": "SCRIPT", "value": "/noetl/script/run.sh"}]);
    pod["containers"][0]["volumeMounts"] = json!([joined]);
    cluster.create(job).await;
    cluster.until_condition("joins", "Complete").await;
    let pod = cluster.name_of_pod("joins");
    assert_eq!(cluster.follow(&pod).await, "ab\n");
}

#[tokio::test]
async fn kills_what_uses_too_much_memory() {
    let cluster = Cluster::start().await;
    let script = "head -c 300000000 /dev/zero | tail -c 300000000 >/dev/null";
    let mut job = shell_job("memory", script);
    job["spec"]["template"]["spec"]["containers"][0]["resources"] =
        json!({"limits": {"memory": "64Mi"}});
    cluster.create(job).await;
    cluster.until_condition("memory", "Failed").await;
    let ended = &state(&cluster.server)["terminated"];
    assert_eq!(
        (&ended["reason"], &ended["exitCode"]),
        (&json!("OOMKilled"), &json!(137))
    );
}

#[tokio::test]
async fn says_that_a_program_is_missing() {
    let cluster = Cluster::start().await;
    let mut job = shell_job("missing", "");
    job["spec"]["template"]["spec"]["containers"][0]["command"] = json!(["no-such-program"]);
    cluster.create(job).await;
    cluster.until_condition("missing", "Failed").await;
    let ended = &state(&cluster.server)["terminated"];
    assert_eq!(
        (&ended["reason"], &ended["exitCode"]),
        (&json!("StartError"), &json!(128))
    );
    let message = ended["message"].as_str().unwrap();
    assert!(
        message.contains("\"no-such-program\": executable file not found in $PATH"),
        "{message}"
    );
}

#[tokio::test]
async fn plays_what_no_process_can() {
    let cluster = playing(Play::image_pull_back_off("x:1", "not found")).await;
    cluster
        .until(|server| state(server)["waiting"]["reason"] == "ImagePullBackOff")
        .await;
    let pod = cluster.name_of_pod("played");
    let error = cluster
        .pods()
        .logs(&pod, &LogParams::default())
        .await
        .unwrap_err();
    assert!(
        error
            .to_string()
            .contains("trying and failing to pull image"),
        "{error}"
    );
    cluster
        .jobs()
        .delete("played", &DeleteParams::foreground())
        .await
        .unwrap();
    cluster
        .until(|server| server.existing("pods").is_empty() && server.existing("jobs").is_empty())
        .await;

    let cluster = playing(Play::unschedulable(
        "0/1 nodes are available: 1 Insufficient cpu.",
    ))
    .await;
    cluster
        .until(|server| {
            let pods = server.existing("pods");
            pods.iter()
                .any(|pod| pod["status"]["conditions"][0]["reason"] == "Unschedulable")
        })
        .await;

    let cluster = playing(Play::out_of_memory("a\n")).await;
    cluster.until_condition("played", "Failed").await;
    assert_eq!(state(&cluster.server)["terminated"]["reason"], "OOMKilled");
    let pod = cluster.name_of_pod("played");
    assert_eq!(cluster.follow(&pod).await, "a\n");

    let cluster = playing(Play::NotCreated(
        "pods \"x\" is forbidden: exceeded quota: q".to_owned(),
    ))
    .await;
    cluster
        .until(|server| {
            let events = server.existing("events");
            events.iter().any(|event| {
                event["reason"] == "FailedCreate"
                    && event["message"]
                        == "Error creating: pods \"x\" is forbidden: exceeded quota: q"
            })
        })
        .await;
    assert!(cluster.server.existing("pods").is_empty());
}

#[tokio::test]
async fn replaces_a_pod_that_was_disrupted_without_counting_it() {
    for play in [
        Play::evicted("The node was low on resource: memory."),
        Play::preempted(),
        Play::node_lost(Duration::from_millis(20)),
    ] {
        let cluster = Cluster::with(|settings| {
            settings.playwright = Some(std::sync::Arc::new(move |pod| match pod.attempt {
                1 => play.clone(),
                _ => Play::exits("done\n", 0),
            }));
        })
        .await;
        let mut job = shell_job("disrupted", "");
        job["spec"]["podFailurePolicy"] = json!({"rules": [
            {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
        ]});
        cluster.create(job).await;
        let job = cluster.until_condition("disrupted", "Complete").await;
        assert_eq!(
            (&job["status"]["succeeded"], job["status"].get("failed")),
            (&json!(1), None),
            "{job}"
        );
    }
}
