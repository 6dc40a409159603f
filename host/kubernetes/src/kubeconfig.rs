//! Which cluster this host connects to, and with which credentials.

use std::io;
use std::path::{Path, PathBuf};

use http::HeaderValue;
use kube::Config;
use kube::config::{KubeConfigOptions, Kubeconfig, KubeconfigError};
use secrecy::{ExposeSecret as _, SecretString};
use toolhost_capability::text::{any_of, some_of};
use toolhost_capability::{Hint, Setting};
use toolhost_filesystem::{absolute, open_regular};

use super::diagnosis::LoginFailed;
use super::settings::ClusterSettings;

/// Maximum number of contexts that a message lists.
const MAX_LISTED_CONTEXTS: usize = 10;

/// Why there is no connection to a cluster.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// There is neither a kubeconfig nor a service account.
    #[error("no cluster is configured: there is no {0}, and this host does not run in a pod")]
    NotConfigured(String),
    /// A kubeconfig cannot be read.
    #[error("cannot read the kubeconfig `{0}`")]
    Unreadable(PathBuf, #[source] io::Error),
    /// A kubeconfig is invalid. Nothing of it is quoted: it contains tokens.
    #[error("the kubeconfig `{file}` is malformed{place}")]
    Malformed {
        /// The file.
        file: PathBuf,
        /// `: line 4, column 8`, where it is known.
        place: String,
    },
    /// There is no such context, or none is selected.
    #[error("{problem}: {known}")]
    Context {
        /// The problem.
        problem: String,
        /// The existing contexts.
        known: String,
    },
    /// The content of the kubeconfig cannot be used.
    #[error("the kubeconfig cannot be used: {0}")]
    Unusable(String),
    /// There are no credentials.
    #[error("cannot authenticate to the cluster: {0}")]
    Login(String),
}

impl ConnectError {
    /// How to fix it.
    #[must_use]
    pub fn help(&self) -> Hint {
        match self {
            Self::NotConfigured(_) | Self::Unreadable(..) => {
                Hint::from("specify a kubeconfig file")
                    .setting(Setting::Kubeconfig)
                    .text(", set `KUBECONFIG`, or run in a pod with a service account")
            }
            Self::Malformed { .. } => "find the mistake with `kubectl config view`".into(),
            Self::Context { .. } => Hint::from("select one")
                .setting(Setting::KubeContext)
                .text(", or run `kubectl config use-context NAME`"),
            Self::Unusable(_) | Self::Login(_) => {
                "check the cluster and the user of the kubeconfig's context".into()
            }
        }
    }
}

impl From<kube::Error> for ConnectError {
    fn from(error: kube::Error) -> Self {
        match error {
            kube::Error::Auth(error) => Self::Login(LoginFailed::from(&error).to_string()),
            error => Self::Unusable(error.to_string()),
        }
    }
}

/// Reads the configuration: the given file, those of `KUBECONFIG`, or the user's own, like `kubectl`; where these do
/// not exist, the service account of the pod.
pub(super) async fn read(settings: &ClusterSettings) -> Result<Config, ConnectError> {
    let given = settings.kubeconfig.as_deref();
    let kubeconfig = match given {
        Some(path) => load(path)?,
        None => match load_usual()? {
            Some(kubeconfig) => kubeconfig,
            None => return in_cluster(settings),
        },
    };
    if kubeconfig.contexts.is_empty() && given.is_none() {
        return in_cluster(settings);
    }
    let options = KubeConfigOptions {
        context: settings.context.clone(),
        ..KubeConfigOptions::default()
    };
    let contexts: Vec<String> = kubeconfig
        .contexts
        .iter()
        .map(|context| context.name.clone())
        .collect();
    let config = Config::from_custom_kubeconfig(kubeconfig, &options).await;
    let config = config.map_err(|error| unusable(error, &contexts))?;
    check_token(&config)?;
    with_server(config, settings)
}

