use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, ValueEnum};
use toolhost::backend::{HttpSettings, ProxySettings};
use toolhost::capability::text::chain;
use toolhost::credential::{CredentialError, CredentialsFile, ProviderSettings};
use toolhost_cli::cases::CaseRunner;
use toolhost_cli::setup::{
    Credentials, PlanSources, PolicyFile, PolicyFileError, SetUp, Settings, SetupError, set_up_with,
};
use toolhost_diagnostic::Document;
use toolhost_filesystem::absolute;
use toolhost_kubernetes::{ConnectError, KubernetesSettings, Planner, Policy};

use super::exit::Exit;
use super::plugins::{report_refused, show_grants_error};
use super::settings::{hint_text, option_of};
use super::terminal;

/// The options of every command that calls tools.
#[derive(Debug, Args)]
pub(crate) struct CommonOptions {
    /// The engine that runs jobs.
    #[arg(long, value_enum, default_value = "local")]
    engine: EngineName,
    #[command(flatten)]
    cluster: ClusterOptions,
    /// The file with secrets and credentials [default: the one in the user's configuration folder].
    #[arg(long, value_name = "FILE", env = "TOOLHOST_CREDENTIALS")]
    credentials: Option<PathBuf>,
    /// Further sources of secrets and credentials, after the file: `env`, `folder:PATH`,
    /// `noetl:URL` (its token in `TOOLHOST_NOETL_TOKEN`) or `command:PROGRAM`; may be repeated
    /// [default: env].
    #[arg(long = "credential-provider", value_name = "PROVIDER")]
    providers: Vec<ProviderSettings>,
    #[command(flatten)]
    plugins: PluginOptions,
    /// The policy for jobs in a cluster, a file as described in `docs/kubernetes.md`; without it, jobs may
    /// request anything that you may request.
    #[arg(long, value_name = "FILE", env = "TOOLHOST_POLICY")]
    policy: Option<PathBuf>,
    /// The folder that script files must be in [default: that of the playbook or configuration].
    #[arg(long, value_name = "DIR")]
    workspace: Option<PathBuf>,
    /// The delay before the first retry of a failed attempt, in seconds; it doubles each time, up to 6
    /// minutes [default: 10, as in Kubernetes].
    #[arg(long, value_name = "SECONDS", env = "TOOLHOST_BACKOFF_SECONDS", value_parser = seconds)]
    backoff: Option<Duration>,
}

/// The option that names more tools.
#[derive(Debug, Default, Args)]
pub(crate) struct PluginOptions {
    /// A folder with more tools (`*.wasm`) and their grants (`grants.yaml`), or one such file.
    #[arg(long, value_name = "PATH", env = "TOOLHOST_PLUGINS")]
    plugins: Option<PathBuf>,
}

/// The options that select a cluster.
#[derive(Debug, Args)]
pub(crate) struct ClusterOptions {
    /// The kubeconfig [default: $KUBECONFIG, ~/.kube/config, or the service account of this pod].
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// The context of the kubeconfig [default: its current one].
    #[arg(long, value_name = "NAME")]
    kube_context: Option<String>,
}

impl ClusterOptions {
    /// As settings of the engine.
    pub(crate) fn settings(&self) -> KubernetesSettings {
        let mut settings = KubernetesSettings::default();
        settings.cluster.kubeconfig.clone_from(&self.kubeconfig);
        settings.cluster.context.clone_from(&self.kube_context);
        settings
    }
}

/// An engine by name.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum EngineName {
    /// Supervised processes on this machine.
    Local,
    /// Jobs in a Kubernetes cluster.
    Kubernetes,
}

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum OutputFormat {
    /// For people.
    Text,
    /// One JSON document.
    Json,
}

/// The maximum size of a configuration; the host reads no more of it.
const MAX_INPUT_BYTES: u64 = 16 << 20;
/// The maximum delay before a first retry: the limit of all later delays.
const MAX_BACKOFF_SECONDS: f64 = 360.0;

impl PluginOptions {
    /// The tools at a path.
    pub(crate) fn of(path: PathBuf) -> Self {
        let plugins = Some(path);
        Self { plugins }
    }

