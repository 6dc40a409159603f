use std::time::Duration;

use futures_util::{AsyncBufReadExt, StreamExt, TryStreamExt};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{DeleteParams, LogParams, PostParams, Preconditions, WatchEvent, WatchParams};
use serde_json::{Value, json};

use crate::common::{Cluster, code, has_condition, shell_job};

#[tokio::test]
async fn runs_a_job_from_its_creation_to_its_end() {
    let cluster = Cluster::start().await;
    let mut job = shell_job(
        "life",
        "echo \"got $TOKEN\"; cat /noetl/secret/file; echo \"$1\"",
    );
    let spec = &mut job["spec"];
    spec["suspend"] = true.into();
    let pod = &mut spec["template"]["spec"];
    pod["volumes"] =
        json!([{"name": "secret", "secret": {"secretName": "life", "defaultMode": 256}}]);
    let container = &mut pod["containers"][0];
    container["args"] = json!(["name", "$(ARGS) $$(ARGS)"]);
    container["volumeMounts"] = json!([{"name": "secret", "mountPath": "/noetl/secret"}]);
    let from = |key| json!({"valueFrom": {"secretKeyRef": {"name": "life", "key": key}}});
    let mut variables = [from("token"), from("args")];
    variables[0]["name"] = "TOKEN".into();
    variables[1]["name"] = "ARGS".into();
    container["env"] = json!(variables);
    let job = cluster.create(job).await;
    let uid = job.metadata.uid.unwrap();
    cluster.until_condition("life", "Suspended").await;

    let secret: Secret = serde_json::from_value(json!({
        "metadata": {"name": "life", "ownerReferences": [{
            "apiVersion": "batch/v1", "kind": "Job", "name": "life", "uid": uid,
            "blockOwnerDeletion": false,
        }]},
        "immutable": true,
        "stringData": {"token": "t0k", "file": "content\n", "args": "a $(TOKEN) b"},
    }))
    .unwrap();
    cluster
        .secrets()
        .create(&PostParams::default(), &secret)
        .await
        .unwrap();
    cluster.resume("life").await;
    let version = job.metadata.resource_version.unwrap();
    let parameters = WatchParams::default().labels("app=test");
    let events = cluster.jobs().watch(&parameters, &version).await.unwrap();
    cluster
        .until(|server| {
            let pods = server.existing("pods");
            pods.iter().any(|pod| pod["status"]["phase"] != "Pending")
        })
        .await;
    let pod = cluster.name_of_pod("life");
    let log = cluster.follow(&pod).await;
    assert_eq!(log, "got t0k\ncontent\na $(TOKEN) b $(ARGS)\n");

    let mut events = events.boxed();
    let mut conditions = Vec::new();
    while let Some(event) = events.try_next().await.unwrap() {
        let WatchEvent::Modified(job) = event else {
            continue;
        };
        let job = serde_json::to_value(&job).unwrap();
        let last = job["status"]["conditions"]
            .as_array()
            .and_then(|all| all.last().cloned());
        let last = last.map(|last| last["type"].as_str().unwrap().to_owned());
        if conditions.last() != last.as_ref() {
            conditions.extend(last);
        }
        if has_condition(&job, "Complete") {
            assert_eq!(job["status"]["succeeded"], 1);
            assert!(
                job["status"]["startTime"].is_string()
                    && job["status"]["completionTime"].is_string()
            );
            break;
        }
    }
    assert_eq!(conditions, ["Suspended", "SuccessCriteriaMet", "Complete"]);
    let pod = &cluster.pods_of("life")[0];
    let ended = &pod["status"]["containerStatuses"][0]["state"]["terminated"];
    assert_eq!(
        (&ended["exitCode"], &ended["reason"]),
        (&json!(0), &json!("Completed"))
    );
    let told: Vec<Value> = cluster.server.existing("events");
    for reason in ["Suspended", "Resumed", "SuccessfulCreate", "Completed"] {
        assert!(
            told.iter().any(|event| event["reason"] == reason),
            "no event {reason}"
        );
    }
}

