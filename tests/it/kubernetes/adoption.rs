//! A job that is there already is gone on with.

use std::time::Duration;

use fake_kubernetes::{Fault, Match, When};
use toolhost::capability::{JobStatus, Reason};

use super::{Cluster, run, start};

/// A script that writes, waits for a file, and writes again.
fn script(cluster: &Cluster) -> String {
    let signal = cluster.folder.path().join("go");
    format!(
        "echo begun; while ! [ -e {} ]; do sleep 0.02; done; echo done",
        signal.display()
    )
}

fn go(cluster: &Cluster) {
    std::fs::write(cluster.folder.path().join("go"), "").unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_host_adopts_a_job_that_runs_and_has_its_whole_log() {
    let cluster = Cluster::new().await;
    let (one, other) = (cluster.engine().await, cluster.engine().await);
    let request = || Cluster::request("job", &script(&cluster));
    let first = start(&one, request()).await.unwrap();
    first.logs.until("begun").await;
    let second = start(&other, request()).await.unwrap();
    second.logs.until("begun").await;
    go(&cluster);
    let (first, second) = tokio::join!(first.finish(), second.finish());
    assert!(!first.identity.adopted && second.identity.adopted);
    assert_eq!(first.identity.uid, second.identity.uid);
    for ran in [&first, &second] {
        assert_eq!(ran.end.status, JobStatus::Succeeded, "{ran:#?}");
        assert_eq!(ran.logs, ["begun\ndone\n"], "{ran:#?}");
    }
    assert_eq!(
        (
            cluster.ever("Job"),
            cluster.ever("Pod"),
            cluster.ever("Secret")
        ),
        (1, 1, 1)
    );
    assert!(cluster.server.existing("secrets").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn hosts_that_begin_at_once_share_one_job() {
    let cluster = Cluster::new().await;
    let mut hosts = Vec::new();
    for _ in 0..4 {
        hosts.push(cluster.engine().await);
    }
    go(&cluster);
    let runs = hosts
        .iter()
        .map(|host| run(host, Cluster::request("job", &script(&cluster))));
    let runs: Vec<_> = futures_util::future::join_all(runs).await;
    let mut created = 0;
    for ran in runs {
        let ran = ran.unwrap();
        created += u32::from(!ran.identity.adopted);
        assert_eq!(ran.end.status, JobStatus::Succeeded, "{ran:#?}");
        assert_eq!(ran.logs, ["begun\ndone\n"], "{ran:#?}");
    }
    assert_eq!(created, 1);
    assert_eq!((cluster.ever("Job"), cluster.ever("Pod")), (1, 1));
    cluster
        .until("a Secret is left", |server| {
            server.existing("secrets").is_empty()
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_is_over_is_taken_as_it_is() {
    let cluster = Cluster::new().await;
    let counter = cluster.folder.path().join("attempts");
    let counter = counter.display();
    let script =
        format!("echo >> {counter}; n=$(wc -l < {counter}); echo attempt $((n)); [ $((n)) -eq 2 ]");
    let first = run(&cluster.engine().await, Cluster::request("job", &script))
        .await
        .unwrap();
    cluster
        .until("the job is not over", |server| {
            !server.is_running("default", "job")
        })
        .await;
    // The log of the second attempt would come before that of the first.
    let stall = Fault::Stall(When::BeforeWork, Some(Duration::from_millis(300)));
    let faults = cluster.server.faults();
    let pods = cluster.server.existing("pods");
    let failed = pods.iter().find(|pod| pod["status"]["phase"] == "Failed");
    let first_pod = failed.unwrap()["metadata"]["name"].as_str().unwrap();
    faults.plan(Match::new("get", "pods/log").named(first_pod), stall);
    let second = run(&cluster.engine().await, Cluster::request("job", &script))
        .await
        .unwrap();
    assert!(second.identity.adopted);
    assert_eq!(first.end, second.end);
    assert_eq!(second.logs, ["attempt 1\n", "attempt 2\n"]);
    assert_eq!(
        (
            cluster.ever("Job"),
            cluster.ever("Pod"),
            cluster.ever("Secret")
        ),
        (1, 2, 1)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_with_another_specification_is_a_conflict_and_is_left_alone() {
    let cluster = Cluster::new().await;
    let engine = cluster.engine().await;
    let running = start(&engine, Cluster::request("job", &script(&cluster)))
        .await
        .unwrap();
    running.logs.until("begun").await;
    let refused = run(
        &cluster.engine().await,
        Cluster::request("job", "echo other"),
    )
    .await;
    assert_eq!(refused.unwrap_err().explanation.reason, Reason::Conflict);
    go(&cluster);
    let ran = running.finish().await;
    assert_eq!(ran.end.status, JobStatus::Succeeded, "{ran:#?}");
    assert_eq!(ran.logs, ["begun\ndone\n"]);
    assert_eq!((cluster.ever("Job"), cluster.ever("Pod")), (1, 1));
}
