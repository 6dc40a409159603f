use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use toolhost::backend::HttpSettings;
use toolhost::capability::{AccessSource, FetchRule};
use toolhost::grant::Grants;
use toolhost::host::SettingNames;
use toolhost::registry::Compiler;
use toolhost_kubernetes::KubernetesSettings;

/// The settings of a host.
#[derive(Clone)]
#[non_exhaustive]
pub struct Settings {
    /// The base of relative script paths: the playbook's folder.
    pub base: PathBuf,
    /// The folder that must contain every script file.
    pub workspace: PathBuf,
    /// A folder with more tools, and `grants.yaml`; or a component, with `grants.yaml` next to it.
    pub plugins: Option<PathBuf>,
    /// Where programs are searched for, in the format of `PATH`.
    pub search_path: Option<String>,
    /// The delay before the first retry of a failed attempt on the local engine.
    pub backoff_base: Option<Duration>,
    /// Where compiled components are kept.
    pub cache_directory: Option<PathBuf>,
    /// Where the components of the folder are compiled.
    pub compiler: Compiler,
    /// Where large logs are kept.
    pub log_directory: Option<PathBuf>,
    /// The cluster that jobs run in, and their policy; without it they are processes on this machine.
    pub kubernetes: Option<KubernetesSettings>,
    /// How servers are asked.
    pub http: HttpSettings,
    /// Where the credentials of `source.auth` come from.
    pub access: Option<Arc<dyn AccessSource>>,
    /// Whether the built-in tools may also fetch from addresses that are not public: appropriate if the
    /// authors of playbooks can reach those anyway.
    pub private_addresses: bool,
    /// Whether the backends do nothing outside of this process: then `plugins` may use them without grants, and may replace
    /// built-in tools.
    pub is_rehearsal: bool,
    /// How these settings are set, for hints about them.
    pub names: Option<SettingNames>,
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
            is_rehearsal: false,
            names: None,
        }
    }

    /// The grants of the built-in tools before those of the folder are added.
    pub(super) fn embedded_grants(&self) -> Grants {
        everything(self.private_addresses)
    }
}

/// Everything that a tool can be granted.
pub(super) fn everything(private_addresses: bool) -> Grants {
    Grants::all().fetching(FetchRule {
        allow: None,
        private_addresses,
    })
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
