use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use toolhost_capability::controller::DEFAULT_BACKOFF_BASE;

use super::policy::Policy;

/// Longer than an API server takes to restart, and no longer than users wait before they ask.
const SILENCE: Duration = Duration::from_secs(30);

/// As long as proxies commonly take to drain (Istio's: 5 s), and much less than users wait for a script that has ended.
const SIDECAR_GRACE: Duration = Duration::from_secs(10);

/// How long a server may take for one request: what it completes within its own minute (`--request-timeout`) mostly
/// takes less than a second, and a webhook has 10 of them by default.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// Settings of a [`KubernetesEngine`](super::KubernetesEngine).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct KubernetesSettings {
    /// Where the cluster is.
    pub cluster: ClusterSettings,
    /// The namespace of a job that names none.
    pub namespace: Option<String>,
    /// The delay after the first failure, as in the cluster's Job controller: 10 s. It is reported, not set; change it
    /// for a cluster with other rules.
    pub backoff_base: Duration,
    /// How long no event may be received from the cluster before that is reported to those who wait for a job. A
    /// control plane that is being upgraded is unavailable for seconds; the job continues meanwhile.
    pub silence: Duration,
    /// What jobs may request from the cluster: little by default.
    pub policy: Arc<Policy>,
    /// How long other containers of a pod may run after the script's has ended. An ordinary sidecar, as opposed to an
    /// init container with `restartPolicy: Always`, keeps its pod, and therefore its job, for as long as it runs: after
    /// this time, the script's end is the end of the attempt, and the pod is ended.
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

/// The address of the cluster, and the credentials for it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ClusterSettings {
    /// The kubeconfig; without it `KUBECONFIG`, the user's own, or the service account of the pod that this host runs
    /// in.
    pub kubeconfig: Option<PathBuf>,
    /// The kubeconfig's context; without it the current one.
    pub context: Option<String>,
    /// A server address that replaces that of the configuration.
    pub server: Option<String>,
    /// How long the server may take for one request before it is retried; for watches and logs, until the answer
    /// begins.
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
