use std::time::Duration;

use super::client::ClusterSettings;
use crate::backend::controller::DEFAULT_BACKOFF_BASE;

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
}

impl Default for KubernetesSettings {
    fn default() -> Self {
        Self {
            cluster: ClusterSettings::default(),
            namespace: None,
            backoff_base: DEFAULT_BACKOFF_BASE,
        }
    }
}
