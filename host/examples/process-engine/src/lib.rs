//! An engine for jobs as a third party would write one: with `toolhost-capability` alone.
//!
//! Each attempt is a child process of this one, in a process group and a folder of its own. The rules that make an
//! engine right come from the crate: what is refused ([`request`]), what a program finds in its environment and on its
//! command line ([`program`]), when it is repeated and how an end is described ([`controller`]). What is left is what
//! only this engine knows: how to start a program, and how to end it. `tests/conformance.rs` runs the suite that
//! every engine has to pass.
//!
//! The engine that comes with toolhost, `toolhost::backend::local`, does more: it isolates processes from each other and
//! limits what they use. This one measures memory, since the contract wants that limit to be named.
//!
//! [`request`]: toolhost_capability::request
//! [`program`]: toolhost_capability::program
//! [`controller`]: toolhost_capability::controller

mod attempt;
mod job;
mod memory;
mod name;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use toolhost_capability::controller::DEFAULT_BACKOFF_BASE;
use toolhost_capability::quantity::Quantity;
use toolhost_capability::request::{CONTAINER_OPTIONS, check};
use toolhost_capability::{
    CapabilityError, JobHandle, JobIdentity, JobRequest, JobRunner, LogSink, Reason,
};

use crate::job::Job;
use crate::name::{Names, RunningName};

/// An engine that runs each attempt as a child process.
#[derive(Debug)]
pub struct ProcessEngine {
    /// Where each job has a folder while it runs.
    folder: PathBuf,
    /// Where programs are looked for: what `PATH` is to them as well.
    search_path: String,
    backoff_base: Duration,
    names: Arc<Names>,
}

impl ProcessEngine {
    /// An engine whose jobs have their folders in `folder`, and whose programs are looked for in the folders of
    /// `search_path`, which `:` separates.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>, search_path: impl Into<String>) -> Self {
        Self {
            folder: folder.into(),
            search_path: search_path.into(),
            backoff_base: DEFAULT_BACKOFF_BASE,
            names: Arc::default(),
        }
    }

    /// Sets the delay after the first failure, which doubles with each further one.
    #[must_use]
    pub fn with_backoff_base(mut self, backoff_base: Duration) -> Self {
        self.backoff_base = backoff_base;
        self
    }

    fn find_program(&self, program: &str) -> Result<(), CapabilityError> {
        // A path is looked up by the system, and a variable is known only when it is expanded.
        let is_name = !program.contains(['/', '$']);
        let mut folders = self.search_path.split(':').map(Path::new);
        if is_name && !folders.any(|folder| folder.join(program).is_file()) {
            let message = format!("cannot find the program `{program}`");
            return Err(
                CapabilityError::new(Reason::InterpreterMissing, message).with_hint(format!(
                    "install it, or extend the search path, {}",
                    self.search_path
                )),
            );
        }
        Ok(())
    }
}

#[async_trait]
impl JobRunner for ProcessEngine {
    fn name(&self) -> &'static str {
        "process"
    }

    fn check(&self, request: &JobRequest) -> Result<(), CapabilityError> {
        check(request, self.name(), &CONTAINER_OPTIONS)?;
        memory_limit(request)?;
        let program = request.command.first().map_or("", String::as_str);
        self.find_program(program)
    }

    async fn create(
        &self,
        request: JobRequest,
        logs: Arc<dyn LogSink>,
    ) -> Result<JobHandle, CapabilityError> {
        self.check(&request)?;
        let name = RunningName::claim(request.name.as_str(), &self.names)?;
        let folder = tempfile::Builder::new()
            .prefix(&format!("{}-", request.name))
            .tempdir_in(&self.folder)
            .map_err(|error| {
                let folder = self.folder.display();
                let message = format!("cannot create a folder for the job in {folder}: {error}");
                CapabilityError::new(Reason::EngineUnavailable, message)
            })?;
        let (handle, reporter) = JobHandle::new(JobIdentity::created(request.name.as_str()));
        let job = Job {
            memory_limit: memory_limit(&request)?,
            request,
            search_path: self.search_path.clone(),
            logs,
            reporter,
            folder,
            name,
        };
        // The handle cancels the job when it is dropped, so nobody has to keep the task.
        tokio::spawn(job.run(self.backoff_base));
        Ok(handle)
    }
}

/// The memory that a job may use, in bytes.
fn memory_limit(request: &JobRequest) -> Result<Option<u64>, CapabilityError> {
    let Some(limit) = request.limits.get("memory") else {
        return Ok(None);
    };
    let limit: Quantity = limit.parse().map_err(|error| {
        let message = format!("invalid memory limit `{limit}`: {error}");
        CapabilityError::new(Reason::InvalidRequest, message)
    })?;
    Ok(Some(limit.rounded_up()))
}
