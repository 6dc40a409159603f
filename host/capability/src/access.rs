use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use super::{CapabilityError, FetchPattern};

/// Where sources of objects get what servers ask for: keys, tokens, passwords.
///
/// An implementation keeps what it was given and renews it before it ends; however many ask at once,
/// a server is asked once.
#[async_trait]
pub trait AccessSource: Send + Sync + 'static {
    /// What opens the service, valid for at least [`AccessRequest::min_remaining`].
    ///
    /// # Errors
    ///
    /// [`Reason::CredentialMissing`](super::Reason::CredentialMissing),
    /// [`CredentialExpired`](super::Reason::CredentialExpired), and the reasons of a fetch where a token
    /// server does not give one. The message names the credential, and never its values.
    async fn access(&self, request: &AccessRequest) -> Result<Access, CapabilityError>;

    /// Says that a server refused what [`access`](Self::access) gave, so that it is made anew when it is
    /// asked for again. Does nothing where it cannot be made anew, or where `refused` is no longer what
    /// is given.
    async fn refuse(&self, request: &AccessRequest, refused: &Access);
}

/// For what access is needed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct AccessRequest {
    /// The credential's name; without one, what the machine offers by itself, or nothing at all.
    pub credential: Option<String>,
    /// The service.
    pub service: Service,
    /// How long it must stay valid from now on.
    pub min_remaining: Duration,
}

impl AccessRequest {
    /// Access to `service` by a credential's name.
    #[must_use]
    pub fn new(service: Service, credential: Option<&str>) -> Self {
        Self {
            credential: credential.map(str::to_owned),
            service,
            min_remaining: Duration::ZERO,
        }
    }
}

/// A kind of server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Service {
    /// Google Cloud Storage.
    Gcs,
    /// Amazon S3 and what speaks its protocol.
    S3,
    /// Any HTTP server.
    Http,
}

/// What opens a server. Printing it shows no value.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Access {
    /// What is shown to the server.
    pub authorization: Authorization,
    /// The servers that it may be shown to. That of [`endpoint`](Self::endpoint) is always one of them.
    pub audience: Audience,
    /// What else is secret about it, such as the password that a token was made from.
    pub related: Vec<SecretString>,
    /// Another server than the usual one, as a URL.
    pub endpoint: Option<String>,
    /// The region, where the credential knows it.
    pub region: Option<String>,
    /// Whether the bucket stands in the path rather than in the host's name; none where that follows from
    /// the endpoint.
    pub path_style: Option<bool>,
    /// When it ends, where it does.
    pub expires_at: Option<SystemTime>,
    /// Where it comes from, for a person: ``the credential `aws_credentials` ``, `the profile "dev"`,
    /// `no credential`.
    pub origin: String,
}

impl Access {
    /// Access with that authorization, and nothing else known.
    ///
    /// Nobody has said which servers it is for: only a tool that is trusted may send it, to where its
    /// configuration says. See [`Audience`].
    #[must_use]
    pub fn new(authorization: Authorization, origin: impl Into<String>) -> Self {
        Self {
            authorization,
            audience: Audience::unstated(),
            related: Vec::new(),
            endpoint: None,
            region: None,
            path_style: None,
            expires_at: None,
            origin: origin.into(),
        }
    }
}

impl Access {
    /// Tells of everything about it that is secret, in the forms in which it is shown to servers.
    pub(super) fn tell_secrets(&self, opened: &dyn OpenedSecrets) {
        match &self.authorization {
            Authorization::Anonymous => {}
            Authorization::Bearer(token) => opened.remember(token.expose_secret()),
            Authorization::Basic { username, password } => {
                let password = password.expose_secret();
                opened.remember(password);
                // Encoded as a whole, the password alone is found in it as well, and the name would remain.
                let pair = SecretString::from(format!("{username}:{password}"));
                opened.remember(pair.expose_secret());
            }
            Authorization::Aws(keys) => {
                opened.remember(keys.secret_access_key.expose_secret());
                if let Some(token) = &keys.session_token {
                    opened.remember(token.expose_secret());
                }
            }
        }
        for secret in &self.related {
            opened.remember(secret.expose_secret());
        }
    }
}

/// The servers that a credential may be shown to.
///
/// | | sent to |
/// |---|---|
/// | stated: `hosts` of the credential | these servers and its own `endpoint` |
/// | those of its service, such as `*.googleapis.com` | these and its own `endpoint`; by a trusted tool also to the `endpoint` that the configuration names |
/// | unstated | its own `endpoint`; by a trusted tool to wherever the configuration says |
///
/// A trusted tool is one whose grants are `trusted`, as those of the embedded
/// tools are: where it sends something is what whoever wrote the playbook wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audience {
    servers: Vec<FetchPattern>,
    /// Whether whoever has the credential named the servers.
    pub(super) is_stated: bool,
}

impl Audience {
    /// Nobody said which servers it is for.
    #[must_use]
    pub fn unstated() -> Self {
        Self::of_service([])
    }

    /// The servers of the service that the credential is for.
    #[must_use]
    pub fn of_service(servers: impl IntoIterator<Item = FetchPattern>) -> Self {
        Self {
            servers: servers.into_iter().collect(),
            is_stated: false,
        }
    }

    /// As it was, and these servers, which whoever has the credential named.
    #[must_use]
    pub fn stating(mut self, servers: impl IntoIterator<Item = FetchPattern>) -> Self {
        self.servers.extend(servers);
        self.is_stated = true;
        self
    }

    pub(super) fn holds(&self, url: &Url) -> bool {
        self.servers.iter().any(|server| server.matches_url(url))
    }

    pub(super) fn is_unstated(&self) -> bool {
        self.servers.is_empty() && !self.is_stated
    }
}

/// Hears of everything secret that is opened for a call, before it is sent anywhere, so that it is redacted from
/// what leaves the call.
pub trait OpenedSecrets: Send + Sync + 'static {
    /// Remembers a secret.
    fn remember(&self, secret: &str);
}

/// What is shown to a server.
#[derive(Debug, Clone)]
pub enum Authorization {
    /// Nothing.
    Anonymous,
    /// A token, in `Authorization: Bearer`.
    Bearer(SecretString),
    /// A name and a password, in `Authorization: Basic`.
    Basic {
        /// The name.
        username: String,
        /// The password.
        password: SecretString,
    },
    /// Keys that sign requests.
    Aws(AwsKeys),
}

/// Keys of Amazon Web Services.
#[derive(Debug, Clone)]
pub struct AwsKeys {
    /// The identifier, which is no secret.
    pub access_key_id: String,
    /// The key that signs.
    pub secret_access_key: SecretString,
    /// What goes with temporary keys.
    pub session_token: Option<SecretString>,
}

impl AwsKeys {
    /// The field with which no request can be signed, since it is empty or cannot stand in a header.
    #[must_use]
    pub fn unusable_field(&self) -> Option<&'static str> {
        let fits = |key: &str| !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_graphic());
        let secret = self.secret_access_key.expose_secret();
        let token = self.session_token.as_ref().map(SecretString::expose_secret);
        let fields = [
            ("access_key_id", fits(&self.access_key_id)),
            ("secret_access_key", !secret.is_empty()),
            ("session_token", token.is_none_or(fits)),
        ];
        let mut unusable = fields.into_iter().filter(|(_, is_usable)| !is_usable);
        unusable.next().map(|(name, _)| name)
    }
}
