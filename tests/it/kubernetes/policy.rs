//! What the policy of a host keeps from a cluster.

use std::sync::Arc;

use serde_json::json;
use toolhost::backend::kubernetes::{KubernetesEngine, Policy};
use toolhost::capability::{JobStatus, Reason};

use super::{Cluster, run};

#[tokio::test(flavor = "multi_thread")]
async fn the_library_denies_by_default_and_before_any_request() {
    let cluster = Cluster::new().await;
    let engine = cluster.engine().await;
    let mut request = Cluster::request("job", "true");
    let volumes = json!([{"name": "node", "hostPath": {"path": "/"}}]);
    request.options.insert("volumes".to_owned(), volumes);
    let error = run(&engine, request.clone()).await.unwrap_err();
    assert_eq!(error.reason, Reason::Denied);
    assert_eq!(error.field.as_deref(), Some("job.volumes[0].hostPath.path"));
    assert!(cluster.server.requests().all().is_empty());

    let mut settings = cluster.settings();
    settings.policy = Arc::new(Policy::open());
    let engine = KubernetesEngine::new(settings).await.unwrap();
    let ran = run(&engine, request).await.unwrap();
    assert_eq!(ran.end.status, JobStatus::Succeeded);
}
