use std::panic::AssertUnwindSafe;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::FutureExt as _;
use serde_json::json;
use toolhost::capability::conformance::jobs::{self, Behaviour, Harness, Timing, shell_request};
use toolhost::capability::{JobRequest, JobRunner, Reason};
use toolhost_kubernetes::KubernetesEngine;

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
        let behaviour = &match behaviour {
            // containerd itself loses what a container wrote just before its end where that is a flood: the
            // node's own file lacks it. And the kubelet serves nothing of a file that was rotated away before its
            // log was asked for. So it stays for a moment before and after.
            Behaviour::PrintBytes(_) => {
                let stay = Behaviour::Sleep(Duration::from_secs(3));
                Behaviour::Sequence(vec![stay.clone(), behaviour.clone(), stay])
            }
            other => other.clone(),
        };
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

    async fn waiting_request(&self, case: &str) -> Option<(JobRequest, Reason)> {
        let mut request = self.request(case, &Behaviour::Exit(0)).await;
        request.requests.insert("cpu".to_owned(), "640".to_owned());
        Some((request, Reason::Unschedulable))
    }

    async fn is_running(&self, name: &str) -> bool {
        let pods = self.place.pods(name).await;
        pods.values()
            .any(|phase| phase == "Running" || phase == "Pending")
    }
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
    /// Runs the cases at once, since most of the time of each is spent waiting for the cluster, and says which
    /// were not met.
    macro_rules! at_once {
        ($($case:ident),+ $(,)?) => {{
            let results = tokio::join!($(async {
                let case = AssertUnwindSafe(jobs::$case(&cluster)).catch_unwind();
                (stringify!($case), case.await.is_ok())
            }),+);
            let ($($case),+) = results;
            [$($case),+]
        }};
    }
    let results = toolhost::capability::for_each_conformance_case!(at_once).into_iter();
    let unmet: Vec<_> = results.filter(|(_, is_met)| !is_met).collect();
    assert!(unmet.is_empty(), "{unmet:?}");
    cluster.place.delete().await;
}
