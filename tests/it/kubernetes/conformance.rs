use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use fake_kubernetes::{Play, PlayedPod};
use serde_json::json;
use toolhost::capability::conformance::jobs::{self, Behaviour, Harness, Timing, shell_request};
use toolhost::capability::{JobRequest, JobRunner, Reason};
use toolhost_kubernetes::KubernetesEngine;

use super::{BACKOFF_BASE, Cluster, NAMESPACE, PATIENCE};

/// Prefix of the names of jobs that no node has capacity for.
const WAITING: &str = "waits-";
const NO_CAPACITY: &str = "0/1 nodes are available: 1 Insufficient cpu. preemption: not helpful.";

struct Suite {
    cluster: Cluster,
    engine: KubernetesEngine,
}

impl Suite {
    async fn new() -> Self {
        let play = |pod: &PlayedPod<'_>| match pod.job {
            job if job.starts_with(WAITING) => Play::unschedulable(NO_CAPACITY),
            _ => Play::Processes,
        };
        let cluster = Cluster::with(|settings| settings.playwright = Some(Arc::new(play))).await;
        let engine = cluster.engine().await;
        Self { cluster, engine }
    }
}

#[async_trait]
impl Harness for Suite {
    fn runner(&self) -> &dyn JobRunner {
        &self.engine
    }

    fn timing(&self) -> Timing {
        Timing {
            patience: PATIENCE,
            // A deadline is a whole number of seconds.
            unit: Duration::from_secs(1),
            first_backoff: BACKOFF_BASE,
            long_backoff: BACKOFF_BASE * 64,
        }
    }

    async fn request(&self, case: &str, behaviour: &Behaviour) -> JobRequest {
        let counter = self.cluster.folder.path().join(case);
        let counter = counter.display();
        let count = format!("echo >> {counter}; wc -l < {counter}");
        let mut request = shell_request(case, behaviour, &count);
        request
            .options
            .insert("image".to_owned(), json!("busybox:1"));
        request
    }

    async fn waiting_request(&self, case: &str) -> Option<(JobRequest, Reason)> {
        assert!(case.starts_with(WAITING), "{case}");
        Some((Cluster::request(case, "true"), Reason::Unschedulable))
    }

    async fn is_running(&self, name: &str) -> bool {
        self.cluster.server.is_running(NAMESPACE, name)
    }
}

macro_rules! suite {
    ($($case:ident),+ $(,)?) => {$(
        #[tokio::test(flavor = "multi_thread")]
        async fn $case() {
            jobs::$case(&Suite::new().await).await;
        }
    )+};
}

toolhost::capability::for_each_conformance_case!(suite);
