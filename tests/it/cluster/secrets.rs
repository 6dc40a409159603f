//! Secrets on a cluster: in the data of one Secret while the script runs, and nowhere else, ever.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::Pod;
use kube::api::Api;
use kube::runtime::wait::await_condition;
use serde_json::{Value, json};

use super::Place;
use super::audit::{AuditLog, Request};
use super::gate::Gate;
use super::step::{Run, kubectl};
use crate::scanner::Scanner;

/// The job of the run, and its Secret.
const JOB: &str = "script-leak-42";
const SECRET: &str = "script-leak-42-toolhost";
/// How long the Secret may outlive the pod.
const MAX_REMAINING: SignedDuration = SignedDuration::from_secs(1);

/// Proves that it has the secrets, waits for a signal, prints them, and reports when it ends.
const SCRIPT: &str = r"
import json, os, sys, time, urllib.request
assert sys.argv[1] == '@' + os.environ['NOETL_ARGS_FILE']
args = json.load(open(sys.argv[1][1:]))
own = [os.environ['TOKEN'], os.environ['KEY']]
assert args['token'] == own[0] and args['deep'][0]['er'] == 'Bearer ' + own[1] + '!'
print('lengths', [len(secret) for secret in own], flush=True)
urllib.request.urlopen(os.environ['GATE']).read()
print(own, args, *own, file=sys.stderr, flush=True)
print('end', format(time.time(), '.6f'), flush=True)
sys.exit(int(os.environ['CODE']))
";

/// Every object of the namespace, of every resource that there is.
fn objects(place: &Place) -> Vec<Value> {
    let resources = [
        "api-resources",
        "--verbs=list",
        "--namespaced",
        "-o",
        "name",
    ];
    let resources = kubectl(&resources);
    let resources: Vec<_> = resources.lines().collect();
    assert!(resources.contains(&"secrets") && resources.contains(&"events"));
    let all = resources.join(",");
    let get = [
        "get",
        &all,
        "-n",
        &place.namespace,
        "-o",
        "json",
        "--show-managed-fields",
    ];
    let list: Value = serde_json::from_str(&kubectl(&get)).unwrap();
    list["items"].as_array().unwrap().clone()
}

fn kinds(objects: &[Value]) -> BTreeSet<&str> {
    let kinds = objects
        .iter()
        .map(|object| object["kind"].as_str().unwrap());
    kinds.collect()
}

/// That no object holds a secret.
fn check_objects(scanner: &Scanner, objects: &[Value]) {
    for object in objects {
        let place = format!("{} {}", object["kind"], object["metadata"]["name"]);
        scanner.check(&place, object.to_string());
    }
}

/// That the secrets are in one Secret's data, and nowhere else.
fn check_while_it_runs(scanner: &Scanner, secrets: usize, mut objects: Vec<Value>) {
    for kind in ["Job", "Pod", "Event", "Secret"] {
        assert!(
            kinds(&objects).contains(kind),
            "no {kind} is there to be searched"
        );
    }
    let mut holders = objects
        .iter_mut()
        .filter(|object| !scanner.find(object.to_string().as_bytes()).is_empty());
    let holder = holders.next().expect("the secrets are nowhere");
    assert_eq!(holder["kind"], "Secret");
    let data = holder["data"].take().to_string();
    let found = scanner.find(data.as_bytes());
    let found: BTreeSet<_> = found.iter().map(|finding| finding.secret).collect();
    assert_eq!(found.len(), secrets, "the Secret lacks some");
    assert!(holders.next().is_none(), "two objects hold secrets");
    // But for its data, the Secret is clean as well.
    check_objects(scanner, &objects);
}

/// Waits until the API server tells that the pod is over, and gives the time of that.
async fn pod_is_over(place: &Place) -> Timestamp {
    let pods = place.pods(JOB).await;
    let (name, _) = pods.first_key_value().unwrap();
    let api: Api<Pod> = Api::namespaced(place.client.clone(), &place.namespace);
    let is_over = |pod: Option<&Pod>| {
        let phase = pod.and_then(|pod| pod.status.as_ref()?.phase.as_deref());
        matches!(phase, Some("Succeeded" | "Failed"))
    };
    await_condition(api, name, is_over).await.unwrap();
    Timestamp::now()
}

