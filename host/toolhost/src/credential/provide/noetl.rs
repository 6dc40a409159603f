use std::fmt;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Map, Value};
use url::Url;

use super::document;
use crate::credential::source::ValueSource;
use crate::credential::token::{Asked, bearer};
use crate::credential::{
    Credential, CredentialError, CredentialProvider, Exchange, ExchangeMethod, ExchangeRequest,
    Machine, SecretProvider, SecretValue,
};

/// Credentials of a NoETL server: `GET {url}/api/credentials/{name}?include_data=true`.
pub struct NoetlProvider {
    url: Url,
    token: Option<ValueSource>,
    machine: Machine,
    exchange: Arc<dyn Exchange>,
}

/// The status of a server that has no credential of that name.
const NOT_FOUND: u16 = 404;

/// The part of a credential in the server's answer that is used here.
#[derive(Deserialize)]
struct Stored {
    #[serde(rename = "type")]
    kind: String,
    data: Option<Map<String, Value>>,
}

impl NoetlProvider {
    /// Creates a provider for the server at that address, with a token where it requires one. The token is read for
    /// each request.
    pub(super) fn new(
        url: Url,
        token: Option<ValueSource>,
        machine: Machine,
        exchange: Arc<dyn Exchange>,
    ) -> Self {
        Self {
            url,
            token,
            machine,
            exchange,
        }
    }

    fn failed(&self, owner: &str, error: &impl fmt::Display) -> CredentialError {
        CredentialError::Provider {
            owner: owner.to_owned(),
            provider: format!(
                "the NoETL server `{}`",
                self.url.origin().ascii_serialization()
            ),
            message: error.to_string(),
        }
    }
}

#[async_trait]
impl SecretProvider for NoetlProvider {
    /// None: a NoETL server has only credentials.
    async fn secret(&self, _: &str) -> Result<Option<SecretValue>, CredentialError> {
        Ok(None)
    }

    fn secret_names(&self) -> Vec<String> {
        Vec::new()
    }
}

#[async_trait]
impl CredentialProvider for NoetlProvider {
    async fn credential(&self, name: &str) -> Result<Option<Credential>, CredentialError> {
        let owner = format!("credential `{name}`");
        let mut url = self.url.clone();
        match url.path_segments_mut() {
            // A name is one segment, whatever it contains.
            Ok(mut path) if !matches!(name, "" | "." | "..") => {
                path.pop_if_empty().extend(["api", "credentials", name]);
            }
            _ => return Ok(None),
        }
        url.query_pairs_mut().append_pair("include_data", "true");
        let mut request = ExchangeRequest::new(ExchangeMethod::Get, url);
        if let Some(token) = &self.token {
            let owner = || "the token of the NoETL server".to_owned();
            let token = token
                .read(&self.machine, Path::new(""), owner)
                .await?
                .to_text();
            request = request
                .header("authorization", bearer(&token))
                .hide([token]);
        }
        let asked = Asked::new(&owner, &request);
        let answer = self.exchange.exchange(request).await;
        let answer = answer.map_err(|error| self.failed(&owner, &error))?;
        if answer.status == NOT_FOUND {
            return Ok(None);
        }
        let stored: Result<Stored, _> = asked.json(&answer);
        let stored = stored.map_err(|error| match &error {
            CredentialError::Token { source, .. } => self.failed(&owner, source),
            _ => error,
        })?;
        let data = stored.data.ok_or_else(|| {
            self.failed(
                &owner,
                &"it returned no `data`; check that the token is allowed to read credentials",
            )
        })?;
        document::of_noetl(&owner, &stored.kind, data).map(Some)
    }

    /// None: the server may have any number of them.
    fn credential_names(&self) -> Vec<String> {
        Vec::new()
    }
}

impl fmt::Debug for NoetlProvider {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let server = self.url.origin().ascii_serialization();
        formatter
            .debug_struct("NoetlProvider")
            .field("server", &server)
            .finish_non_exhaustive()
    }
}