    /// Assembles a host whose backends play test cases. Its tools may use them without grants, and may replace built-in
    /// ones: nothing happens outside.
    pub(crate) async fn set_up_cases(
        &self,
        folder: &Path,
        runner: &CaseRunner,
    ) -> Result<SetUp, Exit> {
        let mut settings = self.settings(folder, folder);
        settings.is_rehearsal = true;
        let set_up = set_up_with(settings, runner.jobs(), runner.objects()).await;
        let set_up = set_up.map_err(|error| explain(&error))?;
        report_refused(&set_up);
        Ok(set_up)
    }

    /// The settings that do not depend on an engine.
    fn settings(&self, folder: &Path, workspace: &Path) -> Settings {
        let mut settings = Settings::new(folder, workspace);
        settings.plugins.clone_from(&self.plugins);
        settings.cache_directory =
            user_folder("XDG_CACHE_HOME", ".cache").map(|cache| cache.join("compiled"));
        if settings.cache_directory.is_none() {
            terminal::tell(
                "note: compiled tools are not cached: neither `XDG_CACHE_HOME` nor `HOME` is an absolute path",
            );
        }
        settings.compiler = super::compile::compiler();
        settings.log_directory =
            user_folder("XDG_STATE_HOME", ".local/state").map(|state| state.join("logs"));
        settings.names = Some(option_of);
        settings
    }
}

impl CommonOptions {
    /// Whether jobs are processes on this machine.
    pub(crate) fn is_local(&self) -> bool {
        matches!(self.engine, EngineName::Local)
    }

    /// Assembles a host for a playbook or configuration in `folder`.
    pub(crate) async fn set_up(
        &self,
        folder: &Path,
        credentials: Option<&Credentials>,
    ) -> Result<SetUp, Exit> {
        let set_up = toolhost_cli::setup::set_up(self.settings(folder, credentials)?)
            .await
            .map_err(|error| explain(&error))?;
        report_refused(&set_up);
        Ok(set_up)
    }

    /// The settings of the cluster, for commands that do not run jobs there.
    pub(crate) fn cluster_settings(&self) -> KubernetesSettings {
        self.cluster.settings()
    }

    /// Assembles a host that creates nothing, for a playbook in `folder`.
    pub(crate) async fn set_up_plan(
        &self,
        folder: &Path,
        credentials: &Credentials,
        sources: PlanSources,
    ) -> Result<(SetUp, Planner), Exit> {
        let mut settings = self.settings(folder, Some(credentials))?;
        settings.kubernetes = Some(self.kubernetes()?);
        let (set_up, planner) = toolhost_cli::setup::set_up_plan(settings, sources)
            .await
            .map_err(|error| explain(&error))?;
        report_refused(&set_up);
        Ok((set_up, planner))
    }

    fn settings(&self, folder: &Path, credentials: Option<&Credentials>) -> Result<Settings, Exit> {
        let workspace = self.workspace.as_deref().unwrap_or(folder);
        let mut settings = self.plugins.settings(folder, workspace);
        settings.search_path = std::env::var("PATH").ok();
        settings.backoff_base = self.backoff;
        let kubernetes = self.kubernetes()?;
        if let EngineName::Kubernetes = self.engine {
            settings.kubernetes = Some(kubernetes);
        }
        settings.http = http_settings();
        settings.access = credentials.map(Credentials::access);
        // The user at the keyboard can reach them without this host.
        settings.private_addresses = true;
        Ok(settings)
    }

    /// The cluster, and the policy for jobs.
    fn kubernetes(&self) -> Result<KubernetesSettings, Exit> {
        let mut settings = self.cluster.settings();
        let policy = match &self.policy {
            Some(path) => {
                let loaded = PolicyFile::load(path).map_err(|error| explain_policy(&error))?;
                loaded.kubernetes
            }
            // The user at the keyboard can access the cluster without this host.
            None => Policy::open(),
        };
        settings.policy = Arc::new(policy);
        Ok(settings)
    }

