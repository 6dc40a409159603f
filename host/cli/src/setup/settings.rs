use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use toolhost::capability::{AccessSource, FetchRule};
use toolhost::grant::Grants;
use toolhost::http::HttpSettings;
use toolhost::registry::Compiler;
use toolhost_kubernetes::KubernetesSettings;

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
    pub(super) fn embedded_grants(&self) -> Grants {
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
