//! What makes a token: what is asked, and who.

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

/// How access by a credential is had.
pub(super) enum Source {
    /// It stands in the credential.
    Given(Access),
    /// A server must be asked.
    Asked(Box<dyn Mint>),
}

/// Asks a server for a token.
#[async_trait]
pub(super) trait Mint: Send + Sync + 'static {
    /// Asks once. `last` is what the same source gave before.
    async fn mint(
        &self,
        servers: &Servers,
        last: Option<Token>,
    ) -> Result<Made<Token>, CredentialError>;
}

/// What a server gave.
#[derive(Clone)]
pub(super) struct Token {
    pub(super) access: Access,
    /// The refresh token that takes the place of the credential's own, which the server declared used.
    pub(super) refresh_token: Option<SecretString>,
}

/// Who can be asked, and by which clock.
#[derive(Clone)]
pub(super) struct Servers {
    pub(super) exchange: Arc<dyn Exchange>,
    pub(super) machine: Machine,
    /// The services whose metadata server is known not to be there.
    pub(super) absent: Arc<Mutex<HashSet<Service>>>,
}

impl Servers {
    /// Sends a request for the sake of `owner`.
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

    /// Whether the service's metadata server is known not to be there.
    pub(super) fn is_absent(&self, service: Service) -> bool {
        self.absent().contains(&service)
    }

    /// Asks a metadata server, which may not be there: where it does not answer the first time, nobody
    /// asks for it again.
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