/// The HTTP client panics on a token that is not valid in a header, such as one with the line break of its file.
fn check_token(config: &Config) -> Result<(), ConnectError> {
    let token = config.auth_info.token.as_ref();
    let is_carried = |token: &SecretString| HeaderValue::from_str(token.expose_secret()).is_ok();
    if token.is_none_or(is_carried) {
        return Ok(());
    }
    let problem =
        "its token has characters that are not allowed in an HTTP header, such as a line break";
    Err(ConnectError::Login(problem.to_owned()))
}

/// Loads the default files, merged; none where none exist.
fn load_usual() -> Result<Option<Kubeconfig>, ConnectError> {
    let mut merged = None;
    for path in usual_files() {
        let next = match load(&path) {
            Err(ConnectError::Unreadable(_, error)) if error.kind() == io::ErrorKind::NotFound => {
                continue;
            }
            loaded => loaded?,
        };
        merged = Some(match merged {
            None => next,
            Some(before) => Kubeconfig::merge(before, next)
                .map_err(|error| ConnectError::Unusable(error.to_string()))?,
        });
    }
    Ok(merged)
}

/// <https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig>
fn usual_files() -> Vec<PathBuf> {
    let named = std::env::var_os("KUBECONFIG").unwrap_or_default();
    let named = std::env::split_paths(&named).filter(|path| !path.as_os_str().is_empty());
    let named: Vec<_> = named.collect();
    if !named.is_empty() {
        return named;
    }
    own_file().into_iter().collect()
}

/// Returns the file in the user's home; only an absolute path is one.
fn own_file() -> Option<PathBuf> {
    let home = absolute(std::env::home_dir().map(Into::into))?;
    Some(home.join(".kube").join("config"))
}

fn load(path: &Path) -> Result<Kubeconfig, ConnectError> {
    // A named file may be a pipe; waiting for one that was not named would be pointless.
    if own_file().is_some_and(|own| own == path) {
        open_regular(path).map_err(|error| ConnectError::Unreadable(path.to_owned(), error))?;
    }
    Kubeconfig::read_from(path).map_err(|error| match error {
        KubeconfigError::ReadConfig(error, _) => ConnectError::Unreadable(path.to_owned(), error),
        KubeconfigError::Parse(error) => {
            let place = error.location().map(|place| {
                let (line, column) = (place.line(), place.column());
                format!(": line {line}, column {column}")
            });
            ConnectError::Malformed {
                file: path.to_owned(),
                place: place.unwrap_or_default(),
            }
        }
        error => ConnectError::Unusable(error.to_string()),
    })
}

fn in_cluster(settings: &ClusterSettings) -> Result<Config, ConnectError> {
    let config = Config::incluster().map_err(|_| {
        let files = usual_files();
        ConnectError::NotConfigured(if files.is_empty() {
            "kubeconfig".to_owned()
        } else {
            any_of(files.iter().map(|file| file.display()))
        })
    })?;
    if let Some(name) = &settings.context {
        return Err(unknown_context(name, &[]));
    }
    with_server(config, settings)
}

fn with_server(mut config: Config, settings: &ClusterSettings) -> Result<Config, ConnectError> {
    if let Some(server) = &settings.server {
        config.cluster_url = server.parse().map_err(|error| {
            ConnectError::Unusable(format!("invalid server address `{server}`: {error}"))
        })?;
    }
    Ok(config)
}

fn unusable(error: KubeconfigError, contexts: &[String]) -> ConnectError {
    match error {
        KubeconfigError::LoadContext(name) => unknown_context(&name, contexts),
        KubeconfigError::CurrentContextNotSet => ConnectError::Context {
            problem: "the kubeconfig selects no context".to_owned(),
            known: listed(contexts),
        },
        KubeconfigError::LoadClusterOfContext(name) => ConnectError::Unusable(format!(
            "it has no cluster `{name}`, which the context names"
        )),
        error => ConnectError::Unusable(error.to_string()),
    }
}