    /// The secrets and credentials.
    pub(crate) fn credentials(&self) -> Result<Credentials, Exit> {
        let loaded = match &self.credentials {
            Some(path) => CredentialsFile::load(path),
            None => usual_credentials(),
        };
        let loaded =
            loaded.map(|file| Credentials::with_file(file, &self.providers, http_settings()));
        let credentials = loaded.map_err(|error| explain_credentials(&error))?;
        terminal::show(credentials.warnings());
        Ok(credentials)
    }
}

/// The file in the user's configuration folder; empty if there is none.
fn usual_credentials() -> Result<CredentialsFile, CredentialError> {
    let folder = user_folder("XDG_CONFIG_HOME", ".config");
    let found = folder.map(|folder| CredentialsFile::load_own(&folder.join("credentials.yaml")));
    Ok(found.transpose()?.flatten().unwrap_or_default())
}

/// The settings of the HTTP client.
fn http_settings() -> HttpSettings {
    let mut settings = HttpSettings::default();
    settings.proxy = ProxySettings::from_variables(|name| std::env::var(name).ok());
    settings
}

/// Reads a YAML or JSON file; `-` is standard input.
pub(crate) fn read_document(path: &Path) -> Result<Document, Exit> {
    let name = path.display().to_string();
    let text = read_text(path).map_err(|error| {
        terminal::complain(&format!("cannot read `{name}`: {error}"), None);
        Exit::Usage
    })?;
    Document::parse(&name, &text).map_err(|problem| {
        terminal::show(&[problem]);
        Exit::Usage
    })
}

/// The folder of a file; the current one for standard input.
pub(crate) fn folder_of(path: &Path) -> PathBuf {
    let parent = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    parent.map_or_else(|| PathBuf::from("."), Path::to_path_buf)
}

fn read_text(path: &Path) -> std::io::Result<String> {
    use std::io::Read as _;
    let mut text = String::new();
    let bytes = if path.as_os_str() == "-" {
        std::io::stdin()
            .lock()
            .take(MAX_INPUT_BYTES + 1)
            .read_to_string(&mut text)?
    } else {
        std::fs::File::open(path)?
            .take(MAX_INPUT_BYTES + 1)
            .read_to_string(&mut text)?
    };
    if bytes as u64 > MAX_INPUT_BYTES {
        let message = format!("it has more than {MAX_INPUT_BYTES} bytes");
        return Err(std::io::Error::new(
            std::io::ErrorKind::FileTooLarge,
            message,
        ));
    }
    Ok(text)
}

/// This program's folder below one of the user's, according to the XDG base directory specification; `None`
/// if the environment has no absolute path for it.
fn user_folder(variable: &str, below_home: &str) -> Option<PathBuf> {
    let set = absolute(std::env::var_os(variable));
    let folder = set.or_else(|| Some(absolute(std::env::var_os("HOME"))?.join(below_home)));
    folder.map(|folder| folder.join("toolhost"))
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text
        .parse()
        .map_err(|_| "expected a number of seconds".to_owned())?;
    if (0.0..=MAX_BACKOFF_SECONDS).contains(&seconds) {
        return Ok(Duration::from_secs_f64(seconds));
    }
    Err(format!("expected 0 to {MAX_BACKOFF_SECONDS} seconds"))
}

/// Reports why the cluster cannot be used.
pub(crate) fn explain_cluster(error: &ConnectError) -> Exit {
    terminal::complain(&chain(error), Some(hint_text(error.help())));
    Exit::Unreachable
}

fn explain(error: &SetupError) -> Exit {
    match error {
        SetupError::Grants(error) => show_grants_error(error),
        SetupError::Credentials(error) => return explain_credentials(error),
        SetupError::Cluster(error) => return explain_cluster(error),
        other => terminal::complain(&chain(other), None),
    }
    Exit::Usage
}

fn explain_policy(error: &PolicyFileError) -> Exit {
    match error {
        PolicyFileError::Invalid { problems, .. } => terminal::show(problems),
        PolicyFileError::Unreadable { .. } => terminal::complain(&chain(error), None),
    }
    Exit::Usage
}

fn explain_credentials(error: &CredentialError) -> Exit {
    match error {
        CredentialError::Invalid { problems, .. } => terminal::show(problems),
        other => terminal::complain(&chain(other), other.help()),
    }
    Exit::Usage
}
