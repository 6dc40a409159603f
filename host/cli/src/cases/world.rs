use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use serde_json::Value;
use toolhost::capability::memory::{JobScript, MemoryEngine};
use toolhost::capability::text::did_you_mean;
use toolhost::capability::{
    CapabilityError, FetchRequest, JobHandle, JobRequest, JobRunner, LogSink, Object,
    ObjectMetadata, ObjectSource, Reason,
};

use super::file::Case;
use super::record::{self, SecretNames};

/// The backends of the case that runs. It plays jobs and objects, and records what was requested.
///
/// Cases run one after the other, so that one host, which has loaded the tools once, serves all of them.
#[derive(Debug, Clone, Default)]
pub(super) struct World(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    objects: BTreeMap<String, Result<Bytes, CapabilityError>>,
    jobs: VecDeque<JobScript>,
    engine: MemoryEngine,
    secrets: SecretNames,
    calls: Vec<Value>,
}

/// What became of the world of a case.
#[derive(Debug)]
pub(super) struct Recorded {
    pub(super) calls: Vec<Value>,
    /// The number of jobs of the case that the tool did not create.
    pub(super) jobs_left: usize,
}

impl World {
    /// Sets the world of a case.
    pub(super) fn set(&self, case: &Case) {
        let texts = case.secrets.iter().filter_map(|(name, value)| {
            let text = match value {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            (!text.is_empty()).then(|| (text, name.clone()))
        });
        *self.state() = State {
            objects: case.objects.clone(),
            jobs: case.jobs.iter().cloned().collect(),
            engine: MemoryEngine::new(),
            secrets: texts.collect(),
            calls: Vec::new(),
        };
    }

    /// What was requested since.
    pub(super) fn take(&self) -> Recorded {
        let mut state = self.state();
        Recorded {
            calls: std::mem::take(&mut state.calls),
            jobs_left: state.jobs.len(),
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        toolhost::capability::sync::lock(&self.0)
    }
}

#[async_trait]
impl ObjectSource for World {
    async fn fetch(&self, request: FetchRequest) -> Result<Object, CapabilityError> {
        let mut state = self.state();
        let call = record::fetch(&request, &state.secrets);
        state.calls.push(call);
        let Some(played) = state.objects.get(&request.uri) else {
            let message = format!("the case has no object `{}`", request.uri);
            let error = CapabilityError::new(Reason::FetchNotFound, message);
            let meant = did_you_mean(&request.uri, state.objects.keys().map(String::as_str));
            return Err(match meant {
                Some(meant) => error.with_hint(format!("did you mean `{meant}`?")),
                None => error.with_hint("add it to `objects` of the case"),
            });
        };
        let bytes = played.clone()?;
        let mut metadata = ObjectMetadata::default();
        metadata.uri = Some(request.uri);
        Ok(Object { bytes, metadata })
    }
}

#[async_trait]
impl JobRunner for World {
    fn name(&self) -> &'static str {
        "memory"
    }

    async fn create(
        &self,
        request: JobRequest,
        logs: Arc<dyn LogSink>,
    ) -> Result<JobHandle, CapabilityError> {
        let engine = {
            let mut state = self.state();
            let call = record::job(&request, &state.secrets);
            state.calls.push(call);
            if let Some(script) = state.jobs.pop_front() {
                state.engine.script(request.name.as_str(), script);
            }
            state.engine.clone()
        };
        engine.create(request, logs).await
    }
}
