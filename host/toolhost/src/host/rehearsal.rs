//! Backends for a call that is only checked.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use secrecy::ExposeSecret;
use serde_json::Value;

use crate::capability::sync::lock;
use crate::capability::{
    CapabilityError, FetchRequest, JobHandle, JobRequest, JobRunner, LogSink, Object,
    ObjectMetadata, ObjectSource, Reason,
};
use crate::scope::Backends;
use crate::template::Renderer;

/// The variable with the search path of programs.
const SEARCH_PATH: &str = "PATH";

/// Returns the objects that are available locally, and creates no job: the engine only checks the first one.
pub(super) struct Rehearsal {
    backends: Arc<Backends>,
    /// Whether a placeholder was returned instead of the requested object.
    has_guessed: AtomicBool,
    is_program_searched: AtomicBool,
    refusal: Mutex<Option<CapabilityError>>,
}

impl Rehearsal {
    pub(super) fn new(backends: Arc<Backends>) -> Self {
        Self {
            backends,
            has_guessed: AtomicBool::new(false),
            is_program_searched: AtomicBool::new(false),
            refusal: Mutex::new(None),
        }
    }

    /// Whether later requests of the tool depend on a placeholder object.
    pub(super) fn has_guessed(&self) -> bool {
        self.has_guessed.load(Ordering::Relaxed)
    }

    /// Whether the program of the job is a literal name that is searched in a literal path. A program that is
    /// named by its path may be created by an earlier step.
    pub(super) fn is_program_searched(&self) -> bool {
        self.is_program_searched.load(Ordering::Relaxed)
    }

    /// The engine's verdict on the job.
    pub(super) fn refusal(&self) -> Option<CapabilityError> {
        // Each critical section leaves it whole, so a panic elsewhere does not matter here.
        let mut refusal = lock(&self.refusal);
        refusal.take()
    }
}

#[async_trait]
impl ObjectSource for Rehearsal {
    async fn fetch(&self, request: FetchRequest) -> Result<Object, CapabilityError> {
        if let Some(object) = self.backends.objects.at_hand(&request).await {
            return Ok(object);
        }
        self.has_guessed.store(true, Ordering::Relaxed);
        Ok(Object {
            bytes: Bytes::new(),
            metadata: ObjectMetadata::default(),
        })
    }
}

#[async_trait]
impl JobRunner for Rehearsal {
    fn name(&self) -> &'static str {
        self.backends.runner.name()
    }

    async fn create(
        &self,
        request: JobRequest,
        _logs: Arc<dyn LogSink>,
    ) -> Result<JobHandle, CapabilityError> {
        let is_searched = is_program_searched(&request);
        self.is_program_searched
            .store(is_searched, Ordering::Relaxed);
        if let Err(refusal) = self.backends.runner.check(&request) {
            let mut slot = lock(&self.refusal);
            slot.get_or_insert(refusal);
        }
        let message = "the call is only checked, not executed";
        Err(CapabilityError::new(Reason::Cancelled, message))
    }
}

fn is_program_searched(request: &JobRequest) -> bool {
    let is_template = |text: &str| Renderer::has_template(&Value::String(text.to_owned()));
    let is_search_path_known = request
        .environment
        .iter()
        .filter(|(name, _)| name == SEARCH_PATH)
        .all(|(_, value)| !is_template(value.expose_secret()));
    let program = request.command.first().map_or("", String::as_str);
    // The first word of a template that was split at spaces is its mark.
    is_search_path_known && !is_template(program) && !program.contains('/')
}
