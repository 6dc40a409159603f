//! What the policy of a host keeps from a cluster.

use std::sync::Arc;

use serde_json::json;
use toolhost::capability::{JobStatus, Reason};
use toolhost_kubernetes::{KubernetesEngine, Policy};

use super::process::{self, RUN};
use super::{Cluster, NAMESPACE, run};

#[tokio::test(flavor = "multi_thread")]
async fn the_library_denies_by_default_and_before_any_request() {
    let cluster = Cluster::new().await;
    let engine = cluster.engine().await;
    let mut request = Cluster::request("job", "true");
    let volumes = json!([{"name": "node", "hostPath": {"path": "/"}}]);
    request.options.insert("volumes".to_owned(), volumes);
    let error = run(&engine, request.clone()).await.unwrap_err();
    assert_eq!(error.explanation.reason, Reason::Denied);
    assert_eq!(
        error.explanation.field_text().as_deref(),
        Some("volumes[0].hostPath.path")
    );
    assert!(cluster.server.requests().all().is_empty());

    let mut settings = cluster.settings();
    settings.policy = Arc::new(Policy::open());
    let engine = KubernetesEngine::new(settings).await.unwrap();
    let ran = run(&engine, request).await.unwrap();
    assert_eq!(ran.end.status, JobStatus::Succeeded);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_later_step_that_the_policy_denies_keeps_the_first_from_running() {
    let cluster = Cluster::new().await;
    let folder = cluster.folder.path();
    let step = |name: &str, job: serde_json::Value| {
        json!({"step": name, "tool": {
            "kind": "script", "script": {"content": "true", "interpreter": "sh"}, "job": job,
        }})
    };
    let wrong = json!({
        "image": "busybox:1", "namespace": NAMESPACE,
        "env": {"FIRST": "{{ first.output }}"},
        "podTemplate": {"spec": {"hostNetwork": true}},
    });
    let playbook = json!({
        "apiVersion": "noetl.io/v2", "kind": "Playbook", "metadata": {"name": "test"},
        "workflow": [
            step("first", json!({"image": "busybox:1", "namespace": NAMESPACE})),
            step("second", wrong),
        ],
    });
    std::fs::write(folder.join("p.yaml"), playbook.to_string()).unwrap();
    std::fs::write(
        folder.join("policy.yaml"),
        format!("kubernetes: {{namespaces: [{NAMESPACE}], images: [busybox]}}\n"),
    )
    .unwrap();
    let arguments = [&RUN[..], &["--policy", "policy.yaml"]].concat();
    let ran = process::run(folder, &cluster.kubeconfig(), &arguments).await;
    let said = process::stderr(&ran);
    assert_eq!(ran.status.code(), Some(3), "{said}");
    let denied = "`podTemplate.spec.hostNetwork` is not allowed by the policy of this host";
    assert!(said.contains(denied), "{said}");
    assert!(said.contains("host-namespaces: [network]"), "{said}");
    assert_eq!(cluster.ever("Job"), 0);
    // Without a policy, the user of the command line is restricted only by the cluster.
    let ran = process::run(folder, &cluster.kubeconfig(), &RUN).await;
    assert_eq!(ran.status.code(), Some(0), "{}", process::stderr(&ran));
}
