use async_trait::async_trait;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use url::{Url, form_urlencoded};

use super::cache::Made;
use super::exchange::{ExchangeRequest, basic};
use super::source::{Servers, Source, Token, TokenSource};
use crate::capability::{Access, Authorization};
use crate::credential::{Credential, CredentialError};

/// A client of an OAuth 2.0 server (RFC 6749): with a refresh token by section 6, and by its own credentials (section
/// 4.4) otherwise.
struct Client {
    owner: String,
    token_url: Url,
    id: SecretString,
    secret: Option<SecretString>,
    scopes: Option<String>,
    audience: Option<SecretString>,
    refresh_token: Option<SecretString>,
    authentication: Authentication,
}

/// How a client authenticates (RFC 6749, section 2.3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Authentication {
    /// In the header; every server must support it.
    Basic,
    /// In the body, as some servers require.
    Body,
}

pub(super) fn source(owner: &str, credential: &Credential) -> Result<Source, CredentialError> {
    if let Some(token) = credential.text("access_token") {
        return Ok(Source::Given(Access::new(
            Authorization::Bearer(token),
            owner,
        )));
    }
    let authentication = match credential.text("client_auth") {
        None => Authentication::Basic,
        Some(text) => match text.expose_secret() {
            "basic" => Authentication::Basic,
            "body" => Authentication::Body,
            _ => {
                let problem = "has a `client_auth` that is neither `basic` nor `body`";
                return Err(CredentialError::malformed(owner, problem));
            }
        },
    };
    let url = credential.needed(owner, "token_url")?;
    Ok(Source::Asked(Box::new(Client {
        token_url: address(owner, "token_url", url.expose_secret())?,
        id: credential.needed(owner, "client_id")?,
        secret: credential.text("client_secret"),
        scopes: scopes(credential),
        audience: credential.text("audience"),
        refresh_token: credential.text("refresh_token"),
        authentication,
        owner: owner.to_owned(),
    })))
}

/// Parses the address of a server; the error does not quote it.
pub(super) fn address(owner: &str, field: &str, text: &str) -> Result<Url, CredentialError> {
    let url = Url::parse(text).ok();
    let url = url.filter(|url| matches!(url.scheme(), "https" | "http") && url.has_host());
    url.ok_or_else(|| {
        CredentialError::malformed(
            owner,
            format!("has a `{field}` that is not an http or https URL"),
        )
    })
}

/// Returns the field `scopes`, a list or a text with spaces, as a text with spaces.
pub(super) fn scopes(credential: &Credential) -> Option<String> {
    let scopes = match credential.fields.get("scopes")?.expose() {
        Value::Array(items) => {
            let items: Vec<_> = items.iter().filter_map(Value::as_str).collect();
            items.join(" ")
        }
        Value::String(text) => text.trim().to_owned(),
        _ => String::new(),
    };
    Some(scopes).filter(|scopes| !scopes.is_empty())
}

#[async_trait]
impl TokenSource for Client {
    async fn fetch(
        &self,
        servers: &Servers,
        last: Option<Token>,
    ) -> Result<Made<Token>, CredentialError> {
        // A server that rotates refresh tokens takes the old one for stolen.
        let rotated = last.and_then(|last| last.refresh_token);
        let refresh_token = rotated.as_ref().or(self.refresh_token.as_ref());
        let mut fields: Vec<(&str, &str)> = Vec::new();
        match refresh_token {
            Some(token) => {
                fields.push(("grant_type", "refresh_token"));
                fields.push(("refresh_token", token.expose_secret()));
            }
            None => fields.push(("grant_type", "client_credentials")),
        }
        if let Some(scopes) = &self.scopes {
            fields.push(("scope", scopes));
        }
        if let Some(audience) = &self.audience {
            fields.push(("audience", audience.expose_secret()));
        }
        let id = self.id.expose_secret();
        let secret = self.secret.as_ref().map(ExposeSecret::expose_secret);
        // A public client has no secret, and sends its name in the body.
        let in_body = secret.is_none() || self.authentication == Authentication::Body;
        if in_body {
            fields.push(("client_id", id));
            fields.extend(secret.map(|secret| ("client_secret", secret)));
        }
        let mut request = ExchangeRequest::form(self.token_url.clone(), &fields);
        if !in_body {
            let value = basic(&encoded(id), &encoded(secret.unwrap_or_default()));
            request = request.header("authorization", value);
        }
        let request = request
            .header("accept", SecretString::from("application/json"))
            .hide(self.secret.iter().chain(refresh_token).cloned());
        let asked_at = servers.machine.now();
        let (asked, answer) = servers.ask(&self.owner, request).await?;
        let given = asked.token(&answer, asked_at)?;
        let mut access = Access::new(Authorization::Bearer(given.access_token), &self.owner);
        access.expires_at = given.expires_at;
        let mut made = Made::new(access);
        made.value.refresh_token = given.refresh_token.or(rotated);
        Ok(made)
    }
}

/// The name and the password of a client are escaped before they are joined.
fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}
