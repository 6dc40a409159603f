//! What of a kubeconfig tells where a server is, and who its client is.

use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

/// Why a kubeconfig is of no use.
#[derive(Debug)]
pub(crate) struct KubeconfigError(String);

impl std::fmt::Display for KubeconfigError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for KubeconfigError {}

impl KubeconfigError {
    pub(crate) fn new(what: &str) -> Self {
        Self(what.to_owned())
    }
}

fn wrong(what: impl std::fmt::Display) -> KubeconfigError {
    KubeconfigError(what.to_string())
}

/// The server of the current context, and its user. Keys and tokens have no `Debug`.
pub(crate) struct Upstream {
    pub(crate) server: String,
    /// PEM.
    pub(crate) authority: Option<Vec<u8>>,
    /// PEM of the certificate, and of its key.
    pub(crate) certificate: Option<(Vec<u8>, Vec<u8>)>,
    pub(crate) token: Option<String>,
    pub(crate) namespace: String,
}

#[derive(Deserialize)]
struct File {
    #[serde(rename = "current-context")]
    current_context: String,
    clusters: Vec<NamedCluster>,
    contexts: Vec<NamedContext>,
    users: Vec<NamedUser>,
}

#[derive(Deserialize)]
struct NamedCluster {
    name: String,
    cluster: Cluster,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Cluster {
    server: String,
    certificate_authority: Option<PathBuf>,
    certificate_authority_data: Option<String>,
}

#[derive(Deserialize)]
struct NamedContext {
    name: String,
    context: Context,
}

#[derive(Deserialize)]
struct Context {
    cluster: String,
    user: String,
    namespace: Option<String>,
}

#[derive(Deserialize)]
struct NamedUser {
    name: String,
    user: User,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct User {
    client_certificate: Option<PathBuf>,
    client_certificate_data: Option<String>,
    client_key: Option<PathBuf>,
    client_key_data: Option<String>,
    token: Option<String>,
    #[serde(rename = "tokenFile")]
    token_file: Option<PathBuf>,
}

impl Upstream {
    pub(crate) fn read(path: &Path) -> Result<Self, KubeconfigError> {
        let text = fs::read_to_string(path)
            .map_err(|error| wrong(format_args!("{}: {error}", path.display())))?;
        Self::parse(&text, path.parent().unwrap_or(Path::new(".")))
    }

    /// Paths are relative to the folder.
    pub(crate) fn parse(text: &str, folder: &Path) -> Result<Self, KubeconfigError> {
        // The message of the parser may quote a key: only the position is reported.
        let file: File = serde_saphyr::from_str(text)
            .map_err(|_| wrong("the kubeconfig is not YAML with contexts, clusters and users"))?;
        let named = |what: &str, name: &str| wrong(format_args!("there is no {what} `{name}`"));
        let context = &file.current_context;
        let context = file.contexts.iter().find(|one| one.name == *context);
        let context = &context
            .ok_or_else(|| named("context", &file.current_context))?
            .context;
        let cluster = file.clusters.iter().find(|one| one.name == context.cluster);
        let cluster = &cluster
            .ok_or_else(|| named("cluster", &context.cluster))?
            .cluster;
        let user = file.users.iter().find(|one| one.name == context.user);
        let user = &user.ok_or_else(|| named("user", &context.user))?.user;
        let authority = content(
            cluster.certificate_authority_data.as_deref(),
            cluster.certificate_authority.as_deref(),
            folder,
        )?;
        let certificate = content(
            user.client_certificate_data.as_deref(),
            user.client_certificate.as_deref(),
            folder,
        )?;
        let key = content(
            user.client_key_data.as_deref(),
            user.client_key.as_deref(),
            folder,
        )?;
        let token = match (&user.token, &user.token_file) {
            (Some(token), _) => Some(token.clone()),
            (None, Some(_)) => {
                let token = content(None, user.token_file.as_deref(), folder)?;
                token.map(|token| String::from_utf8_lossy(&token).trim().to_owned())
            }
            (None, None) => None,
        };
        Ok(Self {
            server: cluster.server.trim_end_matches('/').to_owned(),
            authority,
            certificate: certificate.zip(key),
            token,
            namespace: context
                .namespace
                .clone()
                .unwrap_or_else(|| "default".to_owned()),
        })
    }
}

fn content(
    data: Option<&str>,
    path: Option<&Path>,
    folder: &Path,
) -> Result<Option<Vec<u8>>, KubeconfigError> {
    match (data, path) {
        (Some(data), _) => {
            let decoded = STANDARD.decode(data.trim());
            decoded
                .map(Some)
                .map_err(|_| wrong("a certificate or key is not base64"))
        }
        (None, Some(path)) => {
            let path = folder.join(path);
            let read = fs::read(&path);
            read.map(Some)
                .map_err(|error| wrong(format_args!("{}: {error}", path.display())))
        }
        (None, None) => Ok(None),
    }
}
