use std::time::Duration;

use async_trait::async_trait;
use serde_json::json;
use toolhost::backend::conformance::{self, Behaviour, Harness, Timing, shell_request};
use toolhost::backend::kubernetes::KubernetesEngine;
use toolhost::capability::{JobRequest, JobRunner};

use super::{BACKOFF_BASE, Cluster, NAMESPACE, PATIENCE};

struct Suite {
    cluster: Cluster,
    engine: KubernetesEngine,
}

impl Suite {
    async fn new() -> Self {
        let cluster = Cluster::new().await;
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

    async fn is_running(&self, name: &str) -> bool {
        self.cluster.server.is_running(NAMESPACE, name)
    }
}

macro_rules! suite {
    ($($case:ident),+ $(,)?) => {$(
        #[tokio::test(flavor = "multi_thread")]
        async fn $case() {
            conformance::$case(&Suite::new().await).await;
        }
    )+};
}

toolhost::for_each_conformance_case!(suite);
