//! Puts a host together from what a user says: the one place of the library that names concrete backends.

mod credentials;
mod grants;
mod objects;
mod plan;
mod plugins;
mod policy;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

pub use credentials::Credentials;
pub use grants::{GrantsFile, GrantsFileError, Plugin};
pub use plan::{PlanSources, set_up_plan};
pub use plugins::PluginError;
pub use policy::{PolicyFile, PolicyFileError};

use toolhost::backend::local::{LocalEngine, LocalSettings};
use toolhost::capability::{AccessSource, FetchRule, JobRunner, ObjectSource};
use toolhost::credential::CredentialError;
use toolhost::grant::Grants;
use toolhost::host::{BuildError, ToolHost};
use toolhost::http::HttpSettings;
use toolhost::registry::{Compiler, LoadError, LoadedTool, ToolIdentity};
use toolhost_diagnostic::Diagnostic;
use toolhost_kubernetes::{ConnectError, KubernetesEngine, KubernetesSettings};

/// What a host is put together from.
#[derive(Clone)]
#[non_exhaustive]
pub struct Settings {
    /// What relative paths of scripts are relative to: the playbook's folder.
    pub base: PathBuf,
    /// What every script file must lie below.
    pub workspace: PathBuf,
    /// A folder with more tools, and `grants.yaml`.
    pub plugins: Option<PathBuf>,
    /// Where programs are searched for, as `PATH` has it.
    pub search_path: Option<String>,
    /// The delay before the first repetition of a failed attempt on the local engine.
    pub backoff_base: Option<Duration>,
    /// Where compiled components are kept.
    pub cache_directory: Option<PathBuf>,
    /// Where the components of the folder are compiled.
    pub compiler: Compiler,
    /// Where large logs are kept.
    pub log_directory: Option<PathBuf>,
    /// The cluster that jobs run on, and what they may ask it for; without it they are processes of this machine.
    pub kubernetes: Option<KubernetesSettings>,
    /// How servers are asked.
    pub http: HttpSettings,
    /// Where the credentials of `source.auth` come from.
    pub access: Option<Arc<dyn AccessSource>>,
    /// Whether the tools that this build brings may fetch from addresses as well that are not public: right
    /// where whoever writes playbooks could reach those anyhow.
    pub private_addresses: bool,
}

/// Why a host could not be put together.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// There is no engine.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// A tool that this host was built with cannot be loaded.
    #[error("this build is broken")]
    Embedded(#[source] LoadError),
    /// The folder of tools cannot be read.
    #[error("cannot read the folder of tools `{}`", path.display())]
    Plugins {
        /// The folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The grants cannot be read.
    #[error(transparent)]
    Grants(#[from] GrantsFileError),
    /// The credentials cannot be read.
    #[error(transparent)]
    Credentials(#[from] CredentialError),
    /// There is no cluster to talk to.
    #[error("cannot use the engine `kubernetes`")]
    Cluster(#[from] ConnectError),
}

/// A host, and what became of the plugins folder.
#[derive(Debug)]
pub struct SetUp {
    /// The host.
    pub host: ToolHost,
    /// Files of the plugins folder that are left out, and why.
    pub refused: Vec<PluginError>,
    /// Tools of the plugins folder that took the place of one that is built in, as `grants.yaml` says.
    pub overriding: Vec<Arc<LoadedTool>>,
    /// What a person should know about `grants.yaml`.
    pub warnings: Vec<Diagnostic>,
}

/// How many calls a command makes at once: a playbook's steps come one after the other.
const MAX_CALLS: u32 = 4;

impl Settings {
    /// Settings for scripts below `workspace`, with defaults for everything else.
    #[must_use]
    pub fn new(base: impl Into<PathBuf>, workspace: impl Into<PathBuf>) -> Self {
        Self {
            base: base.into(),
            workspace: workspace.into(),
            plugins: None,
            search_path: None,
            backoff_base: None,
            cache_directory: None,
            compiler: Compiler::InProcess,
            log_directory: None,
            kubernetes: None,
            http: HttpSettings::default(),
            access: None,
            private_addresses: false,
        }
    }

    /// What the tools that this build brings may do before the grants of the folder are added.
    fn embedded_grants(&self) -> Grants {
        Grants::all().fetching(FetchRule {
            allow: None,
            private_addresses: self.private_addresses,
        })
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Settings")
            .field("base", &self.base)
            .field("workspace", &self.workspace)
            .field("plugins", &self.plugins)
            .finish_non_exhaustive()
    }
}

/// Puts a host together, with the tools that this build brings and those of the
/// plugins folder.
///
/// A tool of the plugins folder takes the place of one that is built in where `grants.yaml` names it by its
/// digest. One that is broken, or of which nobody can tell which one is meant, is left out and returned with the
/// reason.
///
/// # Errors
///
/// [`SetupError`].
pub async fn set_up(settings: Settings) -> Result<SetUp, SetupError> {
    let engine = engine(&settings).await?;
    let objects = Arc::new(objects::sources(&settings));
    put_together(settings, engine, objects).await
}

async fn put_together(
    settings: Settings,
    jobs: Arc<dyn JobRunner>,
    objects: Arc<dyn ObjectSource>,
) -> Result<SetUp, SetupError> {
    let embedded_grants = settings.embedded_grants();
    let grants = match &settings.plugins {
        Some(folder) => GrantsFile::load_from_folder(folder)?,
        None => GrantsFile::default(),
    };
    let mut builder = ToolHost::builder()
        .jobs(jobs)
        .objects(objects)
        .max_calls(MAX_CALLS)
        .compiler(settings.compiler);
    if let Some(directory) = settings.cache_directory {
        builder = builder.cache_directory(directory);
    }
    if let Some(directory) = settings.log_directory {
        builder = builder.log_directory(directory);
    }
    let host = builder.build()?;
    host.load_embedded_tools_with(|tool| embedded_grants.clone().and(&grants.of_built_in(tool)))
        .await
        .map_err(SetupError::Embedded)?;
    let built_in = host.registry().list();
    let built_in: Vec<ToolIdentity> = built_in
        .iter()
        .map(|tool| tool.identity().clone())
        .collect();
    let loaded = match &settings.plugins {
        Some(folder) => plugins::load(&host, folder, &grants).await?,
        None => plugins::Loaded::default(),
    };
    Ok(SetUp {
        host,
        warnings: grants.unused(&loaded.plugins, &built_in),
        refused: loaded.refused,
        overriding: loaded.overriding,
    })
}

async fn engine(settings: &Settings) -> Result<Arc<dyn JobRunner>, SetupError> {
    if let Some(kubernetes) = &settings.kubernetes {
        let engine = KubernetesEngine::new(kubernetes.clone()).await?;
        return Ok(Arc::new(engine));
    }
    let mut local = LocalSettings::default();
    if let Some(search_path) = &settings.search_path {
        local.search_path.clone_from(search_path);
    }
    if let Some(backoff_base) = settings.backoff_base {
        local.backoff_base = backoff_base;
    }
    Ok(Arc::new(LocalEngine::new(local)))
}
