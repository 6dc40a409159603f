use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use toolhost_capability::controller::DEFAULT_BACKOFF_BASE;

use super::policy::Policy;

/// Longer than an API server takes to start anew, and no longer than a person waits before asking.
const SILENCE: Duration = Duration::from_secs(30);

/// As long as proxies commonly take to drain (Istio's: 5 s), and much less than a person waits for a script that is over.
const SIDECAR_GRACE: Duration = Duration::from_secs(10);

/// How long a server may take for one request: what it does within its own minute
/// (`--request-timeout`) is mostly done within a second, and a webhook has 10 of them by default.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// How a [`KubernetesEngine`](super::KubernetesEngine) works.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct KubernetesSettings {
    /// Where the cluster is.
    pub cluster: ClusterSettings,
    /// The namespace of a job that names none.
    pub namespace: Option<String>,
    /// The delay after the first failure, as the cluster's Job controller has it: 10 s. It is told, not
    /// set; change it for a cluster with other rules.
    pub backoff_base: Duration,
    /// How long nothing may be heard of the cluster before whoever waits for a job is told so. A control plane that is
    /// being upgraded is away for seconds; the job goes on meanwhile.
    pub silence: Duration,
    /// What jobs may ask the cluster for: little, unless you say otherwise.
    pub policy: Arc<Policy>,
    /// How long other containers of a pod may run after the script's has ended. An ordinary sidecar, which is no init
    /// container with `restartPolicy: Always`, keeps its pod, and so its job, for as long as it runs: after this, the
    /// script's end is the end of the attempt, and the pod is ended.
    pub sidecar_grace: Duration,
}

impl Default for KubernetesSettings {
    fn default() -> Self {
        Self {
            cluster: ClusterSettings::default(),
            namespace: None,
            backoff_base: DEFAULT_BACKOFF_BASE,
            silence: SILENCE,
            policy: Arc::default(),
            sidecar_grace: SIDECAR_GRACE,
        }
    }
}

/// Where the cluster is and who asks.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ClusterSettings {
    /// The kubeconfig; without it `KUBECONFIG`, the user's own, or the service account of the pod that
    /// this host runs in.
    pub kubeconfig: Option<PathBuf>,
    /// The kubeconfig's context; without it the current one.
    pub context: Option<String>,
    /// Another address of the server than the configuration has.
    pub server: Option<String>,
    /// How long the server may take for one request before it is made again; watches and logs for their
    /// beginning.
    pub request_timeout: Duration,
}

impl Default for ClusterSettings {
    fn default() -> Self {
        Self {
            kubeconfig: None,
            context: None,
            server: None,
            request_timeout: REQUEST_TIMEOUT,
        }
    }
}
