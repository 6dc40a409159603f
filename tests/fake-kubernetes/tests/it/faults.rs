use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use fake_kubernetes::{Fault, Hook, Match, Refusal, When};
use futures_util::io::AsyncReadExt;
use futures_util::{StreamExt, TryStreamExt};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{ListParams, LogParams, PostParams, WatchEvent, WatchParams};
use serde_json::json;
use tokio::time::timeout;

use crate::common::{Cluster, PATIENCE, client, code, shell_job};

/// Longer than an answer takes, so that its absence means something.
const A_WHILE: Duration = Duration::from_millis(300);

fn config_map(name: &str) -> ConfigMap {
    serde_json::from_value(json!({"metadata": {"name": name}})).unwrap()
}

fn creation() -> Match {
    Match::new("create", "configmaps")
}

#[tokio::test]
async fn refuses_the_request_that_was_named_and_no_other() {
    let cluster = Cluster::start().await;
    let refusal = Refusal::of_code(429, "too many").retry_after(3);
    let mut planned = cluster
        .server
        .faults()
        .plan(creation().nth(2), Fault::Refuse(When::BeforeWork, refusal));
    let create = |name| {
        let maps = cluster.config_maps();
        async move { maps.create(&PostParams::default(), &config_map(name)).await }
    };
    create("one").await.unwrap();
    let kube::Error::Api(status) = create("two").await.unwrap_err() else {
        panic!("no status")
    };
    assert_eq!(
        (status.code, status.reason.as_str()),
        (429, "TooManyRequests")
    );
    assert_eq!(status.details.unwrap().retry_after_seconds, 3);
    planned.happened().await;
    create("three").await.unwrap();
    assert_eq!(planned.matched(), 3);
    let names: Vec<_> = cluster.server.existing("configmaps");
    assert_eq!(names.len(), 2, "the refused one was made");
}

#[tokio::test]
async fn refuses_after_the_work_was_done() {
    let cluster = Cluster::start().await;
    let fault = Fault::Refuse(When::AfterWork, Refusal::of_code(504, "timed out"));
    cluster.server.faults().plan(creation().nth(1), fault);
    let maps = cluster.config_maps();
    let error = maps
        .create(&PostParams::default(), &config_map("one"))
        .await
        .unwrap_err();
    assert_eq!(code(&error), 504);
    assert!(maps.get("one").await.is_ok(), "nothing was done");
}

#[tokio::test]
async fn closes_connections_before_and_after_the_work() {
    for (when, is_done) in [(When::BeforeWork, false), (When::AfterWork, true)] {
        let cluster = Cluster::start().await;
        cluster
            .server
            .faults()
            .plan(creation().nth(1), Fault::Close(when));
        let maps = cluster.config_maps();
        let error = maps
            .create(&PostParams::default(), &config_map("one"))
            .await
            .unwrap_err();
        assert!(
            !matches!(error, kube::Error::Api(_)),
            "it was answered: {error:?}"
        );
        assert_eq!(
            maps.get_opt("one").await.unwrap().is_some(),
            is_done,
            "{when:?}"
        );
        let seen = &cluster.server.requests().all()[0];
        assert_eq!(
            (seen.summary().as_str(), seen.status),
            ("create configmaps", None)
        );
    }
}

#[tokio::test]
async fn stalls_for_a_time_or_forever() {
    let cluster = Cluster::start().await;
    let faults = cluster.server.faults();
    faults.plan(
        creation().nth(1),
        Fault::Stall(When::AfterWork, Some(A_WHILE)),
    );
    let mut forever = faults.plan(creation().nth(2), Fault::Stall(When::AfterWork, None));
    let maps = cluster.config_maps();
    let started = Instant::now();
    maps.create(&PostParams::default(), &config_map("slow"))
        .await
        .unwrap();
    assert!(started.elapsed() >= A_WHILE);
    let create = PostParams::default();
    let map = config_map("never");
    assert!(
        timeout(A_WHILE, maps.create(&create, &map)).await.is_err(),
        "it was answered"
    );
    forever.happened().await;
    assert!(maps.get("never").await.is_ok(), "the work was not done");
    // The client gave up: its request has an end, and no status.
    let requests = cluster.server.requests();
    let seen = requests
        .until(|all| all.get(1).is_some_and(|one| one.ended.is_some()))
        .await;
    assert_eq!(seen[1].status, None);
}

