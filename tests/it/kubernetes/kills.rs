//! A host that is killed at any moment leaves nothing that the next one does not go on with.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::Output;
use std::sync::{Arc, OnceLock};

use fake_kubernetes::{Fault, Faults, Hook, Match, RequestRecord, When};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use super::process::{self, RUN};
use super::rights::{cluster_with, narrow_role, role_without_secrets};
use super::{Cluster, NAMESPACE, all_hold};

/// A script that fails once and then succeeds; `counter` is a command that gives the number of the attempt.
pub(crate) fn script(counter: &str) -> String {
    format!(
        "n=$({counter}); n=$((n)); printf 'same\\nsame\\n\\n'; echo attempt $n; printf 'no end'; [ $n -eq 2 ]\n"
    )
}

/// Writes a playbook into a folder, for a namespace, with a script.
type Write = fn(&Path, &str, &str);

fn prepare(cluster: &Cluster, write: Write) {
    let counter = cluster.folder.path().join("attempts");
    let counter = counter.display();
    let script = script(&format!("echo >> {counter}; wc -l < {counter}"));
    write(cluster.folder.path(), NAMESPACE, &script);
}

/// Starts the run and kills it at the first request that matches.
pub(crate) async fn run_and_kill(
    folder: &Path,
    kubeconfig: &Path,
    faults: &Faults,
    matching: Match,
    when: When,
) -> Output {
    let process: Arc<OnceLock<Pid>> = Arc::default();
    let victim = Arc::clone(&process);
    let kill = Hook::new(move |_| {
        // It was started and is known a moment later.
        kill_process(*victim.wait(), Signal::KILL).unwrap();
    });
    faults.plan(matching.clone(), Fault::Call(when, kill));
    faults.plan(matching, Fault::Close(when));
    let child = process::command(folder, kubeconfig, &RUN).spawn().unwrap();
    let id = i32::try_from(child.id().unwrap()).unwrap();
    process.set(Pid::from_raw(id).unwrap()).unwrap();
    let output = process::finish(child).await;
    faults.clear();
    output
}

pub(crate) fn assert_right(output: &Output) {
    let outcome = process::outcome(output);
    let shown = format!("{outcome:#}\n{}", process::stderr(output));
    assert_eq!(outcome["status"], "completed", "{shown}");
    assert_eq!(
        (&outcome["failed"], &outcome["succeeded"]),
        (&json!(1), &json!(1)),
        "{shown}"
    );
    let attempts = outcome["attempts"].as_array().unwrap();
    let outputs: Vec<_> = attempts.iter().map(|attempt| &attempt["output"]).collect();
    assert_eq!(
        outputs,
        [
            "same\nsame\n\nattempt 1\nno end",
            "same\nsame\n\nattempt 2\nno end"
        ],
        "{shown}"
    );
    assert_eq!(output.status.code(), Some(0), "{shown}");
}

/// The requests of a run: verb, resource, and which of these it is.
pub(crate) fn numbered(requests: &[RequestRecord]) -> Vec<(String, String, usize)> {
    let mut counts = BTreeMap::new();
    let numbered = requests.iter().map(|request| {
        let key = (request.call.verb.clone(), request.call.full_resource());
        let count: &mut usize = counts.entry(key.clone()).or_default();
        *count += 1;
        (key.0, key.1, *count)
    });
    numbered.collect()
}

async fn killed_at(
    cluster: Cluster,
    write: Write,
    (verb, resource, number): (String, String, usize),
    when: When,
) {
    prepare(&cluster, write);
    let (folder, kubeconfig) = (cluster.folder.path(), cluster.kubeconfig());
    let matching = Match::new(&verb, &resource).nth(number);
    let faults = cluster.server.faults();
    let killed = run_and_kill(folder, &kubeconfig, faults, matching, when).await;
    let shown = process::stderr(&killed);
    assert_eq!(
        killed.status.signal(),
        Some(9),
        "it was not killed: {shown}"
    );

    let output = process::run(folder, &kubeconfig, &RUN).await;
    assert_right(&output);
    let requests = cluster.requests();
    assert_eq!(
        (cluster.ever("Job"), cluster.ever("Pod")),
        (1, 2),
        "{requests:#?}"
    );
    let attempts = std::fs::read_to_string(folder.join("attempts")).unwrap();
    assert_eq!(attempts, "\n\n", "{requests:#?}");
    assert_eq!(
        cluster.server.existing("secrets"),
        [json!(null); 0],
        "{requests:#?}"
    );

    cluster
        .until("the job is not over", |server| {
            !server.is_running(NAMESPACE, process::JOB)
        })
        .await;
    let sweep = [
        "job",
        "sweep",
        "-n",
        NAMESPACE,
        "--min-age",
        "0",
        "--finished",
    ];
    let swept = process::run(folder, &kubeconfig, &sweep).await;
    assert_eq!(swept.status.code(), Some(0), "{}", process::stderr(&swept));
    cluster
        .until("something is left", |server| {
            ["jobs", "pods", "secrets", "configmaps"]
                .iter()
                .all(|resource| server.existing(resource).is_empty())
        })
        .await;
}

/// Kills a host at each request of a run, each time on another cluster, and lets another one go on. Returns the kinds of
/// the requests.
async fn kill_at_every_request(write: Write, make: impl AsyncFn() -> Cluster) -> BTreeSet<String> {
    let cluster = make().await;
    prepare(&cluster, write);
    let output = process::run(cluster.folder.path(), &cluster.kubeconfig(), &RUN).await;
    assert_right(&output);
    let mut cases = Vec::new();
    let requests = cluster.server.requests().all();
    for request in numbered(&requests) {
        for when in [When::BeforeWork, When::AfterWork] {
            let (verb, resource, number) = &request;
            let name = format!("{when:?} of {verb} {resource} {number}");
            let case = killed_at(make().await, write, request.clone(), when);
            cases.push((name, case));
        }
    }
    all_hold(cases).await;
    requests.iter().map(RequestRecord::summary).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_is_killed_at_any_request_is_followed_by_one_that_goes_on() {
    let write = process::write_playbook_with_secret;
    let requests = kill_at_every_request(write, Cluster::new).await;
    assert!(requests.contains("patch jobs"), "{requests:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_without_the_right_to_change_jobs_goes_on_as_well() {
    let write = process::write_playbook_with_secret;
    let make = async || cluster_with(narrow_role()).await;
    let requests = kill_at_every_request(write, make).await;
    assert!(requests.contains("create secrets"), "{requests:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_whose_job_is_one_request_goes_on_as_well() {
    let make = async || cluster_with(role_without_secrets()).await;
    let requests = kill_at_every_request(process::write_playbook, make).await;
    let changes = ["create secrets", "patch jobs", "delete secrets"];
    assert!(
        !changes.iter().any(|it| requests.contains(*it)),
        "{requests:?}"
    );
}
