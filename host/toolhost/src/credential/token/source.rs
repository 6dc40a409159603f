//! Sources of tokens: the request, and its receiver.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use secrecy::SecretString;

use super::answer::Asked;
use super::cache::Made;
use super::exchange::{Exchange, ExchangeAnswer, ExchangeRequest};
use crate::capability::sync::lock;
use crate::capability::{Access, Service};
use crate::credential::{CredentialError, Machine, TokenError};

/// The source of access by a credential.
pub(super) enum Source {
    /// The credential itself.
    Given(Access),
    /// A server.
    Asked(Box<dyn TokenSource>),
}

/// Requests a token from a server.
#[async_trait]
pub(super) trait TokenSource: Send + Sync + 'static {
    /// Sends one request. `last` is the previous token of the same source.
    async fn fetch(
        &self,
        servers: &Servers,
        last: Option<Token>,
    ) -> Result<Made<Token>, CredentialError>;
}

/// The answer of a server.
#[derive(Clone)]
pub(super) struct Token {
    pub(super) access: Access,
    /// The refresh token that replaces the credential's own, which the server invalidated.
    pub(super) refresh_token: Option<SecretString>,
}

/// The servers that can be asked, and the clock.
#[derive(Clone)]
pub(super) struct Servers {
    pub(super) exchange: Arc<dyn Exchange>,
    pub(super) machine: Machine,
    /// The services whose metadata server is known not to exist.
    pub(super) absent: Arc<Mutex<HashSet<Service>>>,
}

impl Servers {
    /// Sends a request on behalf of `owner`.
    pub(super) async fn ask(
        &self,
        owner: &str,
        request: ExchangeRequest,
    ) -> Result<(Asked, ExchangeAnswer), CredentialError> {
        let asked = Asked::new(owner, &request);
        let answer = self.exchange.exchange(request).await;
        let unanswered = |error| CredentialError::token(owner, TokenError::Unanswered(error));
        Ok((asked, answer.map_err(unanswered)?))
    }

    /// Whether the service's metadata server is known not to exist.
    pub(super) fn is_absent(&self, service: Service) -> bool {
        self.absent().contains(&service)
    }

    /// Sends a request to a metadata server, which may not exist: if it does not answer the first time, it is not asked
    /// again.
    pub(super) async fn probe<T>(
        &self,
        service: Service,
        is_known: bool,
        asking: impl Future<Output = Result<T, CredentialError>>,
    ) -> Result<T, CredentialError> {
        let given = asking.await;
        if !is_known && given.as_ref().is_err_and(is_unanswered) {
            self.absent().insert(service);
        }
        given
    }

    fn absent(&self) -> MutexGuard<'_, HashSet<Service>> {
        lock(&self.absent)
    }
}

impl Made<Token> {
    pub(super) fn new(access: Access) -> Self {
        Self {
            expires_at: access.expires_at,
            value: Token {
                access,
                refresh_token: None,
            },
        }
    }
}

pub(super) fn is_unanswered(error: &CredentialError) -> bool {
    let is_it = |source: &TokenError| matches!(source, TokenError::Unanswered(_));
    matches!(error, CredentialError::Token { source, .. } if is_it(source))
}
