//! Tokens and keys that servers return for a credential: requested once, cached, and renewed before they expire.
//!
//! Each type of credential has a file that determines its source ([`Source`]); [`Tokens`] sends the requests. Servers
//! are reached only through [`Exchange`].

mod answer;
mod aws;
mod cache;
mod client;
mod exchange;
mod google;
mod oauth2;
mod source;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};

pub(super) use answer::Asked;
pub(super) use cache::{Cache, Made, Version};
pub use client::HttpExchange;
pub(super) use exchange::bearer;
pub use exchange::{
    ANSWER_TIMEOUT, Exchange, ExchangeAnswer, ExchangeMethod, ExchangeRequest, MAX_ANSWER_BYTES,
    NEAR_CONNECT_TIMEOUT,
};

use self::source::{Servers, Source, Token, is_unanswered};
use super::audience::{audience, own_audience};
use super::{Credential, CredentialError, CredentialType, Machine};
use crate::capability::{Access, Audience, Authorization, Service};

/// Access by credentials: their own values, and those that servers return for them.
#[derive(Clone)]
pub struct Tokens {
    cache: Arc<Cache<Token>>,
    servers: Servers,
}

impl Tokens {
    /// Sends requests through `exchange`; `machine` has the variables and the clock.
    #[must_use]
    pub fn new(exchange: Arc<dyn Exchange>, machine: Machine) -> Self {
        Self {
            cache: Arc::new(Cache::new(machine.clone())),
            servers: Servers {
                exchange,
                machine,
                absent: Arc::default(),
            },
        }
    }

    /// Returns access by the credential, valid for `min_remaining`.
    ///
    /// # Errors
    ///
    /// The credential lacks a required field, or the token server returns no token.
    pub(super) async fn access(
        &self,
        name: &str,
        credential: &Credential,
        min_remaining: Duration,
    ) -> Result<Access, CredentialError> {
        let owner = format!("the credential `{name}`");
        let machine = &self.servers.machine;
        let source = match credential.kind {
            CredentialType::Google => google::source(&owner, credential, machine).await?,
            CredentialType::Aws => aws::source(&owner, credential, machine).await?,
            CredentialType::Oauth2 => oauth2::source(&owner, credential)?,
            CredentialType::Bearer => Source::Given(Access::new(
                Authorization::Bearer(credential.needed(&owner, "token")?),
                owner,
            )),
            CredentialType::Basic => {
                let username = credential.needed(&owner, "username")?;
                let password = credential.needed(&owner, "password")?;
                let username = username.expose_secret().to_owned();
                let authorization = Authorization::Basic { username, password };
                Source::Given(Access::new(authorization, owner))
            }
            CredentialType::Postgres | CredentialType::Generic => {
                return Err(CredentialError::Incomplete {
                    owner,
                    missing: "token".to_owned(),
                });
            }
        };
        let access = self
            .resolve(&token_key(name), version(credential), min_remaining, source)
            .await?;
        let audience = audience(&format!("the credential `{name}`"), credential)?;
        Ok(completed(access, credential, audience))
    }

    /// Returns the machine's own access to a service, if it has any.
    pub(super) async fn ambient(
        &self,
        service: Service,
        min_remaining: Duration,
    ) -> Result<Access, CredentialError> {
        let (key, kind, source) = match service {
            Service::Gcs => (
                AMBIENT_GOOGLE,
                CredentialType::Google,
                google::ambient(&self.servers).await?,
            ),
            Service::S3 => (
                AMBIENT_AMAZON,
                CredentialType::Aws,
                aws::ambient(&self.servers).await?,
            ),
            Service::Http => return Ok(nothing(service, &self.servers.machine)),
        };
        let Some(source) = source else {
            return Ok(nothing(service, &self.servers.machine));
        };
        let given = self
            .resolve(key, Version::default(), min_remaining, source)
            .await;
        match given {
            // The metadata server does not exist after all.
            Err(error) if is_unanswered(&error) && self.servers.is_absent(service) => {
                Ok(nothing(service, &self.servers.machine))
            }
            given => given.map(|mut access| {
                access.audience = own_audience(kind);
                access
            }),
        }
    }

