use std::path::PathBuf;

use async_trait::async_trait;
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use super::place::Place;
use super::sts::{API_VERSION, SESSION_NAME, assume, url};
use crate::credential::token::cache::Made;
use crate::credential::token::exchange::ExchangeRequest;
use crate::credential::token::source::{Servers, Source, Token, TokenSource};
use crate::credential::{CredentialError, Machine, read_secret};

/// A role that is assumed with a token of an identity provider, as in pods on Kubernetes at Amazon
/// (<https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html>).
struct WebIdentity {
    owner: String,
    url: Url,
    role: String,
    token_file: PathBuf,
    session: String,
    place: Place,
}

pub(super) fn source(
    owner: &str,
    role: String,
    token_file: PathBuf,
    session: Option<String>,
    place: Place,
    machine: &Machine,
) -> Result<Source, CredentialError> {
    Ok(Source::Asked(Box::new(WebIdentity {
        url: url(owner, place.region.as_deref(), machine)?,
        owner: owner.to_owned(),
        role,
        token_file,
        session: session.unwrap_or_else(|| SESSION_NAME.to_owned()),
        place,
    })))
}

#[async_trait]
impl TokenSource for WebIdentity {
    async fn fetch(
        &self,
        servers: &Servers,
        _: Option<Token>,
    ) -> Result<Made<Token>, CredentialError> {
        // The kubelet writes a new one before the old one expires.
        let token = match read_secret(&self.token_file).await {
            Ok(token) => SecretString::from(token),
            Err(source) => {
                let path = &self.token_file;
                return Err(CredentialError::missing_file(&self.owner, path, source));
            }
        };
        let fields = [
            ("Action", "AssumeRoleWithWebIdentity"),
            ("Version", API_VERSION),
            ("RoleArn", self.role.as_str()),
            ("RoleSessionName", self.session.as_str()),
            ("WebIdentityToken", token.expose_secret().trim()),
        ];
        let request = ExchangeRequest::form(self.url.clone(), &fields).hide([token.clone()]);
        assume(&self.owner, request, &self.place, servers).await
    }
}
