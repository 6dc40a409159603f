use std::sync::Arc;

use async_trait::async_trait;

use crate::capability::{
    CapabilityError, FetchRequest, JobHandle, JobRequest, JobRunner, LogSink, Object, ObjectSource,
    Reason,
};
use crate::log::LogDirectory;

/// The backends that calls use.
pub struct Backends {
    /// Where objects come from.
    pub objects: Arc<dyn ObjectSource>,
    /// What runs jobs.
    pub runner: Arc<dyn JobRunner>,
    /// Where large logs go.
    pub logs: Arc<LogDirectory>,
}

impl Backends {
    /// Backends that do nothing, for a host that is not given any.
    #[must_use]
    pub fn none() -> Self {
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
        let message = "this host was set up without a source of objects";
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
        let message = "this host was set up without an engine for jobs";
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