/// That the requests hold no secret, and that the Secret was deleted after the script's end, and at once.
///
/// Two times are compared: `over`, when a watch of the test told that the pod has the phase `Succeeded` or
/// `Failed`; and when the API server received the request to delete the Secret, by its audit log. The script
/// itself tells when it ends, by the same clock.
async fn check_requests(
    scanner: &Scanner,
    log: &AuditLog,
    place: &Place,
    outcome: &Value,
    over: Timestamp,
) {
    let is_deletion =
        |request: &Request| request.what() == "delete secrets" && request.object() == SECRET;
    let requests = log.requests(&place.namespace, is_deletion).await;
    for request in &requests {
        scanner.check("the audit log", &request.text);
    }
    let mut lines = outcome["output"].as_str().unwrap().lines();
    let end = lines.find_map(|line| line.strip_prefix("end ")).unwrap();
    let end = SignedDuration::from_secs_f64(end.parse().unwrap());
    let end = Timestamp::UNIX_EPOCH.checked_add(end).unwrap();
    let deletion = requests
        .iter()
        .find(|request| is_deletion(request))
        .unwrap();
    assert_eq!(deletion.code(), Some(200));
    let deleted = deletion.received();
    let remained = deleted.duration_since(over);
    eprintln!(
        "the Secret was deleted {remained:#} after the pod was over, {:#} after the script's end",
        deleted.duration_since(end)
    );
    assert!(deleted > end, "it was deleted while the script ran");
    assert!(remained <= MAX_REMAINING, "{remained:#}");
}

async fn secrets_of_a_run_are_nowhere_else(code: i32, status: &str) {
    let place = Place::new("secrets").await;
    // Others in every run, so that nothing of an earlier one is found.
    let secrets = [
        format!("pl@nted \"secret\"/{}", place.namespace),
        format!("another-pläntęd\\5678+{}", place.namespace),
    ];
    let scanner = Scanner::new(&secrets);
    let gate = Gate::new().await;
    let tool = json!({
        "args": {"token": "{{ secret.token }}", "deep": [{"er": "Bearer {{ secret.key }}!"}]},
        "job": {
            "image": "python:3.11-slim", "backoffLimit": 0,
            "env": {
                "TOKEN": "{{ secret.token }}", "KEY": "{{ secret.key }}",
                "GATE": gate.url(), "CODE": code.to_string(),
            },
        },
    });
    let run = Run::new(&place, "leak", ("a.py", SCRIPT), tool)
        .with_secrets(&json!({"token": secrets[0], "key": secrets[1]}));
    let scanning = async {
        let held = gate.held().await;
        check_while_it_runs(&scanner, secrets.len(), objects(&place));
        held.release().await;
        pod_is_over(&place).await
    };
    let (ran, over) = tokio::join!(run.finish(), scanning);
    let shown = format!("{:#}\n{}", ran.outcome, ran.stderr);
    assert_eq!(ran.outcome["status"], status, "{shown}");
    assert_eq!(ran.code, Some(code.min(1)), "{shown}");
    assert!(
        shown.contains("lengths") && shown.contains("***"),
        "{shown}"
    );
    scanner.check("standard output", &ran.stdout);
    scanner.check("standard error", &ran.stderr);

    let objects = objects(&place);
    assert!(!kinds(&objects).contains("Secret"), "the Secret is left");
    for kind in ["Job", "Pod", "Event"] {
        assert!(
            kinds(&objects).contains(kind),
            "no {kind} is there to be searched"
        );
    }
    check_objects(&scanner, &objects);
    if let Some(log) = AuditLog::of_environment("secrets_of_a_run_are_nowhere_else") {
        check_requests(&scanner, &log, &place, &ran.outcome, over).await;
    }
    place.delete().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a cluster: TOOLHOST_TEST_KUBECONFIG"]
async fn secrets_of_a_run_are_in_one_secret_while_it_runs_and_nowhere_else() {
    secrets_of_a_run_are_nowhere_else(0, "completed").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a cluster: TOOLHOST_TEST_KUBECONFIG"]
async fn secrets_of_a_run_that_fails_are_nowhere_else_either() {
    secrets_of_a_run_are_nowhere_else(3, "failed").await;
}
