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

suite!(
    succeeds,
    retries_until_it_succeeds,
    gives_up_at_the_backoff_limit,
    counts_the_deadline_over_all_attempts,
    tells_when_memory_was_not_enough,
    keeps_logs_complete,
    passes_the_environment,
    passes_an_empty_object_without_arguments,
    passes_arguments_byte_for_byte,
    passes_large_arguments_in_a_file,
    cancels_a_running_job,
    cancels_a_job_that_ignores_it,
    cancels_during_the_backoff,
    changes_nothing_when_cancelled_after_the_end,
    ends_a_job_whose_handle_was_dropped,
    ends_a_job_whose_creation_was_dropped,
    refuses_a_name_that_is_taken,
    refuses_an_unknown_option,
    refuses_what_makes_no_sense,
);
