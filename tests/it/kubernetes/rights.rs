//! What the engine does with the rights that it has.

use std::sync::Arc;

use fake_kubernetes::Call;
use serde_json::Value;
use toolhost::capability::{JobEventKind, JobRequest, JobStatus, Reason};
use toolhost_kubernetes::SweepOptions;

use super::{Cluster, all_hold, public, run, start};
use crate::guests;

fn yaml(text: &str) -> Value {
    serde_saphyr::from_str(text).unwrap()
}

fn read(path: &str) -> Value {
    yaml(&std::fs::read_to_string(guests::workspace().join("deploy").join(path)).unwrap())
}

/// The rules of the role that is deployed.
fn role() -> Value {
    read("base/role.yaml")["rules"].clone()
}

/// The rules that a worker of NoETL has.
pub(super) fn narrow_role() -> Value {
    role_of("narrow")
}

/// The rules that jobs without secrets need.
pub(super) fn role_without_secrets() -> Value {
    role_of("without-secrets")
}

fn role_of(folder: &str) -> Value {
    let kustomization = read(&format!("{folder}/kustomization.yaml"));
    let patch = kustomization["patches"][0]["patch"].clone();
    yaml(patch.as_str().unwrap())[0]["value"].clone()
}

/// Whether rules allow a request; everybody may ask what they may do.
fn allows(rules: &Value, call: &Call) -> bool {
    let has = |list: &Value, wanted: &str| {
        let list = list.as_array().unwrap();
        list.iter().any(|one| one == wanted)
    };
    let rules = rules.as_array().unwrap();
    call.group == "authorization.k8s.io"
        || rules.iter().any(|rule| {
            has(&rule["apiGroups"], &call.group)
                && has(&rule["resources"], &call.full_resource())
                && has(&rule["verbs"], &call.verb)
        })
}

pub(super) async fn cluster_with(rules: Value) -> Cluster {
    assert!(!rules.as_array().unwrap().is_empty());
    Cluster::with(|settings| {
        settings.authorizer = Some(Arc::new(move |call: &Call| allows(&rules, call)));
    })
    .await
}

/// What toolhost makes by itself passes it: `manifest::tests::policy`.
#[test]
fn the_namespace_that_is_deployed_holds_pods_to_the_baseline() {
    let namespace = read("base/namespace.yaml");
    let labels = &namespace["metadata"]["labels"];
    assert_eq!(labels["pod-security.kubernetes.io/enforce"], "baseline");
}

fn job() -> JobRequest {
    let mut request = Cluster::request("job", "echo \"$TOKEN\"");
    request.environment = vec![("TOKEN".parse().unwrap(), "value".into())];
    request.backoff_limit = 0;
    request
}

/// A job whose script is so large that it is in ConfigMaps.
fn large_job() -> JobRequest {
    let script = format!("echo \"$TOKEN\"\n{}", "# filler\n".repeat(100_000));
    let mut request = Cluster::request("large", &script);
    request.environment = vec![("TOKEN".parse().unwrap(), "value".into())];
    request
}