    /// Reports that a server refused the access by the credential, or the machine's own access to the service.
    pub(super) fn refuse(&self, credential: Option<&str>, service: Service, refused: &Access) {
        let key = match (credential, service) {
            (Some(name), _) => token_key(name),
            (None, Service::Gcs) => AMBIENT_GOOGLE.to_owned(),
            (None, Service::S3) => AMBIENT_AMAZON.to_owned(),
            (None, Service::Http) => return,
        };
        self.cache.refuse(&key, |token| {
            is_same(&token.access.authorization, &refused.authorization)
        });
    }

    async fn resolve(
        &self,
        key: &str,
        version: Version,
        min_remaining: Duration,
        source: Source,
    ) -> Result<Access, CredentialError> {
        let source = match source {
            Source::Given(access) => return Ok(access),
            Source::Asked(source) => source,
        };
        let servers = self.servers.clone();
        let making = |last| async move { source.fetch(&servers, last).await };
        let token = self.cache.get(key, version, min_remaining, making).await?;
        Ok(token.access)
    }
}

/// Names of the machine's own access in the cache; those of credentials have another prefix.
const AMBIENT_GOOGLE: &str = "Google's application default";
const AMBIENT_AMAZON: &str = "Amazon's default";

/// Access without any credential.
fn nothing(service: Service, machine: &Machine) -> Access {
    match service {
        Service::Gcs => Access::new(Authorization::Anonymous, google::NOTHING_FOUND),
        Service::S3 => aws::anonymous(machine),
        Service::Http => Access::new(Authorization::Anonymous, "no credential"),
    }
}

fn token_key(name: &str) -> String {
    format!("credential `{name}`")
}

/// Adds the fields of the credential other than its keys.
fn completed(mut access: Access, credential: &Credential, audience: Audience) -> Access {
    let plain = |field: &str| {
        let text = credential.text(field)?;
        Some(text.expose_secret().to_owned()).filter(|text| !text.is_empty())
    };
    access.endpoint = plain("endpoint").or(access.endpoint);
    access.region = plain("region").or(access.region);
    let path_style = plain("path_style");
    let path_style = path_style.map(|text| text.eq_ignore_ascii_case("true"));
    access.path_style = path_style.or(access.path_style);
    access.audience = audience;
    let kind = credential.kind;
    let related = credential.fields.iter();
    access.related = related
        .filter(|(field, _)| kind.is_secret_field(field))
        .map(|(_, value)| value.to_text())
        .collect();
    access
}

/// Returns a digest of all fields of the credential.
pub(super) fn version(credential: &Credential) -> Version {
    let mut hasher = Sha256::new();
    hasher.update(credential.kind.as_str());
    for (field, value) in &credential.fields {
        let text = value.to_text();
        for part in [field.as_bytes(), text.expose_secret().as_bytes()] {
            hasher.update(part.len().to_le_bytes());
            hasher.update(part);
        }
    }
    hasher.finalize().into()
}

pub(super) fn is_same(one: &Authorization, other: &Authorization) -> bool {
    let equal =
        |one: &SecretString, other: &SecretString| one.expose_secret() == other.expose_secret();
    match (one, other) {
        (Authorization::Anonymous, Authorization::Anonymous) => true,
        (Authorization::Bearer(one), Authorization::Bearer(other)) => equal(one, other),
        (
            Authorization::Basic { username, password },
            Authorization::Basic {
                username: other_username,
                password: other_password,
            },
        ) => username == other_username && equal(password, other_password),
        (Authorization::Aws(one), Authorization::Aws(other)) => {
            one.access_key_id == other.access_key_id
                && equal(&one.secret_access_key, &other.secret_access_key)
        }
        _ => false,
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Tokens")
    }
}
