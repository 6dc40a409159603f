use fake_kubernetes::{Fault, FaultProxy, Match, When};
use futures_util::{StreamExt, TryStreamExt};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Api, DeleteParams, PostParams, WatchEvent, WatchParams};
use serde_json::json;

use crate::common::{Cluster, client};

#[tokio::test]
async fn carries_requests_and_breaks_those_that_were_named() {
    let cluster = Cluster::start().await;
    let proxy = FaultProxy::start_with(&cluster.server.kubeconfig("default"))
        .await
        .unwrap();
    let maps: Api<ConfigMap> = Api::namespaced(client(&proxy.url()), "default");
    let watch = maps.watch(&WatchParams::default(), "0").await.unwrap();
    proxy.faults().plan(
        Match::new("create", "configmaps").nth(1),
        Fault::Close(When::AfterWork),
    );
    let map = serde_json::from_value(json!({"metadata": {"name": "m"}})).unwrap();
    maps.create(&PostParams::default(), &map).await.unwrap_err();
    let seen = watch.boxed().try_next().await.unwrap();
    assert!(matches!(seen, Some(WatchEvent::Added(_))), "{seen:?}");
    let error = maps.create(&PostParams::default(), &map).await.unwrap_err();
    assert!(error.to_string().contains("already exists"), "{error}");
    let carried: Vec<_> = proxy
        .requests()
        .all()
        .iter()
        .map(|one| (one.summary(), one.status))
        .collect();
    let create = "create configmaps".to_owned();
    let watch = "watch configmaps".to_owned();
    assert_eq!(
        carried,
        [
            (watch, Some(200)),
            (create.clone(), None),
            (create, Some(409))
        ]
    );
}

#[tokio::test]
async fn trusts_no_server_without_its_authority() {
    let kubeconfig = json!({
        "current-context": "a",
        "contexts": [{"name": "a", "context": {"cluster": "a", "user": "a"}}],
        "clusters": [{"name": "a", "cluster": {"server": "https://127.0.0.1:1"}}],
        "users": [{"name": "a", "user": {"token": "t"}}],
    });
    let error = FaultProxy::start_with(&kubeconfig.to_string())
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains("certificate authority"),
        "{error}"
    );
}

/// Needs a real cluster, whose kubeconfig is `$FAKE_KUBERNETES_UPSTREAM`, and creates and deletes one
/// config map in its namespace `default`.
#[tokio::test]
#[ignore = "needs a real cluster"]
async fn carries_requests_to_a_real_server() {
    let upstream = std::env::var_os("FAKE_KUBERNETES_UPSTREAM").unwrap();
    let proxy = FaultProxy::start(upstream.as_ref()).await.unwrap();
    let maps: Api<ConfigMap> = Api::namespaced(client(&proxy.url()), "default");
    let name = format!("fault-proxy-{}", std::process::id());
    let after_work = Fault::Close(When::AfterWork);
    proxy
        .faults()
        .plan(Match::new("create", "configmaps").nth(1), after_work);
    let map = serde_json::from_value(json!({"metadata": {"name": name}})).unwrap();
    maps.create(&PostParams::default(), &map).await.unwrap_err();
    let made = maps.get(&name).await;
    let parameters = WatchParams::default().fields(&format!("metadata.name={name}"));
    let watch = maps.watch(&parameters, "0").await.unwrap();
    let seen = watch.boxed().try_next().await;
    maps.delete(&name, &DeleteParams::default()).await.unwrap();
    assert!(made.is_ok(), "the work was not done: {made:?}");
    assert!(matches!(seen, Ok(Some(WatchEvent::Added(_)))), "{seen:?}");
    assert_eq!(proxy.requests().all().len(), 4);
}
