//! What a run needs the right to, and what is said where it is missing.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Value, json};

use super::Place;
use super::audit::AuditLog;
use super::step::{Ran, Run, kubectl, kubectl_with};

/// The name of everything in `deploy/` that has no other.
const NAME: &str = "toolhost";
/// The namespace that `deploy/` names.
const NAMESPACE: &str = "noetl";

/// A service account, and a kubeconfig with a token of it.
struct Account {
    user: String,
    folder: tempfile::TempDir,
}

impl Account {
    /// The login of a service account of the namespace.
    fn of(place: &Place, name: &str) -> Self {
        let namespace = place.namespace.as_str();
        let token = kubectl(&["create", "token", name, "-n", namespace]);
        let view = ["config", "view", "--raw", "--minify", "--flatten"];
        let mut config: Value =
            serde_json::from_str(&kubectl(&[&view[..], &["-o", "json"]].concat())).unwrap();
        config["users"][0]["user"] = json!({"token": token.trim()});
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("kubeconfig"), config.to_string()).unwrap();
        Self {
            user: format!("system:serviceaccount:{namespace}:{name}"),
            folder,
        }
    }

    async fn run(&self, place: &Place, script: (&str, &str)) -> Ran {
        self.run_with(place, script, &json!({"WORD": "plain"}))
            .await
    }

    /// Runs a script with these variables, which may have the secret `token`.
    async fn run_with(&self, place: &Place, script: (&str, &str), environment: &Value) -> Ran {
        let tool = json!({"job": {"image": "python:3.11-slim", "env": environment}});
        let run =
            Run::new(place, "step", script, tool).with_secrets(&json!({"token": "planted-secret"}));
        let path = self.folder.path().join("kubeconfig");
        run.with_kubeconfig(&path).finish().await
    }
}

/// The objects of a folder of `deploy/`, for the namespace of a test.
///
/// Those of the whole cluster are named as it, so that tests do not share them.
fn objects(folder: &str, place: &Place) -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(folder);
    let path = path.to_str().unwrap();
    let written = kubectl(&["create", "-k", path, "--dry-run=client", "-o", "json"]);
    let objects = serde_json::Deserializer::from_str(&written).into_iter::<Value>();
    let mut objects: Vec<_> = objects.map(Result::unwrap).collect();
    for object in &mut objects {
        rename(object, NAMESPACE, &place.namespace);
        if object["metadata"]["namespace"].is_null() && object["kind"] != "Namespace" {
            object["metadata"]["name"] = json!(place.namespace);
        }
        if object["kind"] == "FlowSchema" {
            object["spec"]["priorityLevelConfiguration"]["name"] = json!(place.namespace);
        }
    }
    objects
}

fn rename(value: &mut Value, from: &str, to: &str) {
    match value {
        Value::String(text) if text == from => to.clone_into(text),
        Value::Array(items) => items.iter_mut().for_each(|item| rename(item, from, to)),
        Value::Object(map) => map.values_mut().for_each(|item| rename(item, from, to)),
        _ => {}
    }
}

/// A run that needs nothing but what a folder of `deploy/` gives.
async fn runs_with(folder: &str, has_patch: bool, has_secret: bool) {
    const LINES: u32 = 500;
    let place = Place::new("rights").await;
    let objects = objects(folder, &place);
    kubectl_with("apply", &objects);
    let account = Account::of(&place, NAME);
    let script = format!(
        "import os\nfor i in range({LINES}):\n    print(i, os.environ['WORD'], flush=True)\n"
    );
    let environment = if has_secret {
        json!({"WORD": "plain", "TOKEN": "{{ secret.token }}"})
    } else {
        json!({"WORD": "plain"})
    };
    let ran = account
        .run_with(&place, ("a.py", &script), &environment)
        .await;
    assert_eq!(ran.code, Some(0), "{}\n{:#}", ran.stderr, ran.outcome);
    assert_eq!(ran.outcome["status"], "completed");
    let lines: Vec<_> = (0..LINES).map(|i| format!("{i} plain")).collect();
    let lines = lines.join("\n") + "\n";
    assert_eq!(ran.outcome["output"], lines, "the log is not whole");
    let namespace = place.namespace.as_str();
    let secrets = kubectl(&["get", "secrets", "-n", namespace, "-o", "name"]);
    assert_eq!(secrets, "", "a Secret is left");
    let shown = [
        "get",
        "jobs",
        "-n",
        namespace,
        "--show-managed-fields",
        "-o",
        "yaml",
    ];
    // Where a job may be changed, the server is made to forget who set its fields.
    assert_eq!(!kubectl(&shown).contains("managedFields"), has_patch);

    if let Some(log) = AuditLog::of_environment(&format!("runs_with {folder}")) {
        let own = |request: &super::audit::Request| request.user() == account.user;
        let last = if has_secret {
            "delete secrets"
        } else {
            "get pods/log"
        };
        let requests = log
            .requests(namespace, |request| own(request) && request.what() == last)
            .await;
        let requests: Vec<_> = requests.into_iter().filter(own).collect();
        let asked: BTreeSet<_> = requests.iter().map(super::audit::Request::what).collect();
        for needed in ["create jobs", "watch pods", "get pods/log"] {
            assert!(asked.contains(needed), "{needed} is not in {asked:?}");
        }
        // Whether it may patch is asked, not tried, and only where it would.
        for of_secrets in ["create secrets", "create selfsubjectaccessreviews"] {
            assert_eq!(asked.contains(of_secrets), has_secret, "{asked:?}");
        }
        assert_eq!(asked.contains("patch jobs"), has_patch, "{asked:?}");
        // Why a pod is late is looked up in the events, which are optional: without the right to them, that
        // is the only request that is denied.
        let allowed: &[&str] = if has_patch { &[] } else { &["list events"] };
        for request in requests
            .iter()
            .filter(|request| request.code() == Some(403))
        {
            assert!(
                allowed.contains(&request.what().as_str()),
                "a request was denied: {}",
                request.text
            );
        }
    }
    kubectl_with("delete", &objects[..]);
}