async fn assert_all_works(cluster: &Cluster) {
    let engine = cluster.engine().await;
    for request in [job(), large_job()] {
        let ran = run(&engine, request).await.unwrap();
        assert_eq!(ran.end.status, JobStatus::Succeeded, "{ran:#?}");
        assert_eq!(ran.logs, ["value\n"], "{ran:#?}");
        assert!(cluster.server.existing("secrets").is_empty());
    }
    let jobs = engine.jobs("default").await.unwrap();
    assert_eq!(jobs.len(), 2);
    for job in jobs {
        engine.cancel_job("default", &job.name).await.unwrap();
    }
    cluster
        .until("something is left", |server| {
            ["jobs", "pods", "secrets", "configmaps"]
                .iter()
                .all(|resource| server.existing(resource).is_empty())
        })
        .await;
    let denied = cluster.requests();
    let denied: Vec<_> = denied
        .iter()
        .filter(|line| line.contains("Some(403)"))
        .collect();
    assert!(denied.is_empty(), "{denied:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_role_that_is_deployed_is_enough() {
    assert_all_works(&cluster_with(role()).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_role_of_a_noetl_worker_is_enough() {
    let cluster = cluster_with(narrow_role()).await;
    assert_all_works(&cluster).await;
    let jobs = cluster.server.objects();
    let mut jobs = jobs.iter().filter(|object| object["kind"] == "Job");
    assert!(jobs.all(|job| job["spec"]["suspend"] != true));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_role_without_secrets_is_enough_for_jobs_without_secrets() {
    let cluster = cluster_with(role_without_secrets()).await;
    let engine = cluster.engine().await;
    let mut failing = public(Cluster::request("fails", "exit 3"));
    failing.backoff_limit = 1;
    let ran = run(&engine, failing).await.unwrap();
    assert_eq!((ran.end.status, ran.end.failed), (JobStatus::Failed, 2));
    let ran = run(&engine, public(job())).await.unwrap();
    assert_eq!(ran.end.status, JobStatus::Succeeded, "{ran:#?}");
    assert_eq!(ran.logs, ["value\n"], "{ran:#?}");
    // One that is taken on, and one that is cancelled while it runs.
    let again = run(&engine, public(job())).await.unwrap();
    assert!(
        again.identity.adopted && again.logs == ["value\n"],
        "{again:#?}"
    );
    let script = "echo begun; sleep 1000";
    let running = start(&engine, public(Cluster::request("runs", script))).await;
    let running = running.unwrap();
    running.logs.until("begun").await;
    running.handle.request_cancel();
    assert_eq!(running.finish().await.end.status, JobStatus::Cancelled);

    let options = SweepOptions::default();
    engine.sweep("default", options).await.unwrap();
    for job in engine.jobs("default").await.unwrap() {
        engine.cancel_job("default", &job.name).await.unwrap();
    }
    cluster
        .until("something is left", |server| {
            ["jobs", "pods"]
                .iter()
                .all(|resource| server.existing(resource).is_empty())
        })
        .await;
    for request in cluster.server.requests().all() {
        assert_ne!(
            request.call.resource,
            "secrets",
            "{:#?}",
            cluster.requests()
        );
        assert_ne!(request.status, Some(403), "{:#?}", cluster.requests());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_with_a_secret_names_the_right_that_the_role_without_secrets_lacks() {
    let cluster = cluster_with(role_without_secrets()).await;
    let error = run(&cluster.engine().await, job()).await.unwrap_err();
    assert_eq!(error.explanation.reason, Reason::Denied, "{error:?}");
    assert!(
        error.explanation.message.contains("create secrets"),
        "{error:?}"
    );
    cluster
        .until("something is left", |server| {
            ["jobs", "pods"]
                .iter()
                .all(|resource| server.existing(resource).is_empty())
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_right_that_is_missing_is_named_and_nothing_is_left() {
    let case = |verb: &'static str, resource: &'static str| async move {
        let cluster = cluster_with(role()).await;
        cluster.server.deny(verb, resource);
        let error = run(&cluster.engine().await, job()).await.unwrap_err();
        assert_eq!(error.explanation.reason, Reason::Denied, "{error:?}");
        let said = format!(
            "{} {}",
            error.explanation.message,
            error.explanation.hint.clone().unwrap_or_default()
        );
        assert!(said.contains(verb) && said.contains(resource), "{error:?}");
        cluster
            .until("something is left", |server| {
                ["jobs", "pods", "secrets", "configmaps"]
                    .iter()
                    .all(|resource| server.existing(resource).is_empty())
            })
            .await;
    };
    let rights = [
        ("create", "jobs"),
        ("create", "secrets"),
        ("list", "jobs"),
        ("watch", "jobs"),
        ("list", "pods"),
        ("watch", "pods"),
    ];
    all_hold(rights.map(|(verb, resource)| (format!("{verb} {resource}"), case(verb, resource))))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_right_to_read_logs_the_job_runs_and_the_right_is_named() {
    let cluster = cluster_with(role()).await;
    cluster.server.deny("get", "pods/log");
    let ran = run(&cluster.engine().await, job()).await.unwrap();
    assert_eq!(ran.end.status, JobStatus::Succeeded, "{ran:#?}");
    let warnings = ran.events.iter().filter_map(|event| match &event.kind {
        JobEventKind::Warning { message } => Some(message.as_str()),
        _ => None,
    });
    let warnings: Vec<_> = warnings.collect();
    assert!(
        warnings
            .iter()
            .any(|warning| warning.contains("pods/log") && warning.contains("get")),
        "{ran:#?}"
    );
    assert!(cluster.server.existing("secrets").is_empty());
}