#[tokio::test]
async fn retries_with_growing_delays_until_the_limit() {
    let cluster = Cluster::start().await;
    let mut job = shell_job("fails", "echo no >&2; exit 3");
    job["spec"]["backoffLimit"] = 2.into();
    cluster.create(job).await;
    let job = cluster.until_condition("fails", "Failed").await;
    assert_eq!(job["status"]["failed"], 3);
    let conditions = job["status"]["conditions"].as_array().unwrap();
    let told: Vec<(&str, &str)> = conditions
        .iter()
        .map(|one| {
            (
                one["type"].as_str().unwrap(),
                one["reason"].as_str().unwrap(),
            )
        })
        .collect();
    let reason = "BackoffLimitExceeded";
    assert_eq!(told, [("FailureTarget", reason), ("Failed", reason)]);
    let pods = cluster.pods_of("fails");
    assert_eq!(pods.len(), 3);
    for pod in &pods {
        assert_eq!(pod["status"]["phase"], "Failed");
        assert_eq!(
            pod["status"]["containerStatuses"][0]["state"]["terminated"]["exitCode"],
            3
        );
        assert_eq!(
            cluster
                .follow(pod["metadata"]["name"].as_str().unwrap())
                .await,
            "no\n"
        );
    }
}

#[tokio::test]
async fn ends_a_job_at_its_deadline() {
    let cluster =
        Cluster::with(|settings| settings.deadline_second = Duration::from_millis(200)).await;
    let mut job = shell_job("late", "while :; do sleep 1; done");
    job["spec"]["activeDeadlineSeconds"] = 1.into();
    cluster.create(job).await;
    let job = cluster.until_condition("late", "Failed").await;
    let last = &job["status"]["conditions"]
        .as_array()
        .unwrap()
        .last()
        .unwrap()["reason"];
    assert_eq!(last, "DeadlineExceeded");
    assert_eq!(job["status"]["failed"], 1);
    assert!(cluster.pods_of("late").is_empty(), "the pod is still there");
    let ended = cluster.server.objects().into_iter().any(|object| {
        object["status"]["containerStatuses"][0]["state"]["terminated"]["exitCode"] == 143
    });
    assert!(ended, "no version of the pod tells its end");
}

#[tokio::test]
async fn deletes_in_the_foreground_after_its_pods() {
    let cluster = Cluster::with(|settings| settings.grace_second = Duration::from_millis(20)).await;
    let script = "trap '' TERM; echo ready; while :; do sleep 1; done";
    let mut job = shell_job("cancel", script);
    job["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] = 3.into();
    let uid = cluster.create(job).await.metadata.uid;
    cluster
        .until(|server| {
            server
                .existing("pods")
                .iter()
                .any(|pod| pod["status"]["phase"] == "Running")
        })
        .await;

    // Until the trap is set, SIGTERM would do.
    let pod = cluster.name_of_pod("cancel");
    let follow = LogParams {
        follow: true,
        ..LogParams::default()
    };
    let log = cluster.pods().log_stream(&pod, &follow).await.unwrap();
    assert_eq!(log.lines().try_next().await.unwrap().unwrap(), "ready");
    let mut wrong = DeleteParams::foreground();
    wrong.preconditions = Some(Preconditions {
        uid: Some("another".to_owned()),
        resource_version: None,
    });
    let error = cluster.jobs().delete("cancel", &wrong).await.unwrap_err();
    assert_eq!(code(&error), 409);

    let mut right = DeleteParams::foreground();
    right.preconditions = Some(Preconditions {
        uid,
        resource_version: None,
    });
    let deleted = cluster.jobs().delete("cancel", &right).await.unwrap();
    let job: Job = deleted.left().unwrap();
    assert!(job.metadata.deletion_timestamp.is_some());
    assert_eq!(job.metadata.finalizers.unwrap(), ["foregroundDeletion"]);
    cluster
        .until(|server| server.object("jobs", "default", "cancel").is_none())
        .await;
    assert!(
        cluster.server.existing("pods").is_empty(),
        "the pod outlived its Job"
    );
    assert!(!cluster.server.is_running("default", "cancel"));
    let killed = cluster.server.objects().into_iter().any(|object| {
        object["status"]["containerStatuses"][0]["state"]["terminated"]["exitCode"] == 137
    });
    assert!(killed, "it was not killed after its grace");
}

#[tokio::test]
async fn orphans_the_pods_of_a_job_by_default_and_takes_them_in_the_background() {
    let cluster = Cluster::start().await;
    for (name, parameters, is_left) in [
        ("orphan", DeleteParams::default(), true),
        ("background", DeleteParams::background(), false),
    ] {
        cluster.create(shell_job(name, "exit 0")).await;
        cluster.until_condition(name, "Complete").await;
        cluster.jobs().delete(name, &parameters).await.unwrap();
        cluster
            .until(|server| {
                let pods = server.existing("pods");
                let mut pods = pods
                    .iter()
                    .filter(|pod| pod["metadata"]["labels"]["job-name"] == name);
                let is_gone = server.object("jobs", "default", name).is_none();
                is_gone
                    && match pods.next() {
                        Some(pod) => is_left && pod["metadata"]["ownerReferences"] == json!([]),
                        None => !is_left,
                    }
            })
            .await;
    }
}
