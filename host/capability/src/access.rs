use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use super::{CapabilityError, FetchPattern};

/// Provides the keys, tokens and passwords that servers require to sources of objects.
///
/// An implementation caches them and renews them before they expire; a server is asked once, however many callers wait.
#[async_trait]
pub trait AccessSource: Send + Sync + 'static {
    /// Returns access to the service, valid for at least [`AccessRequest::min_remaining`].
    ///
    /// # Errors
    ///
    /// [`Reason::CredentialMissing`](super::Reason::CredentialMissing),
    /// [`CredentialExpired`](super::Reason::CredentialExpired), and the reasons of a fetch where a token
    /// server does not give one. The message names the credential, and never its values.
    async fn access(&self, request: &AccessRequest) -> Result<Access, CapabilityError>;

    /// Reports that a server refused the access that was returned by [`access`](Self::access), so that it is renewed on
    /// the next request. It is ignored if the access cannot be renewed, or was replaced already.
    async fn refuse(&self, request: &AccessRequest, refused: &Access);
}

/// The service for which access is requested, and how.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct AccessRequest {
    /// The credential's name; without one, the machine's own credentials, or none at all.
    pub credential: Option<String>,
    /// The service.
    pub service: Service,
    /// The minimum remaining validity.
    pub min_remaining: Duration,
}

impl AccessRequest {
    /// Requests access to `service` by a credential's name.
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
    /// Amazon S3 and compatible servers.
    S3,
    /// Any HTTP server.
    Http,
}

/// Access to a server. Its `Debug` form shows no value.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Access {
    /// The data that is sent to the server.
    pub authorization: Authorization,
    /// The servers that it may be sent to. That of [`endpoint`](Self::endpoint) is always one of them.
    pub audience: Audience,
    /// Other secrets behind it, such as the password with which a token was requested.
    pub related: Vec<SecretString>,
    /// A server other than the default one, as a URL.
    pub endpoint: Option<String>,
    /// The region, if it is part of the credential.
    pub region: Option<String>,
    /// Whether the bucket is in the path rather than in the host's name; none where that follows from the endpoint.
    pub path_style: Option<bool>,
    /// When it expires, if it does.
    pub expires_at: Option<SystemTime>,
    /// Its origin, for messages: ``the credential `aws_credentials` ``, `the profile "dev"`, `no credential`.
    pub origin: String,
}

impl Access {
    /// Creates access with that authorization, and defaults for everything else.
    ///
    /// Its servers are not stated: only a trusted tool may send it, to the servers of its configuration. See
    /// [`Audience`].
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
    /// Reports everything secret about it, in the forms in which it is sent to servers.
    pub(super) fn tell_secrets(&self, opened: &dyn OpenedSecrets) {
        match &self.authorization {
            Authorization::Anonymous => {}
            Authorization::Bearer(token) => opened.remember(token.expose_secret()),
            Authorization::Basic { username, password } => {
                let password = password.expose_secret();
                opened.remember(password);
                // If only the encoded whole were redacted, the password would remain, and so would the name.
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

/// The servers that a credential may be sent to.
///
/// | | sent to |
/// |---|---|
/// | stated: `hosts` of the credential | these servers and its own `endpoint` |
/// | those of its service, such as `*.googleapis.com` | these and its own `endpoint`; by a trusted tool also to the `endpoint` that the configuration names |
/// | unstated | its own `endpoint`; by a trusted tool to wherever the configuration says |
///
/// A trusted tool is one whose grants are `trusted`, as those of the embedded tools are: the author of the playbook
/// determines where it sends something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audience {
    servers: Vec<FetchPattern>,
    /// Whether the owner of the credential named the servers.
    pub(super) is_stated: bool,
}

impl Audience {
    /// Creates an audience without stated servers.
    #[must_use]
    pub fn unstated() -> Self {
        Self::of_service([])
    }

    /// Creates an audience of the servers of the credential's service.
    #[must_use]
    pub fn of_service(servers: impl IntoIterator<Item = FetchPattern>) -> Self {
        Self {
            servers: servers.into_iter().collect(),
            is_stated: false,
        }
    }

    /// Adds servers that the owner of the credential named.
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

/// Receives everything secret that is opened for a call, before it is sent anywhere, so that it is redacted from the
/// output of the call.
pub trait OpenedSecrets: Send + Sync + 'static {
    /// Records a secret.
    fn remember(&self, secret: &str);
}

/// The data that is sent to a server.
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
    /// The identifier, which is not secret.
    pub access_key_id: String,
    /// The key that signs.
    pub secret_access_key: SecretString,
    /// The token of temporary keys.
    pub session_token: Option<SecretString>,
}

impl AwsKeys {
    /// Returns the field that cannot be used to sign requests, since it is empty or not valid in a header.
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
