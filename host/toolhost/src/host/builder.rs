use std::path::PathBuf;
use std::sync::Arc;

use super::ToolHost;
use super::calls::Calls;
use crate::capability::{JobRunner, ObjectSource};
use crate::engine::{EngineError, ToolEngine};
use crate::limits::Limits;
use crate::log::LogDirectory;
use crate::registry::{Compiler, ComponentCache, Registry, ToolLoader};
use crate::scope::{Backends, SettingNames};
use crate::template::Renderer;

/// Builder for a [`ToolHost`].
pub struct ToolHostBuilder {
    backends: Backends,
    limits: Limits,
    max_calls: u32,
    cache_directory: Option<PathBuf>,
    compiler: Compiler,
    setting_names: Option<SettingNames>,
}

/// The host cannot be built: this machine cannot run WebAssembly.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct BuildError(EngineError);

/// The default number of concurrent calls. 4 GiB of address space are reserved for each; memory is used only
/// by existing calls, 60 KiB each.
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
            compiler: Compiler::default(),
            setting_names: None,
        }
    }
}

impl ToolHostBuilder {
    /// Sets the engine for jobs. Without it, tools that create jobs get an error.
    #[must_use]
    pub fn jobs(mut self, runner: Arc<dyn JobRunner>) -> Self {
        self.backends.runner = runner;
        self
    }

    /// Sets the source of objects. Without it, tools that fetch objects get an error.
    #[must_use]
    pub fn objects(mut self, objects: Arc<dyn ObjectSource>) -> Self {
        self.backends.objects = objects;
        self
    }

    /// Sets the limits of one call.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Sets the number of concurrent calls; further calls wait.
    #[must_use]
    pub fn max_calls(mut self, max_calls: u32) -> Self {
        self.max_calls = max_calls;
        self
    }

    /// Sets the cache for compiled components, so that they are compiled once per machine. The folder must
    /// belong to the user, be inaccessible to all others (mode 700), and not be a link; it is created if it
    /// is missing. Without it they are compiled once per host.
    #[must_use]
    pub fn cache_directory(mut self, directory: impl Into<PathBuf>) -> Self {
        self.cache_directory = Some(directory.into());
        self
    }

    /// Sets where third-party components are compiled. The default is a thread of this process, which no
    /// deadline ends: a host that loads third-party tools should name a program.
    #[cfg(feature = "compile")]
    #[must_use]
    pub fn compiler(mut self, compiler: Compiler) -> Self {
        self.compiler = compiler;
        self
    }

    /// Sets the folder for logs that an outcome shows only in part. The default is a folder of this user in
    /// the system's folder for temporary files.
    #[must_use]
    pub fn log_directory(mut self, directory: impl Into<PathBuf>) -> Self {
        self.backends.logs = LogDirectory::new(directory);
        self
    }

    /// Sets how the host's settings are set, for hints about them. Without it a hint names the setting alone.
    #[must_use]
    pub fn setting_names(mut self, names: SettingNames) -> Self {
        self.setting_names = Some(names);
        self
    }

    /// Builds the host, without any tool.
    ///
    /// If the cache cannot be used, the host works without it and logs a warning.
    ///
    /// # Errors
    ///
    /// [`BuildError`].
    pub fn build(self) -> Result<ToolHost, BuildError> {
        let engine = Arc::new(ToolEngine::new(self.max_calls, &self.limits).map_err(BuildError)?);
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
            setting_names: self.setting_names,
            calls: Calls::new(),
        })
    }
}