fn unknown_context(name: &str, contexts: &[String]) -> ConnectError {
    ConnectError::Context {
        problem: format!("the kubeconfig has no context `{name}`"),
        known: listed(contexts),
    }
}

fn listed(contexts: &[String]) -> String {
    if contexts.is_empty() {
        return "there is none".to_owned();
    }
    format!("there is {}", some_of(contexts, MAX_LISTED_CONTEXTS))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "eyJhbGciOiJSUzI1NiJ9";

    /// Returns the message for a kubeconfig with this text.
    async fn said(text: &str, context: Option<&str>) -> String {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("kubeconfig");
        std::fs::write(&file, text).unwrap();
        let settings = ClusterSettings {
            kubeconfig: Some(file),
            context: context.map(str::to_owned),
            ..ClusterSettings::default()
        };
        let error = read(&settings).await.unwrap_err();
        // All that can be shown of it; what is below is an error of the system.
        format!("{error} {error:?}")
    }

    fn with_contexts(names: &[&str]) -> String {
        let contexts: Vec<_> = names
            .iter()
            .map(|name| format!("{{name: {name}, context: {{cluster: c, user: u}}}}"))
            .collect();
        format!(
            "{{clusters: [{{name: c, cluster: {{server: 'https://127.0.0.1:1'}}}}], \
             users: [{{name: u, user: {{token: {TOKEN}}}}}], contexts: [{}]}}",
            contexts.join(", ")
        )
    }

    #[tokio::test]
    async fn a_malformed_file_is_not_quoted() {
        for (text, place) in [
            (
                format!("users:\n- name: u\n  user:\n    token: {TOKEN}\n   bad\n"),
                "line 5, column 4",
            ),
            (
                format!("clusters: []\nusers: {TOKEN}\n"),
                "line 2, column 8",
            ),
            (format!("users:\n- {TOKEN}\n"), "line 2, column 3"),
            (
                format!("users: [{{name: u, user: {{token: [{TOKEN}]}}}}]\n"),
                "line 1",
            ),
        ] {
            let said = said(&text, None).await;
            assert!(!said.contains(TOKEN), "{said}");
            assert!(said.contains(place), "{said}");
            assert!(said.contains("is malformed"), "{said}");
        }
    }

    #[tokio::test]
    async fn the_existing_contexts_are_named() {
        let text = with_contexts(&["production", "staging"]);
        let unknown = said(&text, Some("stagin")).await;
        assert!(
            unknown.contains("no context `stagin`: there is `production` and `staging`"),
            "{unknown}"
        );
        let none = said(&text, None).await;
        assert!(
            none.contains("selects no context: there is `production`"),
            "{none}"
        );
        assert!(!none.contains(TOKEN), "{none}");
    }

    #[tokio::test]
    async fn a_missing_file_is_named() {
        let settings = ClusterSettings {
            kubeconfig: Some("/nowhere/kubeconfig".into()),
            ..ClusterSettings::default()
        };
        let error = read(&settings).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "cannot read the kubeconfig `/nowhere/kubeconfig`"
        );
    }

    #[tokio::test]
    async fn the_server_of_the_settings_replaces_that_of_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("kubeconfig");
        std::fs::write(&file, with_contexts(&["x"])).unwrap();
        let mut settings = ClusterSettings {
            kubeconfig: Some(file),
            context: Some("x".to_owned()),
            server: Some("https://127.0.0.1:2".to_owned()),
            ..ClusterSettings::default()
        };
        let config = read(&settings).await.unwrap();
        assert_eq!(config.cluster_url.to_string(), "https://127.0.0.1:2/");
        settings.server = Some("no address".to_owned());
        let error = read(&settings).await.unwrap_err().to_string();
        assert!(error.contains("`no address`"), "{error}");
    }
}
