//! Backends for a call that is not made.

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

/// The variable that programs are searched by.
const SEARCH_PATH: &str = "PATH";

/// Gives the objects that are at hand, and creates no job: it asks the engine what it would say of the first one.
pub(super) struct Rehearsal {
    backends: Arc<Backends>,
    /// Whether an object was given that is not the one that was asked for.
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

    /// Whether what the tool did since depends on an object that is not the real one.
    pub(super) fn has_guessed(&self) -> bool {
        self.has_guessed.load(Ordering::Relaxed)
    }

    /// Whether the program of the job is a name that was written, to be searched where that was written. One that is
    /// named by its path may be made by an earlier step.
    pub(super) fn is_program_searched(&self) -> bool {
        self.is_program_searched.load(Ordering::Relaxed)
    }

    /// What the engine said of the job.
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
        let message = "the call is not made: it is only checked";
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
    // Of a template that was split at its blanks, the first word is its mark.
    is_search_path_known && !is_template(program) && !program.contains('/')
}