#[tokio::test]
async fn cuts_a_log_after_any_byte() {
    let cluster = Cluster::start().await;
    cluster.create(shell_job("cut", "printf 0123456789")).await;
    cluster.until_condition("cut", "Complete").await;
    let pod = cluster.name_of_pod("cut");
    for bytes in 0..10 {
        cluster.server.faults().clear();
        let logs = Match::new("get", "pods/log").named(&pod);
        cluster.server.faults().plan(logs, Fault::Cut { bytes });
        let stream = cluster.pods().log_stream(&pod, &LogParams::default()).await;
        let mut read = Vec::new();
        match stream {
            Ok(mut stream) => {
                stream
                    .read_to_end(&mut read)
                    .await
                    .expect_err("the end looks like an end");
            }
            Err(error) => assert!(!matches!(error, kube::Error::Api(_)), "{error:?}"),
        }
        assert!(b"0123456789".starts_with(&read), "{read:?}");
        assert!(read.len() <= bytes, "{bytes} bytes, and it gave {read:?}");
    }
    cluster.server.faults().clear();
    assert_eq!(cluster.follow(&pod).await, "0123456789");
}

#[tokio::test]
async fn silences_a_watch() {
    let cluster = Cluster::start().await;
    let maps = cluster.config_maps();
    let version = maps
        .list(&ListParams::default())
        .await
        .unwrap()
        .metadata
        .resource_version;
    let watches = Match::new("watch", "configmaps");
    cluster
        .server
        .faults()
        .plan(watches.nth(1), Fault::Silence { bytes: 0 });
    let version = version.unwrap();
    let deaf = maps.watch(&WatchParams::default(), &version).await.unwrap();
    let heard = maps.watch(&WatchParams::default(), &version).await.unwrap();
    maps.create(&PostParams::default(), &config_map("new"))
        .await
        .unwrap();
    let (mut deaf, mut heard) = (deaf.boxed(), heard.boxed());
    assert!(matches!(
        heard.try_next().await.unwrap(),
        Some(WatchEvent::Added(_))
    ));
    assert!(
        timeout(A_WHILE, deaf.try_next()).await.is_err(),
        "the silent watch says something"
    );
}

#[tokio::test]
async fn calls_a_hook_at_a_request() {
    let cluster = Cluster::start().await;
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let hook = Hook::new(move |call| {
        assert_eq!(call.full_resource(), "configmaps");
        counted.fetch_add(1, Ordering::SeqCst);
    });
    cluster
        .server
        .faults()
        .plan(Match::any().nth(2), Fault::Call(When::BeforeWork, hook));
    for _ in 0..3 {
        cluster
            .config_maps()
            .list(&ListParams::default())
            .await
            .unwrap();
    }
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn goes_down_and_comes_up_on_the_same_port() {
    let cluster = Cluster::start().await;
    let maps = cluster.config_maps();
    let version = maps
        .list(&ListParams::default())
        .await
        .unwrap()
        .metadata
        .resource_version;
    let version = version.unwrap();
    let watch = maps.watch(&WatchParams::default(), &version).await.unwrap();
    cluster.server.go_down();
    // kube takes the break of a watch for its end.
    let rest = timeout(PATIENCE, watch.collect::<Vec<_>>()).await.unwrap();
    assert!(
        rest.iter()
            .all(|event| !matches!(event, Ok(WatchEvent::Added(_))))
    );
    assert!(
        client(&cluster.server.url())
            .apiserver_version()
            .await
            .is_err()
    );
    cluster.server.come_up();
    assert!(maps.list(&ListParams::default()).await.is_ok());
}

#[tokio::test]
async fn serves_many_connections_at_once() {
    let cluster = Cluster::start().await;
    let maps = cluster.config_maps();
    let mut watches = Vec::new();
    for _ in 0..200 {
        watches.push(
            maps.watch(&WatchParams::default(), "0")
                .await
                .unwrap()
                .boxed(),
        );
    }
    maps.create(&PostParams::default(), &config_map("new"))
        .await
        .unwrap();
    for watch in watches {
        let added =
            watch.try_filter(|event| std::future::ready(!matches!(event, WatchEvent::Bookmark(_))));
        let first = timeout(PATIENCE, added.boxed().try_next()).await.unwrap();
        assert!(matches!(first.unwrap(), Some(WatchEvent::Added(_))));
    }
    cluster.server.requests().until_seen(201).await;
}
