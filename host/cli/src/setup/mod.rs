//! Puts a host together from what a user says: the one place of the library that names concrete backends.

mod credentials;
mod error;
mod grants;
mod objects;
mod plan;
mod plugins;
mod policy;
mod settings;
mod watch;

use std::sync::Arc;

pub use credentials::Credentials;
pub use error::SetupError;
pub use grants::{GrantsFile, GrantsFileError, Plugin};
pub use plan::{PlanSources, set_up_plan};
pub use plugins::PluginError;
pub use policy::{PolicyFile, PolicyFileError};
pub use settings::Settings;
pub use watch::{PluginChange, PluginWatch};

use toolhost::backend::local::{LocalEngine, LocalSettings};
use toolhost::capability::{JobRunner, ObjectSource};
use toolhost::host::ToolHost;
use toolhost::registry::{LoadedTool, ToolIdentity};
use toolhost_diagnostic::Diagnostic;
use toolhost_kubernetes::KubernetesEngine;

/// A host, and the result of loading the plugins folder.
#[derive(Debug)]
pub struct SetUp {
    /// The host.
    pub host: ToolHost,
    /// Files of the plugins folder that are left out, and why.
    pub refused: Vec<PluginError>,
    /// Tools of the plugins folder that replaced a built-in one according to `grants.yaml`.
    pub overriding: Vec<Arc<LoadedTool>>,
    /// Warnings about `grants.yaml`.
    pub warnings: Vec<Diagnostic>,
    /// The plugins, whose later changes can be taken up.
    pub watch: Option<PluginWatch>,
}

/// The number of concurrent calls of a command: a playbook's steps run one after the other.
const MAX_CALLS: u32 = 4;

/// Assembles a host with the built-in tools and those of the plugins folder.
///
/// A tool of the plugins folder replaces a built-in one if `grants.yaml` names it by its digest. A tool that
/// is broken or ambiguous is left out and returned with the reason.
///
/// # Errors
///
/// [`SetupError`].
pub async fn set_up(settings: Settings) -> Result<SetUp, SetupError> {
    let engine = engine(&settings).await?;
    let objects = Arc::new(objects::sources(&settings));
    set_up_with(settings, engine, objects).await
}

/// As [`set_up`], with an engine and a source of objects instead of those that the settings describe.
///
/// # Errors
///
/// [`SetupError`].
pub async fn set_up_with(
    settings: Settings,
    jobs: Arc<dyn JobRunner>,
    objects: Arc<dyn ObjectSource>,
) -> Result<SetUp, SetupError> {
    let embedded_grants = settings.embedded_grants();
    let grants = match &settings.plugins {
        Some(path) => GrantsFile::load_from_folder(plugins::folder_of(path))?,
        None => GrantsFile::default(),
    };
    let mut builder = ToolHost::builder()
        .jobs(jobs)
        .objects(objects)
        .max_calls(MAX_CALLS)
        .compiler(settings.compiler);
    if let Some(names) = settings.names {
        builder = builder.setting_names(names);
    }
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
    // Before anything is loaded, so that no change is missed.
    let mut watch = settings.plugins.clone().map(PluginWatch::new);
    let loaded = match &settings.plugins {
        Some(path) => plugins::load(&host, path, &grants, settings.is_rehearsal).await?,
        None => plugins::Loaded::default(),
    };
    if let Some(watch) = &mut watch {
        watch.leave_out(loaded.broken);
    }
    let grants = match &settings.plugins {
        _ if settings.is_rehearsal => GrantsFile::default(),
        Some(path) if path.is_file() => grants.restricted_to(&loaded.plugins),
        _ => grants,
    };
    Ok(SetUp {
        host,
        warnings: grants.unused(&loaded.plugins, &built_in),
        refused: loaded.refused,
        overriding: loaded.overriding,
        watch,
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
