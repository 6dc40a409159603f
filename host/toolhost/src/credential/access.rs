use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;

use super::token::is_same;
use super::{Credential, CredentialError, CredentialProvider, CredentialType, Tokens};
use crate::capability::sync::lock;
use crate::capability::text::any_of;
use crate::capability::{Access, AccessRequest, AccessSource, CapabilityError, Reason, Service};
use crate::diagnostic::did_you_mean;

/// Authorizes access to services by credentials, from [`CredentialProvider`]s and [`Tokens`].
pub struct CredentialAccess {
    credentials: Arc<dyn CredentialProvider>,
    tokens: Tokens,
    /// The last refused access, by the credential's name.
    refused: Mutex<HashMap<String, Access>>,
}

/// Maximum number of credentials whose refusal is remembered.
const MAX_REFUSED: usize = 1024;

impl CredentialAccess {
    /// Creates access by these credentials.
    #[must_use]
    pub fn new(credentials: Arc<dyn CredentialProvider>, tokens: Tokens) -> Self {
        Self {
            credentials,
            tokens,
            refused: Mutex::default(),
        }
    }

    async fn named(&self, name: &str, request: &AccessRequest) -> Result<Access, CredentialError> {
        let Some(credential) = self.credentials.credential(name).await? else {
            let names = self.credentials.credential_names();
            return Err(CredentialError::Unknown {
                owner: format!("the credential `{name}`"),
                suggestion: did_you_mean(name, names.iter().map(String::as_str)).map(str::to_owned),
                known: names,
            });
        };
        check_type(name, &credential, request.service)?;
        self.tokens
            .access(name, &credential, request.min_remaining)
            .await
    }

    /// Whether this is the first time that a server refuses this access.
    fn is_news(&self, name: &str, access: &Access) -> bool {
        let mut refused = lock(&self.refused);
        if refused.len() >= MAX_REFUSED {
            refused.clear();
        }
        let last = refused.insert(name.to_owned(), access.clone());
        last.is_none_or(|last| !is_same(&last.authorization, &access.authorization))
    }
}

#[async_trait]
impl AccessSource for CredentialAccess {
    async fn access(&self, request: &AccessRequest) -> Result<Access, CapabilityError> {
        let access = match &request.credential {
            Some(name) => self.named(name, request).await,
            None => {
                self.tokens
                    .ambient(request.service, request.min_remaining)
                    .await
            }
        };
        access.map_err(|error| converted(&error))
    }

    async fn refuse(&self, request: &AccessRequest, refused: &Access) {
        let name = request.credential.as_deref();
        self.tokens.refuse(name, request.service, refused);
        if let Some(name) = name
            && self.is_news(name, refused)
        {
            self.credentials.forget(name);
        }
    }
}

/// Refuses a credential that is not for servers of that kind.
fn check_type(
    name: &str,
    credential: &Credential,
    service: Service,
) -> Result<(), CredentialError> {
    use CredentialType::{Aws, Basic, Bearer, Google, Oauth2};
    let (user, types): (_, &[_]) = match service {
        Service::Gcs => ("`gs://`", &[Google, Bearer, Oauth2]),
        Service::S3 => ("`s3://`", &[Aws]),
        Service::Http => ("`http(s)://`", &[Bearer, Basic, Oauth2, Google]),
    };
    if types.contains(&credential.kind) {
        return Ok(());
    }
    Err(CredentialError::WrongType {
        owner: format!("the credential `{name}`"),
        kind: credential.kind.to_string(),
        user: user.to_owned(),
        expected: any_of(types),
    })
}

/// Converts the error for tools and callers.
fn converted(error: &CredentialError) -> CapabilityError {
    let (reason, is_retryable) = match error {
        CredentialError::Token { source, .. } => source.reason(),
        CredentialError::Provider { .. } => (Reason::FetchFailed, true),
        CredentialError::SignedOut { .. } => (Reason::CredentialExpired, false),
        _ => (Reason::CredentialMissing, false),
    };
    let mut converted = CapabilityError::new(reason, error.chain());
    converted.explanation.hint = error.help().map(Into::into);
    converted.retryable = is_retryable;
    converted
}

impl fmt::Debug for CredentialAccess {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("CredentialAccess")
    }
}
