use futures_util::{StreamExt, TryStreamExt};
use kube::api::{ListParams, PostParams, WatchEvent, WatchParams};
use serde_json::json;

use crate::common::{Cluster, code};
use crate::objects::config_map;

#[tokio::test]
async fn tells_a_watch_what_changes_for_it() {
    let cluster = Cluster::start().await;
    let maps = cluster.config_maps();
    let version = maps
        .list(&ListParams::default())
        .await
        .unwrap()
        .metadata
        .resource_version
        .unwrap();
    let watch = maps
        .watch(&WatchParams::default().labels("app=one"), &version)
        .await
        .unwrap();
    let mut watch = watch.boxed();
    maps.create(
        &PostParams::default(),
        &config_map("other", &json!({"app": "two"})),
    )
    .await
    .unwrap();
    maps.create(
        &PostParams::default(),
        &config_map("mine", &json!({"app": "one"})),
    )
    .await
    .unwrap();
    let Some(WatchEvent::Added(map)) = watch.try_next().await.unwrap() else {
        panic!("not added")
    };
    assert_eq!(map.metadata.name.as_deref(), Some("mine"));
    let Some(WatchEvent::Bookmark(mark)) = watch.try_next().await.unwrap() else {
        panic!("no bookmark")
    };
    assert_eq!(
        Some(mark.metadata.resource_version),
        map.metadata.resource_version
    );
    let patch = json!({"metadata": {"labels": {"app": "two"}}});
    let patch = kube::api::Patch::Merge(&patch);
    maps.patch("mine", &kube::api::PatchParams::default(), &patch)
        .await
        .unwrap();
    let Some(WatchEvent::Deleted(_)) = watch.try_next().await.unwrap() else {
        panic!("not deleted")
    };

    cluster.server.expire_watches();
    let Some(WatchEvent::Error(error)) = watch.try_next().await.unwrap() else {
        panic!("no error")
    };
    assert_eq!((error.code, error.reason.as_str()), (410, "Expired"));
    assert!(
        watch.try_next().await.unwrap().is_none(),
        "the watch goes on"
    );
    let late = maps.watch(&WatchParams::default(), &version).await.unwrap();
    let Some(WatchEvent::Error(error)) = late.boxed().try_next().await.unwrap() else {
        panic!("it was not refused")
    };
    assert!(
        error.message.starts_with("too old resource version"),
        "{error:?}"
    );
}

#[tokio::test]
async fn begins_a_watch_with_a_list_where_it_may() {
    for (has_watch_lists, expected) in [(true, vec!["ADDED", "BOOKMARK"]), (false, vec![])] {
        let cluster = Cluster::with(|settings| settings.has_watch_lists = has_watch_lists).await;
        let maps = cluster.config_maps();
        maps.create(&PostParams::default(), &config_map("a", &json!({})))
            .await
            .unwrap();
        let parameters = WatchParams::default().initial_events();
        let watch = match maps.watch(&parameters, "0").await {
            Ok(watch) => watch,
            Err(error) => {
                assert_eq!((code(&error), has_watch_lists), (422, false));
                continue;
            }
        };
        let events: Vec<_> = watch.take(expected.len()).try_collect().await.unwrap();
        let events: Vec<&str> = events
            .iter()
            .map(|event| match event {
                WatchEvent::Added(_) => "ADDED",
                WatchEvent::Bookmark(mark) => {
                    assert_eq!(
                        mark.metadata.annotations["k8s.io/initial-events-end"],
                        "true"
                    );
                    "BOOKMARK"
                }
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(events, expected);
    }
}
