use std::time::Duration;

use fake_kubernetes::{Play, Step};
use futures_util::TryStreamExt;
use futures_util::io::AsyncBufReadExt;
use kube::api::LogParams;

use crate::common::{Cluster, code, shell_job};

#[tokio::test]
async fn reads_logs_as_a_kubelet_does() {
    let cluster = Cluster::start().await;
    cluster
        .create(shell_job("log", "echo one; echo two; printf three"))
        .await;
    cluster.until_condition("log", "Complete").await;
    let pod = cluster.name_of_pod("log");
    let read = |parameters: LogParams| {
        let (pods, pod) = (cluster.pods(), pod.clone());
        async move { pods.logs(&pod, &parameters).await }
    };
    let tail = LogParams {
        tail_lines: Some(2),
        ..LogParams::default()
    };
    assert_eq!(read(tail).await.unwrap(), "two\nthree");
    let limited = LogParams {
        limit_bytes: Some(5),
        ..LogParams::default()
    };
    assert_eq!(read(limited).await.unwrap(), "one\nt");
    let stamped = LogParams {
        timestamps: true,
        ..LogParams::default()
    };
    let log = read(stamped).await.unwrap();
    for (line, expected) in log.lines().zip(["one", "two", "three"]) {
        let (stamp, text) = line.split_once(' ').unwrap();
        assert_eq!(
            (text, stamp.len()),
            (expected, "2026-01-01T00:00:00.000000000Z".len()),
            "{line}"
        );
    }
    let late = LogParams {
        since_time: Some("2100-01-01T00:00:00Z".parse().unwrap()),
        ..LogParams::default()
    };
    assert_eq!(read(late).await.unwrap(), "");
    let other = LogParams {
        container: Some("other".to_owned()),
        ..LogParams::default()
    };
    assert_eq!(code(&read(other).await.unwrap_err()), 400);
}

#[tokio::test]
async fn returns_the_newest_file_of_a_log_that_was_rotated() {
    let cluster = Cluster::with(|settings| settings.log_file_bytes = Some(16)).await;
    cluster
        .create(shell_job(
            "rotated",
            "for i in 1 2 3 4 5; do echo line-$i; done",
        ))
        .await;
    cluster.until_condition("rotated", "Complete").await;
    let pod = cluster.name_of_pod("rotated");
    assert_eq!(cluster.follow(&pod).await, "line-4\nline-5\n");
}

#[tokio::test]
async fn keeps_every_byte_of_a_big_log() {
    const BYTES: usize = (3 << 20) + 7;
    let cluster = Cluster::start().await;
    cluster
        .create(shell_job(
            "big",
            &format!("yes 0123456789abcde | head -c {BYTES}"),
        ))
        .await;
    cluster
        .until(|server| {
            server
                .existing("pods")
                .iter()
                .any(|pod| pod["status"]["phase"] != "Pending")
        })
        .await;
    let log = cluster.follow(&cluster.name_of_pod("big")).await;
    let expected: Vec<u8> = b"0123456789abcde\n"
        .iter()
        .copied()
        .cycle()
        .take(BYTES)
        .collect();
    assert_eq!(log.len(), BYTES);
    assert!(log.as_bytes() == expected, "the log has other bytes");
}

#[tokio::test]
async fn goes_back_in_time_and_follows_until_the_end() {
    let early = "2026-01-01T00:00:00.5Z".parse().unwrap();
    let steps = vec![
        Step::Schedule,
        Step::Start,
        Step::Log("now\n".to_owned()),
        Step::LogAt(early, "before\n".to_owned()),
        Step::Wait(Duration::from_hours(1)),
    ];
    let cluster = Cluster::with(|settings| {
        settings.playwright = Some(std::sync::Arc::new(move |_| Play::Steps(steps.clone())));
    })
    .await;
    let mut job = shell_job("clock", "");
    job["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] = 0.into();
    cluster.create(job).await;
    cluster
        .until(|server| {
            server
                .existing("pods")
                .iter()
                .any(|pod| pod["status"]["phase"] == "Running")
        })
        .await;
    let parameters = LogParams {
        follow: true,
        timestamps: true,
        ..LogParams::default()
    };
    let pod = cluster.name_of_pod("clock");
    let mut log = cluster
        .pods()
        .log_stream(&pod, &parameters)
        .await
        .unwrap()
        .lines();
    let now = log.try_next().await.unwrap().unwrap();
    assert!(now.ends_with("Z now"), "{now}");
    let before = log.try_next().await.unwrap().unwrap();
    assert_eq!(before, "2026-01-01T00:00:00.500000000Z before");
    cluster
        .pods()
        .delete(&pod, &kube::api::DeleteParams::default())
        .await
        .unwrap();
    assert_eq!(log.try_next().await.unwrap(), None);
}
