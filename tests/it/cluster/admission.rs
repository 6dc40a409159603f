//! What a namespace does not admit: more than its quota, and what a policy refuses.

use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use super::gate::Gate;
use super::step::{Ran, Run, kubectl, kubectl_with, run};
use super::{Place, kubeconfig};

/// A permanent refusal is reported within this time: events are listed after five seconds, and again ten seconds later
/// where a busy cluster had not written them yet.
const SOON: Duration = Duration::from_secs(30);

/// Limits what the namespace may use, and waits until that counts.
fn set_quota(place: &Place, hard: &Value) {
    let namespace = place.namespace.as_str();
    kubectl_with(
        "apply",
        &[json!({
            "apiVersion": "v1", "kind": "ResourceQuota",
            "metadata": {"name": "team", "namespace": namespace}, "spec": {"hard": hard},
        })],
    );
    let wait = [
        "wait",
        "resourcequota/team",
        "--for=jsonpath={.status.used}",
    ];
    kubectl(&[&wait[..], &["--timeout=60s", "-n", namespace]].concat());
}

fn busybox(more: &Value) -> Value {
    let mut tool = json!({"job": {"image": "busybox:1", "backoffLimit": 0}});
    for (key, value) in more.as_object().unwrap() {
        tool["job"][key] = value.clone();
    }
    tool
}

fn assert_refused(ran: &Ran, reason: &str, words: &[&str]) {
    let shown = format!("{:#}\n{}", ran.outcome, ran.stderr);
    assert_eq!(ran.code, Some(1), "{shown}");
    assert_eq!(ran.outcome["reason"], reason, "{shown}");
    let message = ran.outcome["message"].as_str().unwrap();
    for word in words {
        assert!(message.contains(word), "it does not say {word}: {shown}");
    }
    assert_ne!(
        ran.outcome["hint"].as_str().unwrap_or_default(),
        "",
        "{shown}"
    );
    assert!(ran.took < SOON, "{:?} {shown}", ran.took);
}

#[tokio::test]
#[ignore = "needs a cluster: TOOLHOST_TEST_KUBECONFIG"]
async fn a_job_that_asks_for_more_than_the_whole_quota_is_given_up_within_seconds() {
    let place = Place::new("quota").await;
    set_quota(&place, &json!({"requests.cpu": "500m"}));
    let tool = busybox(&json!({"resources": {"requests": {"cpu": "2"}}}));
    let ran = run(&place, "large", ("a.sh", "true"), tool).await;
    assert_refused(
        &ran,
        "Quota",
        &["`team`", "requests.cpu=2", "requests.cpu=500m"],
    );
    assert_eq!(
        ran.outcome["field"], "job.resources.requests.cpu",
        "{:#}",
        ran.outcome
    );
    let secrets = kubectl(&["get", "secrets", "-n", &place.namespace, "-o", "name"]);
    assert_eq!(secrets, "");
    place.delete().await;
}

#[tokio::test]
#[ignore = "needs a cluster: TOOLHOST_TEST_KUBECONFIG"]
async fn a_job_waits_for_a_quota_that_another_pod_uses_up_says_so_and_completes() {
    let place = Place::new("quotafull").await;
    set_quota(&place, &json!({"pods": "1"}));
    let gate = Gate::new().await;
    let ask = format!("wget -qO- {}", gate.url());
    let other = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "other", "namespace": place.namespace},
        "spec": {"restartPolicy": "Never", "containers": [
            {"name": "a", "image": "busybox:1", "command": ["sh", "-c", ask]},
        ]},
    });
    kubectl_with("apply", &[other]);
    let held = gate.held().await;
    // It ends even where the test does not let the other pod go on.
    let tool = busybox(&json!({"activeDeadlineSeconds": 240}));
    let run = Run::new(&place, "later", ("a.sh", "echo arrived"), tool);
    let reason = "waiting: FailedCreate: the namespace's quota `team` is used up: pods=1 requested";
    let ran = run.finish_and_see(reason, held.release()).await;
    assert_eq!(ran.code, Some(0), "{}\n{}", ran.stderr, ran.stdout);
    assert!(ran.stderr.contains(reason), "{}", ran.stderr);
    assert!(ran.stderr.contains("| arrived"), "{}", ran.stderr);
    let pods = place.pods("script-later-42").await;
    let phases: Vec<_> = pods.values().map(String::as_str).collect();
    assert_eq!(phases, ["Succeeded"]);
    place.delete().await;
}

