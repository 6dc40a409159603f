use std::path::PathBuf;
use std::sync::Arc;

use super::ToolHost;
use super::calls::Calls;
use crate::capability::{JobRunner, ObjectSource};
use crate::engine::{EngineError, ToolEngine};
use crate::limits::Limits;
use crate::log::LogDirectory;
use crate::registry::{Compiler, ComponentCache, Registry, ToolLoader};
use crate::scope::Backends;
use crate::template::Renderer;

/// Sets up a [`ToolHost`].
pub struct ToolHostBuilder {
    backends: Backends,
    limits: Limits,
    max_calls: u32,
    cache_directory: Option<PathBuf>,
    compiler: Compiler,
}

/// Why a host cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// There is no engine.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

/// How many calls go on at once where nobody says otherwise. Address space is reserved for each, 4 GiB;
/// memory is used by those that there are, 60 KiB each.
const DEFAULT_MAX_CALLS: u32 = 1_000;

impl ToolHost {
    /// Starts to set up a host.
    #[must_use]
    pub fn builder() -> ToolHostBuilder {
        ToolHostBuilder::default()
    }
}

impl Default for ToolHostBuilder {
    fn default() -> Self {
        Self {
            backends: Backends::none(),
            limits: Limits::default(),
            max_calls: DEFAULT_MAX_CALLS,
            cache_directory: None,
            compiler: Compiler::InProcess,
        }
    }
}

impl ToolHostBuilder {
    /// What runs jobs. Without it, tools that create jobs are told that there is no engine.
    #[must_use]
    pub fn jobs(mut self, runner: Arc<dyn JobRunner>) -> Self {
        self.backends.runner = runner;
        self
    }

    /// Where objects come from. Without it, tools that fetch objects are told that there is no source.
    #[must_use]
    pub fn objects(mut self, objects: Arc<dyn ObjectSource>) -> Self {
        self.backends.objects = objects;
        self
    }

    /// What one call may use.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// How many calls go on at once; more wait.
    #[must_use]
    pub fn max_calls(mut self, max_calls: u32) -> Self {
        self.max_calls = max_calls;
        self
    }

    /// Where compiled components are kept, so that they are compiled once a machine. The folder must
    /// belong to the user, be closed to all others (mode 700), and be no link; it is made where it is missing.
    /// Without it they are compiled once a host.
    #[must_use]
    pub fn cache_directory(mut self, directory: impl Into<PathBuf>) -> Self {
        self.cache_directory = Some(directory.into());
        self
    }

    /// Where components are compiled that are not this library's own. Without it that is a thread of this process,
    /// which no deadline ends: a host that loads what strangers wrote names a program.
    #[must_use]
    pub fn compiler(mut self, compiler: Compiler) -> Self {
        self.compiler = compiler;
        self
    }

    /// Where the logs go of which an outcome shows only a part. A folder of this user in the system's folder
    /// for temporary files where nobody says otherwise.
    #[must_use]
    pub fn log_directory(mut self, directory: impl Into<PathBuf>) -> Self {
        self.backends.logs = LogDirectory::new(directory);
        self
    }

    /// Sets the host up, without any tool.
    ///
    /// A cache that cannot be used is done without, and a warning says so.
    ///
    /// # Errors
    ///
    /// [`BuildError`].
    pub fn build(self) -> Result<ToolHost, BuildError> {
        let engine = Arc::new(ToolEngine::new(self.max_calls, &self.limits)?);
        let limits = Arc::new(self.limits);
        let cache = self.cache_directory.and_then(|directory| {
            ComponentCache::open(directory)
                .inspect_err(|error| tracing::warn!(%error, "compiled components are not cached"))
                .ok()
        });
        Ok(ToolHost {
            loader: ToolLoader::new(
                Arc::clone(&engine),
                Arc::clone(&limits),
                cache,
                self.compiler,
            ),
            engine,
            registry: Registry::new(),
            renderer: Renderer::new(),
            backends: Arc::new(self.backends),
            limits,
            calls: Calls::new(),
        })
    }
}
