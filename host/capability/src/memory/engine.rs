use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::script::JobScript;
use super::simulation::{Progress, Simulation, memory_limit};
use crate::files::files;
use crate::request::{CONTAINER_OPTIONS, IMAGE_OPTIONS, check, conflict};
use crate::sync::lock;
use crate::{CapabilityError, JobHandle, JobIdentity, JobReporter, JobRequest, JobRunner, LogSink};

/// The engine `memory`. A clone is the same engine.
///
/// Dropping the last clone ends the held jobs.
#[derive(Clone, Default)]
pub struct MemoryEngine {
    state: Arc<Mutex<State>>,
    /// The tasks of held jobs.
    tasks: Arc<Mutex<JoinSet<()>>>,
}

#[derive(Default)]
struct State {
    scripts: HashMap<String, Arc<JobScript>>,
    default_script: Option<Arc<JobScript>>,
    requests: Vec<Arc<JobRequest>>,
    /// The signals that release held jobs.
    held: HashMap<String, Arc<Notify>>,
}

impl MemoryEngine {
    /// Creates an engine whose jobs all succeed immediately.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the script of the job of that name from now on.
    pub fn script(&self, job_name: impl Into<String>, script: JobScript) {
        let script = Arc::new(script);
        self.state().scripts.insert(job_name.into(), script);
    }

    /// Sets the script of jobs without a script of their own from now on.
    pub fn default_script(&self, script: JobScript) {
        self.state().default_script = Some(Arc::new(script));
    }

    /// Returns the accepted requests, in order.
    #[must_use]
    pub fn requests(&self) -> Vec<Arc<JobRequest>> {
        self.state().requests.clone()
    }

    /// Returns the accepted requests, in order, and clears them.
    #[must_use]
    pub fn take_requests(&self) -> Vec<Arc<JobRequest>> {
        std::mem::take(&mut self.state().requests)
    }

    /// Whether the job of that name is held.
    #[must_use]
    pub fn is_held(&self, job_name: &str) -> bool {
        self.state().held.contains_key(job_name)
    }

    /// Releases a held job, and returns whether there was one.
    #[must_use]
    pub fn release(&self, job_name: &str) -> bool {
        let release = self.state().held.get(job_name).cloned();
        // The permit stays until the job's task acquires it.
        release.inspect(|release| release.notify_one()).is_some()
    }

    fn accept(&self, request: &Arc<JobRequest>) -> Result<Arc<JobScript>, CapabilityError> {
        let mut state = self.state();
        if state.held.contains_key(request.name.as_str()) {
            return Err(conflict(request.name.as_str()));
        }
        let script = state
            .scripts
            .get(request.name.as_str())
            .or(state.default_script.as_ref())
            .map_or_else(|| Arc::new(JobScript::succeed()), Arc::clone);
        if let Some(refusal) = &script.refusal {
            return Err(refusal.clone());
        }
        state.requests.push(Arc::clone(request));
        Ok(script)
    }

    fn hold(&self, simulation: Box<Simulation>, reporter: JobReporter) {
        let release = Arc::new(Notify::new());
        let name = simulation.name().to_owned();
        self.state().held.insert(name.clone(), Arc::clone(&release));
        let held = Held {
            state: Arc::clone(&self.state),
            name,
        };
        let mut tasks = lock(&self.tasks);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(run_held(simulation, reporter, release, held));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

#[async_trait]
impl JobRunner for MemoryEngine {
    fn name(&self) -> &'static str {
        "memory"
    }

    /// Adopts nothing: a held job of that name is a conflict.
    async fn create(
        &self,
        request: JobRequest,
        logs: Arc<dyn LogSink>,
    ) -> Result<JobHandle, CapabilityError> {
        check(
            &request,
            self.name(),
            &[&CONTAINER_OPTIONS[..], &IMAGE_OPTIONS].concat(),
        )?;
        files(&request)?;
        let memory_limit = memory_limit(&request)?;
        let request = Arc::new(request);
        let script = self.accept(&request)?;
        let (handle, reporter) = JobHandle::new(JobIdentity::created(request.name.clone()));
        // Boxed, since a held job is moved to its task, and this runs on the small stack of a guest.
        let mut simulation = Box::new(Simulation::new(request, script, logs, memory_limit));
        match simulation.run(&reporter) {
            Progress::Finished(end) => simulation.finish(&reporter, end),
            Progress::Held => self.hold(simulation, reporter),
        }
        Ok(handle)
    }
}

impl fmt::Debug for MemoryEngine {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state();
        formatter
            .debug_struct("MemoryEngine")
            .field("requests", &state.requests.len())
            .field("held", &state.held.len())
            .finish_non_exhaustive()
    }
}

/// The entry of a held job; removed when dropped.
struct Held {
    state: Arc<Mutex<State>>,
    name: String,
}

impl Drop for Held {
    fn drop(&mut self) {
        lock(&self.state).held.remove(&self.name);
    }
}

async fn run_held(
    mut simulation: Box<Simulation>,
    reporter: JobReporter,
    release: Arc<Notify>,
    held: Held,
) {
    let end = loop {
        let progress = tokio::select! {
            biased;
            () = reporter.cancelled() => Progress::Finished(simulation.cancel(&reporter)),
            () = release.notified() => simulation.run(&reporter),
        };
        if let Progress::Finished(end) = progress {
            break end;
        }
    };
    // A caller that receives the end may create a job of the same name.
    drop(held);
    simulation.finish(&reporter, end);
}