/// A policy for the objects of a namespace that are named by `rule`, in force.
struct Policy(Vec<Value>);

impl Policy {
    const SAID: &str = "every object here names its team";

    async fn new(place: &Place, (group, version, resource): (&str, &str, &str)) -> Self {
        let name = place.namespace.as_str();
        let kind = |kind: &str, spec: Value| {
            json!({
                "apiVersion": "admissionregistration.k8s.io/v1", "kind": kind,
                "metadata": {"name": name}, "spec": spec,
            })
        };
        let policy = kind(
            "ValidatingAdmissionPolicy",
            json!({
                "failurePolicy": "Fail",
                "matchConstraints": {"resourceRules": [{
                    "apiGroups": [group], "apiVersions": [version],
                    "operations": ["CREATE"], "resources": [resource],
                }]},
                "validations": [{
                    "expression": "has(object.metadata.labels) && 'team' in object.metadata.labels",
                    "message": Self::SAID,
                }],
            }),
        );
        let binding = kind(
            "ValidatingAdmissionPolicyBinding",
            json!({
                "policyName": name, "validationActions": ["Deny"],
                "matchResources": {"namespaceSelector": {
                    "matchLabels": {"kubernetes.io/metadata.name": name},
                }},
            }),
        );
        let policy = Self(vec![policy, binding]);
        kubectl_with("apply", &policy.0);
        // It takes a moment until the API server goes by it.
        let in_force = async {
            while is_admitted(place, resource) {
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        };
        let in_force = tokio::time::timeout(Duration::from_mins(1), in_force).await;
        in_force.expect("the policy did not come into force");
        policy
    }

    async fn delete(self, place: Place) {
        kubectl_with("delete", &self.0);
        place.delete().await;
    }
}

/// Whether an object without labels is admitted.
fn is_admitted(place: &Place, resource: &str) -> bool {
    let make: &[&str] = match resource {
        "pods" => &["run", "probe"],
        _ => &["create", "job", "probe"],
    };
    let options = [
        "--image=busybox:1",
        "--dry-run=server",
        "-n",
        &place.namespace,
    ];
    let mut command = Command::new("kubectl");
    // `kubectl run` labels its pods, but not with a team.
    command
        .args(make)
        .args(options)
        .env("KUBECONFIG", kubeconfig());
    command.output().unwrap().status.success()
}

#[tokio::test]
#[ignore = "needs a cluster: TOOLHOST_TEST_KUBECONFIG"]
async fn a_policy_that_refuses_the_job_is_named_with_what_it_says() {
    let place = Place::new("jobpolicy").await;
    let policy = Policy::new(&place, ("batch", "v1", "jobs")).await;
    let ran = run(&place, "step", ("a.sh", "true"), busybox(&json!({}))).await;
    let name = format!("the cluster's policy `{}`", place.namespace);
    assert_refused(&ran, "PolicyDenied", &[&name, Policy::SAID]);
    let labelled = busybox(&json!({"labels": {"team": "data"}}));
    let ran = run(&place, "labelled", ("a.sh", "true"), labelled).await;
    assert_eq!(ran.code, Some(0), "{}\n{:#}", ran.stderr, ran.outcome);
    policy.delete(place).await;
}

#[tokio::test]
#[ignore = "needs a cluster: TOOLHOST_TEST_KUBECONFIG"]
async fn a_policy_that_refuses_the_pods_is_named_within_seconds() {
    let place = Place::new("podpolicy").await;
    let policy = Policy::new(&place, ("", "v1", "pods")).await;
    let ran = run(&place, "step", ("a.sh", "true"), busybox(&json!({}))).await;
    let name = format!("the cluster's policy `{}`", place.namespace);
    assert_refused(&ran, "PolicyDenied", &[&name, Policy::SAID]);
    let secrets = kubectl(&["get", "secrets", "-n", &place.namespace, "-o", "name"]);
    assert_eq!(secrets, "");
    policy.delete(place).await;
}
