use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, Once, OnceLock};

use async_trait::async_trait;
use secrecy::ExposeSecret;
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::Instant;

use super::cgroup::Hierarchy;
use super::directory::{DirectoryError, JobDirectory, work_directory};
use super::job::Job;
use super::limits::{Limits, warnings};
use super::namespace::Namespaces;
use super::reservation::Reservation;
use super::search::find_program;
use super::settings::LocalSettings;
use super::sweep::sweep;
use crate::capability::controller::Controller;
use crate::capability::program::Program;
use crate::capability::request::{CONTAINER_OPTIONS, check};
use crate::capability::sync::lock;
use crate::capability::text::chain;
use crate::capability::{
    CapabilityError, JobHandle, JobIdentity, JobRequest, JobRunner, LogSink, Reason,
};

/// The engine `local`: see the [module](super).
///
/// Its jobs need a Tokio runtime with signals and time enabled. Dropping the engine ends them.
///
/// Starting a job marks every descriptor of the host's process except the standard ones as close-on-exec, so that
/// scripts inherit none. A host that passes descriptors to other programs by inheritance must clear the mark when it
/// starts them.
#[derive(Debug)]
pub struct LocalEngine {
    settings: LocalSettings,
    /// The names of running jobs.
    names: Arc<Mutex<HashSet<String>>>,
    tasks: Mutex<JoinSet<()>>,
    /// Found once: a process does not change its control groups by itself.
    hierarchy: OnceLock<Hierarchy>,
    /// Found once, and tried once.
    namespaces: OnceLock<Option<Namespaces>>,
    /// Whether the work directory was searched for the leftovers of a killed host.
    swept: Arc<Once>,
}

impl LocalEngine {
    /// Creates an engine with these settings. Nothing is accessed before the first job.
    #[must_use]
    pub fn new(settings: LocalSettings) -> Self {
        Self {
            settings,
            names: Arc::default(),
            tasks: Mutex::default(),
            hierarchy: OnceLock::new(),
            namespaces: OnceLock::new(),
            swept: Arc::new(Once::new()),
        }
    }

    fn hierarchy(&self) -> Hierarchy {
        if !self.settings.use_cgroups {
            return Hierarchy::default();
        }
        self.hierarchy.get_or_init(Hierarchy::find).clone()
    }

    fn namespaces(&self) -> Option<Namespaces> {
        if !self.settings.use_namespaces {
            return None;
        }
        self.namespaces.get_or_init(Namespaces::find).clone()
    }
}

#[async_trait]
impl JobRunner for LocalEngine {
    fn name(&self) -> &'static str {
        "local"
    }

    fn check(&self, request: &JobRequest) -> Result<(), CapabilityError> {
        check(request, self.name(), &CONTAINER_OPTIONS)?;
        Limits::new(request, self.settings.max_processes)?;
        // The paths of its files are not known, and a program is seldom one of them.
        let program = Program::new(request, None, "");
        program_path(&program, &self.settings.search_path).map(drop)
    }

    /// Adopts nothing: a job of that name that runs on this engine is a conflict, whatever its specification. Only this
    /// engine's jobs are considered; another process of the host may have one of the same name.
    async fn create(
        &self,
        request: JobRequest,
        logs: Arc<dyn LogSink>,
    ) -> Result<JobHandle, CapabilityError> {
        let created = Instant::now();
        check(&request, self.name(), &CONTAINER_OPTIONS)?;
        let limits = Limits::new(&request, self.settings.max_processes)?;
        let reservation = Reservation::new(&self.names, request.name.as_str())?;

        let request = Arc::new(request);
        let settings = self.settings.clone();
        let hierarchy = self.hierarchy();
        let swept = Arc::clone(&self.swept);
        let moved = (Arc::clone(&request), hierarchy.clone());
        // Where this future is dropped, the result is as well, including the directory.
        let prepared = spawn_blocking(move || {
            let (request, hierarchy) = moved;
            let parent = work_directory(&settings.work_directory)
                .map_err(|error| directory_error(&error))?;
            swept.call_once(|| sweep(&parent, &hierarchy));
            Prepared::new(&request, &parent, &settings.search_path)
        });
        let prepared = prepared.await.map_err(|error| internal(&error))??;

        let mut warnings = warnings(&request);
        warnings.extend(prepared.program.warning().map(str::to_owned));
        let (handle, reporter) = JobHandle::new(JobIdentity::created(request.name.clone()));
        let job = Job {
            name: request.name.to_string(),
            controller: Controller::new(
                request.backoff_limit,
                request.active_deadline,
                self.settings.backoff_base,
            ),
            active_deadline: request.active_deadline,
            grace: self.settings.bounded_grace(),
            search_path: self.settings.search_path.clone(),
            program: prepared.program,
            program_path: prepared.program_path,
            limits,
            hierarchy,
            namespaces: self.namespaces(),
            warnings,
            directory: Arc::new(prepared.directory),
            reservation,
            logs,
            reporter,
            created,
        };
        let mut tasks = lock(&self.tasks);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(job.run());
        Ok(handle)
    }
}

/// A job whose files exist and whose program was found.
struct Prepared {
    directory: JobDirectory,
    program: Program,
    program_path: PathBuf,
}

impl Prepared {
    fn new(
        request: &JobRequest,
        work_directory: &Path,
        default_search_path: &str,
    ) -> Result<Self, CapabilityError> {
        let directory = JobDirectory::create(work_directory, request.name.as_str())
            .map_err(|error| directory_error(&error))?;
        let arguments_path = text(&directory.arguments_path())?;
        let script_path = match &request.script {
            Some(script) => Some(text(&directory.script_path(script.file_name.as_str()))?),
            None => None,
        };
        let program = Program::new(request, script_path.as_deref(), &arguments_path);
        if let Some(script) = &request.script {
            directory
                .write_script(script.file_name.as_str(), &script.content)
                .map_err(|error| unwritable(&error))?;
        }
        directory
            .write_arguments(program.arguments().expose_secret().as_bytes())
            .map_err(|error| unwritable(&error))?;
        Ok(Self {
            program_path: program_path(&program, default_search_path)?,
            directory,
            program,
        })
    }
}

fn program_path(program: &Program, default_search_path: &str) -> Result<PathBuf, CapabilityError> {
    let search_path = program
        .variable("PATH")
        .map_or(default_search_path, ExposeSecret::expose_secret);
    let command = program.command();
    let name = command.first().map_or("", |name| name.as_str());
    find_program(name, search_path)
}

/// Returns the path as the value of a variable.
fn text(path: &Path) -> Result<String, CapabilityError> {
    path.to_str().map(str::to_owned).ok_or_else(|| {
        CapabilityError::new(
            Reason::EngineUnavailable,
            format!(
                "the work directory's path `{}` is not UTF-8",
                path.display()
            ),
        )
    })
}

fn directory_error(error: &DirectoryError) -> CapabilityError {
    let hint = match error {
        DirectoryError::Create { .. } => "check its permissions and the space on its disk",
        DirectoryError::Foreign { .. } => {
            "use a directory that belongs to you and that other users cannot write to"
        }
    };
    CapabilityError::new(Reason::EngineUnavailable, chain(error)).with_hint(hint)
}

fn unwritable(error: &std::io::Error) -> CapabilityError {
    let message = format!("cannot write the job's files: {error}");
    CapabilityError::new(Reason::EngineUnavailable, message)
        .with_hint("check the space on the disk of the work directory")
        .retryable()
}

fn internal(error: &dyn std::error::Error) -> CapabilityError {
    CapabilityError::new(Reason::Internal, chain(error))
}
