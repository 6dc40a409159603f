use std::panic::AssertUnwindSafe;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::FutureExt as _;
use serde_json::json;
use toolhost::backend::conformance::{self, Behaviour, Harness, Timing, shell_request};
use toolhost::backend::kubernetes::KubernetesEngine;
use toolhost::capability::{JobRequest, JobRunner};

use super::counter::Counter;
use super::{Place, host_ip};

struct Cluster {
    place: Place,
    engine: KubernetesEngine,
    counter: Counter,
}

#[async_trait]
impl Harness for Cluster {
    fn runner(&self) -> &dyn JobRunner {
        &self.engine
    }

    fn timing(&self) -> Timing {
        Timing {
            patience: Duration::from_mins(4),
            unit: Duration::from_secs(4),
            first_backoff: Duration::from_secs(10),
            long_backoff: Duration::from_secs(10),
        }
    }

    async fn request(&self, case: &str, behaviour: &Behaviour) -> JobRequest {
        let (address, port) = (host_ip(), self.counter.port());
        let count = format!("wget -qO- http://{address}:{port}/{case}");
        let mut request = shell_request(case, behaviour, &count);
        request
            .options
            .insert("image".to_owned(), json!("busybox:1"));
        request
            .options
            .insert("namespace".to_owned(), json!(self.place.namespace));
        request
    }

    async fn is_running(&self, name: &str) -> bool {
        let pods = self.place.pods(name).await;
        pods.values()
            .any(|phase| phase == "Running" || phase == "Pending")
    }
}

/// Runs the cases at once, since most of the time of each is spent waiting for the cluster, and says which
/// were not met.
macro_rules! at_once {
    ($harness:expr, $($case:ident),+ $(,)?) => {{
        let results = tokio::join!($(async {
            let case = AssertUnwindSafe(conformance::$case($harness)).catch_unwind();
            case.await.is_ok()
        }),+);
        let ($($case),+) = results;
        let results = [$((stringify!($case), $case)),+];
        let unmet = results.into_iter().filter(|(_, is_met)| !is_met).map(|(case, _)| case);
        unmet.collect::<Vec<_>>()
    }};
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a cluster: TOOLHOST_TEST_KUBECONFIG"]
async fn a_real_cluster_passes_the_conformance_suite() {
    let place = Place::new("conformance").await;
    let engine = place.engine().await;
    let cluster = Cluster {
        place,
        engine,
        counter: Counter::start().await,
    };
    let unmet = at_once!(
        &cluster,
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
    assert!(unmet.is_empty(), "{unmet:?}");
    cluster.place.delete().await;
}
