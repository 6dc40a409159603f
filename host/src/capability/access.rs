use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use secrecy::SecretString;

use super::CapabilityError;

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
    #[must_use]
    pub fn new(authorization: Authorization, origin: impl Into<String>) -> Self {
        Self {
            authorization,
            endpoint: None,
            region: None,
            path_style: None,
            expires_at: None,
            origin: origin.into(),
        }
    }
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
