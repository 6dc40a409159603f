use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use toolhost_capability::{CapabilityError, JobHandle, JobRequest, JobRunner, LogSink, Reason};

use super::client::Connection;
use super::cluster::Cluster;
use super::create::Creation;
use super::kubeconfig::ConnectError;
use super::manifest::{Manifest, ManifestSettings};
use super::settings::KubernetesSettings;
use super::transport::Transport;

/// The engine `kubernetes`: see the [module](super).
///
/// Dropping it ends its jobs, as long as its runtime still runs.
pub struct KubernetesEngine {
    cluster: Arc<Cluster>,
    manifests: ManifestSettings,
    shutdown: CancellationToken,
}

impl KubernetesEngine {
    /// Creates an engine for the cluster of the settings. No request is sent before the first job.
    ///
    /// # Errors
    ///
    /// [`ConnectError`] if the configuration cannot be used.
    pub async fn new(settings: KubernetesSettings) -> Result<Self, ConnectError> {
        let connection = Connection::new(&settings.cluster).await?;
        Ok(Self::with(connection, settings))
    }

    /// Creates an engine that sends its requests through a transport instead of to the cluster of the settings.
    ///
    /// # Errors
    ///
    /// [`ConnectError`], as for every engine; a transport causes none.
    pub fn over(
        transport: Arc<dyn Transport>,
        settings: KubernetesSettings,
    ) -> Result<Self, ConnectError> {
        let connection = Connection::over(transport, &settings.cluster)?;
        Ok(Self::with(connection, settings))
    }

    fn with(connection: Connection, settings: KubernetesSettings) -> Self {
        let namespace = settings.namespace.clone();
        let namespace = namespace.unwrap_or_else(|| connection.default_namespace().to_owned());
        let policy = Arc::clone(&settings.policy);
        Self {
            cluster: Arc::new(Cluster::new(connection, settings)),
            manifests: ManifestSettings {
                default_namespace: namespace,
                policy,
                ..ManifestSettings::default()
            },
            shutdown: CancellationToken::new(),
        }
    }

    pub(super) fn cluster(&self) -> &Cluster {
        &self.cluster
    }
}

#[async_trait]
impl JobRunner for KubernetesEngine {
    fn name(&self) -> &'static str {
        "kubernetes"
    }

    fn check(&self, request: &JobRequest) -> Result<(), CapabilityError> {
        Manifest::new(request, &self.manifests).map(drop)
    }

    async fn create(
        &self,
        request: JobRequest,
        logs: Arc<dyn LogSink>,
    ) -> Result<JobHandle, CapabilityError> {
        let cluster = Arc::clone(&self.cluster);
        let settings = self.manifests.clone();
        let shutdown = self.shutdown.clone();
        let (answer, answered) = oneshot::channel();
        // Many may wait, and a manifest is much larger than what it is created from.
        let slot = cluster.creation_slot().await;
        // In a task of its own: a creation whose caller is dropped halfway does not leave half a job behind.
        tokio::spawn(async move {
            let creation = async {
                let manifest = Manifest::new(&request, &settings)?;
                let creation = Creation::new(cluster, request, manifest, logs, shutdown);
                // Boxed within the task. Otherwise its 16 KB would pass three times over the stack of the caller, a
                // guest's, whose pages stay touched for as long as it waits for the job. It is also dropped before the
                // supervision of the job, which may take hours, of many jobs at the same time.
                Box::pin(creation.run(slot)).await
            };
            let (created, supervision) = match creation.await {
                Ok((handle, supervision)) => (Ok(handle), Some(supervision)),
                Err(error) => (Err(error), None),
            };
            // The caller may be gone.
            drop(answer.send(created));
            if let Some(supervision) = supervision {
                Box::pin(supervision.run()).await;
            }
        });
        answered.await.unwrap_or_else(|_| {
            Err(CapabilityError::new(
                Reason::Internal,
                "the engine was shut down",
            ))
        })
    }
}

impl Drop for KubernetesEngine {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

impl std::fmt::Debug for KubernetesEngine {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("KubernetesEngine")
            .field("connection", &self.cluster.connection)
            .finish_non_exhaustive()
    }
}