#[tokio::test]
#[ignore = "needs a cluster: TOOLHOST_TEST_KUBECONFIG"]
async fn the_role_of_deploy_is_enough_for_a_run_and_nothing_else_is_asked_for() {
    runs_with("deploy", true, true).await;
}

#[tokio::test]
#[ignore = "needs a cluster: TOOLHOST_TEST_KUBECONFIG"]
async fn the_rights_of_a_noetl_worker_are_enough_for_a_run() {
    runs_with("deploy/narrow", false, true).await;
}

#[tokio::test]
#[ignore = "needs a cluster: TOOLHOST_TEST_KUBECONFIG"]
async fn the_role_without_secrets_is_enough_for_a_run_without_secrets() {
    runs_with("deploy/without-secrets", false, false).await;
}

/// That an outcome names the right that is missing, and the rule to add.
fn assert_denied(ran: &Ran, account: &Account, what: (&str, &str), place: &Place) {
    let shown = format!("{:#}\n{}", ran.outcome, ran.stderr);
    // What is not allowed has an exit code of its own.
    assert_eq!(ran.code, Some(3), "{shown}");
    assert_eq!(ran.outcome["reason"], "Denied", "{shown}");
    let (verb, resource) = what;
    let message = ran.outcome["message"].as_str().unwrap();
    let user = &account.user;
    let namespace = &place.namespace;
    let said =
        format!("`{user}` is not allowed to {verb} {resource} in the namespace `{namespace}`");
    assert!(message.contains(&said), "{shown}");
    let hint = ran.outcome["hint"].as_str().unwrap();
    let rule =
        format!("`apiGroups: [\"batch\"], resources: [\"{resource}\"], verbs: [\"{verb}\"]`");
    assert!(hint.contains(&rule), "{shown}");
    assert!(ran.took.as_secs() < 20, "{:?} {shown}", ran.took);
}

#[tokio::test]
#[ignore = "needs a cluster: TOOLHOST_TEST_KUBECONFIG"]
async fn the_missing_right_of_an_account_is_named() {
    let place = Place::new("norights").await;
    kubectl(&[
        "create",
        "serviceaccount",
        "powerless",
        "-n",
        &place.namespace,
    ]);
    let account = Account::of(&place, "powerless");
    let ran = account.run(&place, ("a.py", "print(1)\n")).await;
    assert_denied(&ran, &account, ("watch", "jobs"), &place);
    place.delete().await;
}

#[tokio::test]
#[ignore = "needs a cluster: TOOLHOST_TEST_KUBECONFIG"]
async fn an_account_that_may_not_create_jobs_is_refused_and_leaves_nothing() {
    let place = Place::new("nocreate").await;
    let mut objects = objects("deploy", &place);
    for object in objects.iter_mut().filter(|object| object["kind"] == "Role") {
        let verbs = object["rules"][0]["verbs"].as_array_mut().unwrap();
        verbs.retain(|verb| verb != "create");
    }
    kubectl_with("apply", &objects);
    let account = Account::of(&place, NAME);
    let ran = account.run(&place, ("a.py", "print(1)\n")).await;
    assert_denied(&ran, &account, ("create", "jobs"), &place);
    let left = ["get", "jobs,pods,secrets", "-o", "name", "-n"];
    let left = kubectl(&[&left[..], &[&place.namespace]].concat());
    assert_eq!(left, "", "something is left");
    kubectl_with("delete", &objects);
}
