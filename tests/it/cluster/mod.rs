//! The engine `kubernetes` on a real cluster.
//!
//! These tests are ignored unless they are asked for: they need a cluster that they may make namespaces on,
//! by `TOOLHOST_TEST_KUBECONFIG`, whose nodes have the images `busybox:1`, `python:3.11-slim`,
//! `debian:bookworm-slim` and `postgres:15-alpine`, and whose pods reach this machine at
//! `TOOLHOST_TEST_HOST_IP` (10.88.0.1 where it is not set). `kubectl` is taken from the search path. What requests
//! were made is read from the API server's audit log, at `TOOLHOST_TEST_AUDIT_LOG`; without it, the tests say what
//! they leave out.
//!
//! ```sh
//! cargo test -p toolhost-cli --test it cluster:: -- --ignored
//! ```

mod admission;
mod audit;
mod command_line;
mod conformance;
mod counter;
mod disruption;
mod gate;
mod kills;
mod python;
mod queue;
mod rights;
mod secrets;
mod specification;
mod step;
mod waiting;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use k8s_openapi::api::core::v1::{Namespace, Pod};
use kube::api::{Api, DeleteParams, ListParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use toolhost_kubernetes::{KubernetesEngine, KubernetesSettings, Policy};

/// Where the cluster of the tests is.
fn kubeconfig() -> PathBuf {
    let path = std::env::var_os("TOOLHOST_TEST_KUBECONFIG");
    PathBuf::from(path.expect("set TOOLHOST_TEST_KUBECONFIG to the kubeconfig of a cluster"))
}

/// Where pods reach this machine.
fn host_ip() -> String {
    std::env::var("TOOLHOST_TEST_HOST_IP").unwrap_or_else(|_| "10.88.0.1".to_owned())
}

/// A namespace of one test, deleted at its end.
struct Place {
    client: Client,
    namespace: String,
}

impl Place {
    async fn new(prefix: &str) -> Self {
        let kubeconfig = Kubeconfig::read_from(kubeconfig()).unwrap();
        let options = KubeConfigOptions::default();
        let config = Config::from_custom_kubeconfig(kubeconfig, &options)
            .await
            .unwrap();
        let client = Client::try_from(config).unwrap();
        let nanoseconds = jiff::Timestamp::now().as_nanosecond();
        let namespace = format!("{prefix}-{:x}", nanoseconds & 0xffff_ffff);
        let mut object = Namespace::default();
        object.metadata.name = Some(namespace.clone());
        let namespaces: Api<Namespace> = Api::all(client.clone());
        namespaces
            .create(&PostParams::default(), &object)
            .await
            .unwrap();
        Self { client, namespace }
    }

    async fn engine(&self) -> KubernetesEngine {
        let mut settings = KubernetesSettings::default();
        settings.cluster.kubeconfig = Some(kubeconfig());
        // The namespace is that of a test, which no default knows.
        settings.policy = Arc::new(Policy::open());
        KubernetesEngine::new(settings).await.unwrap()
    }

    /// The pods of a job and their phases.
    async fn pods(&self, job: &str) -> BTreeMap<String, String> {
        let pods: Api<Pod> = Api::namespaced(self.client.clone(), &self.namespace);
        let selector = ListParams::default().labels(&format!("batch.kubernetes.io/job-name={job}"));
        let pods = pods.list(&selector).await.unwrap();
        let phase = |pod: Pod| {
            let name = pod.metadata.name.unwrap();
            (
                name,
                pod.status
                    .and_then(|status| status.phase)
                    .unwrap_or_default(),
            )
        };
        pods.into_iter().map(phase).collect()
    }

    async fn delete(self) {
        let namespaces: Api<Namespace> = Api::all(self.client.clone());
        namespaces
            .delete(&self.namespace, &DeleteParams::default())
            .await
            .unwrap();
    }
}
