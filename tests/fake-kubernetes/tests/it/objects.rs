use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Secret};
use kube::api::{Api, ListParams, PostParams};
use serde_json::json;

use crate::common::{Cluster, code, shell_job};

pub(crate) fn config_map(name: &str, labels: &serde_json::Value) -> ConfigMap {
    let map = json!({"metadata": {"name": name, "labels": labels}, "data": {"a": "b"}});
    serde_json::from_value(map).unwrap()
}

#[tokio::test]
async fn refuses_what_the_api_server_refuses() {
    let cluster = Cluster::start().await;
    let create = PostParams::default();
    let map = config_map("taken", &json!({}));
    cluster.config_maps().create(&create, &map).await.unwrap();

    let error = cluster
        .config_maps()
        .create(&create, &map)
        .await
        .unwrap_err();
    assert_eq!(code(&error), 409);
    assert!(
        error
            .to_string()
            .contains("configmaps \"taken\" already exists"),
        "{error}"
    );

    let bad = config_map("Not_a_name", &json!({}));
    let error = cluster
        .config_maps()
        .create(&create, &bad)
        .await
        .unwrap_err();
    let kube::Error::Api(status) = error else {
        panic!("{error:?}")
    };
    assert_eq!((status.code, status.reason.as_str()), (422, "Invalid"));
    assert_eq!(status.details.unwrap().causes[0].field, "metadata.name");

    let elsewhere: Api<ConfigMap> = Api::namespaced(cluster.client.clone(), "nowhere");
    let error = elsewhere.create(&create, &map).await.unwrap_err();
    assert_eq!(code(&error), 404);
    assert!(
        error
            .to_string()
            .contains("namespaces \"nowhere\" not found"),
        "{error}"
    );

    let error = cluster.secrets().get("none").await.unwrap_err();
    assert!(
        error.to_string().contains("secrets \"none\" not found"),
        "{error}"
    );

    let mut job = shell_job("no-policy", "exit 0");
    job["spec"]["template"]["spec"]["restartPolicy"] = "Always".into();
    let job = serde_json::from_value(job).unwrap();
    assert_eq!(
        code(&cluster.jobs().create(&create, &job).await.unwrap_err()),
        422
    );
    let mut job = shell_job("no-quantity", "exit 0");
    job["spec"]["template"]["spec"]["containers"][0]["resources"] =
        json!({"limits": {"memory": "1GB"}});
    let job = serde_json::from_value(job).unwrap();
    let error = cluster.jobs().create(&create, &job).await.unwrap_err();
    assert_eq!(code(&error), 400);
    assert!(
        error.to_string().contains("quantities must match"),
        "{error}"
    );
    assert!(cluster.server.existing("jobs").is_empty());
}

#[tokio::test]
async fn keeps_nothing_of_a_dry_run() {
    let cluster = Cluster::start().await;
    let create = PostParams {
        dry_run: true,
        field_manager: None,
    };
    cluster
        .config_maps()
        .create(&create, &config_map("dry", &json!({})))
        .await
        .unwrap();
    assert!(cluster.server.existing("configmaps").is_empty());
}

#[tokio::test]
async fn forbids_in_the_words_of_rbac() {
    let cluster = Cluster::start().await;
    cluster.server.deny("patch", "jobs");
    let patch = json!({"spec": {"suspend": false}});
    let patch = kube::api::Patch::Merge(&patch);
    let error = cluster
        .jobs()
        .patch("x", &kube::api::PatchParams::default(), &patch)
        .await
        .unwrap_err();
    assert_eq!(code(&error), 403);
    let wanted = "jobs.batch \"x\" is forbidden: User \"system:serviceaccount:test:toolhost\" cannot patch resource \
                  \"jobs\" in API group \"batch\" in the namespace \"default\"";
    assert!(error.to_string().contains(wanted), "{error}");
}

#[tokio::test]
async fn lists_by_labels_fields_and_pages() {
    let cluster = Cluster::start().await;
    for (name, app) in [("a", "one"), ("b", "two"), ("c", "one"), ("d", "three")] {
        let map = config_map(name, &json!({"app": app}));
        cluster
            .config_maps()
            .create(&PostParams::default(), &map)
            .await
            .unwrap();
    }
    let names = |parameters: ListParams| {
        let maps = cluster.config_maps();
        async move {
            let list = maps.list(&parameters).await.unwrap();
            let next = list.metadata.continue_;
            let names: Vec<String> = list
                .items
                .into_iter()
                .map(|map| map.metadata.name.unwrap())
                .collect();
            (names, next)
        }
    };
    for (selector, expected) in [
        ("app=one", vec!["a", "c"]),
        ("app in (two, three)", vec!["b", "d"]),
        ("app notin (one),app", vec!["b", "d"]),
        ("!app", vec![]),
        ("app!=two", vec!["a", "c", "d"]),
    ] {
        assert_eq!(
            names(ListParams::default().labels(selector)).await.0,
            expected,
            "{selector}"
        );
    }
    assert_eq!(
        names(ListParams::default().fields("metadata.name=d"))
            .await
            .0,
        ["d"]
    );
    let (first, next) = names(ListParams::default().limit(3)).await;
    assert_eq!(first, ["a", "b", "c"]);
    let token = next.unwrap();
    let (rest, next) = names(ListParams::default().limit(3).continue_token(&token)).await;
    assert_eq!(
        (rest, next.unwrap_or_default()),
        (vec!["d".to_owned()], String::new())
    );
    cluster.server.compact();
    let stale = ListParams::default().limit(3).continue_token(&token);
    let error = cluster.config_maps().list(&stale).await.unwrap_err();
    assert_eq!(code(&error), 410);
}

#[tokio::test]
async fn knows_versions_and_groups() {
    let cluster = Cluster::start().await;
    assert_eq!(
        cluster.client.apiserver_version().await.unwrap().minor,
        "34"
    );
    let groups = cluster.client.list_api_groups().await.unwrap();
    assert_eq!(groups.groups[0].name, "batch");
    let resources = cluster
        .client
        .list_api_group_resources("batch/v1")
        .await
        .unwrap();
    assert_eq!(resources.resources[0].name, "jobs");
    let namespaces: Api<Namespace> = Api::all(cluster.client.clone());
    assert!(namespaces.get("default").await.is_ok());
}

#[tokio::test]
async fn returns_metadata_alone_and_watches_no_secrets() {
    let cluster = Cluster::start().await;
    let secret =
        json!({"metadata": {"name": "s"}, "stringData": {"a": "hidden"}, "immutable": true});
    let secret: Secret = serde_json::from_value(secret).unwrap();
    cluster
        .secrets()
        .create(&PostParams::default(), &secret)
        .await
        .unwrap();
    let metadata = cluster.secrets().get_metadata("s").await.unwrap();
    assert_eq!(metadata.metadata.name.as_deref(), Some("s"));
    let patch = json!({"data": {"a": "b3Blbg=="}});
    let patch = kube::api::Patch::Merge(&patch);
    let error = cluster
        .secrets()
        .patch("s", &kube::api::PatchParams::default(), &patch)
        .await
        .unwrap_err();
    assert_eq!(code(&error), 422);
    let stored = cluster.server.objects();
    assert!(
        stored
            .iter()
            .any(|object| object["data"]["a"] == "aGlkZGVu")
    );
}
