//! A host that is killed at any request of a run, in front of a real API server.

use std::os::unix::process::ExitStatusExt as _;

use fake_kubernetes::{FaultProxy, Match, When};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{Api, ListParams};
use kube::runtime::wait::{await_condition, conditions};

use super::counter::Counter;
use super::{Place, host_ip, kubeconfig};
use crate::kubernetes::kills::{assert_right, numbered, run_and_kill, script};
use crate::kubernetes::process::{self, RUN};

/// A proxy to the cluster, and a folder with a playbook for the namespace.
async fn prepare(place: &Place, counter: &Counter) -> (FaultProxy, tempfile::TempDir) {
    let proxy = FaultProxy::start(&kubeconfig()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("kubeconfig"), proxy.kubeconfig()).unwrap();
    let (address, port) = (host_ip(), counter.port());
    let count = format!("wget -qO- http://{address}:{port}/{}", place.namespace);
    process::write_playbook_with_secret(folder.path(), &place.namespace, &script(&count));
    (proxy, folder)
}

async fn killed_at(
    counter: &Counter,
    (verb, resource, number): (String, String, usize),
    when: When,
) -> Result<(), String> {
    let place = Place::new("kill").await;
    let (proxy, folder) = prepare(&place, counter).await;
    let kubeconfig = folder.path().join("kubeconfig");
    let matching = Match::new(&verb, &resource).nth(number);
    let killed = run_and_kill(folder.path(), &kubeconfig, proxy.faults(), matching, when).await;
    let name = format!("{when:?} of {verb} {resource} {number}");
    // Which requests there are is a matter of time on a real cluster: logs may be read once more or less.
    if killed.status.signal() != Some(9) {
        assert_right(&killed);
        place.delete().await;
        return Err(name);
    }
    let output = process::run(folder.path(), &kubeconfig, &RUN).await;
    let namespace = place.namespace.clone();
    assert_right(&output);
    assert_eq!(place.pods(process::JOB).await.len(), 2, "{name}");
    let secrets: Api<Secret> = Api::namespaced(place.client.clone(), &namespace);
    let secrets = secrets.list(&ListParams::default()).await.unwrap();
    assert_eq!(secrets.items.len(), 0, "{name}: a Secret is left");

    let jobs: Api<Job> = Api::namespaced(place.client.clone(), &namespace);
    let uid = jobs.get(process::JOB).await.unwrap().metadata.uid.unwrap();
    let over = await_condition(jobs.clone(), process::JOB, conditions::is_job_completed());
    over.await.unwrap();
    let sweep = [
        "job",
        "sweep",
        "-n",
        &namespace,
        "--min-age",
        "0",
        "--finished",
    ];
    let swept = process::run(folder.path(), &kubeconfig, &sweep).await;
    assert_eq!(
        swept.status.code(),
        Some(0),
        "{name}: {}",
        process::stderr(&swept)
    );
    let gone = await_condition(jobs, process::JOB, conditions::is_deleted(&uid));
    gone.await.unwrap();
    // The job goes after its pods.
    assert!(place.pods(process::JOB).await.is_empty(), "{name}");
    place.delete().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a cluster: TOOLHOST_TEST_KUBECONFIG"]
async fn a_host_that_is_killed_at_any_request_is_followed_by_one_that_goes_on() {
    let counter = Counter::start().await;
    let place = Place::new("kill").await;
    let (proxy, folder) = prepare(&place, &counter).await;
    let kubeconfig = folder.path().join("kubeconfig");
    let output = process::run(folder.path(), &kubeconfig, &RUN).await;
    assert_right(&output);
    let requests = numbered(&proxy.requests().all());
    place.delete().await;
    let mut cases = Vec::new();
    for request in requests {
        for when in [When::BeforeWork, When::AfterWork] {
            cases.push(killed_at(&counter, request.clone(), when));
        }
    }
    // All at once: most of the time of each is spent waiting for the cluster.
    let missed: Vec<_> = futures_util::future::join_all(cases)
        .await
        .into_iter()
        .filter_map(Result::err)
        .collect();
    assert!(missed.len() <= 4, "these requests never came: {missed:?}");
}
