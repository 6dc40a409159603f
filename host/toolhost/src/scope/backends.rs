use std::sync::Arc;

use async_trait::async_trait;

use crate::capability::{
    CapabilityError, FetchRequest, JobHandle, JobRequest, JobRunner, LogSink, Object, ObjectSource,
    Reason,
};
use crate::log::LogDirectory;

/// The backends that calls use.
pub(crate) struct Backends {
    /// The source of objects.
    pub objects: Arc<dyn ObjectSource>,
    /// The engine for jobs.
    pub runner: Arc<dyn JobRunner>,
    /// The folder for large logs.
    pub logs: Arc<LogDirectory>,
}

impl Backends {
    /// Backends that do nothing, for a host without backends.
    #[must_use]
    pub(crate) fn none() -> Self {
        Self {
            objects: Arc::new(NoBackend),
            runner: Arc::new(NoBackend),
            logs: LogDirectory::temporary(),
        }
    }
}

/// Refuses everything.
struct NoBackend;

#[async_trait]
impl ObjectSource for NoBackend {
    async fn fetch(&self, _: FetchRequest) -> Result<Object, CapabilityError> {
        let message = "this host has no source of objects";
        Err(CapabilityError::new(Reason::Unsupported, message))
    }
}

#[async_trait]
impl JobRunner for NoBackend {
    fn name(&self) -> &'static str {
        "none"
    }

    async fn create(
        &self,
        _: JobRequest,
        _: Arc<dyn LogSink>,
    ) -> Result<JobHandle, CapabilityError> {
        let message = "this host has no engine for jobs";
        Err(CapabilityError::new(Reason::Unsupported, message))
    }
}

impl std::fmt::Debug for Backends {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let engine = self.runner.name();
        formatter
            .debug_struct("Backends")
            .field("engine", &engine)
            .finish_non_exhaustive()
    }
}
