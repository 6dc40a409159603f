use std::io;
use std::path::PathBuf;
use std::time::{Duration, UNIX_EPOCH};

use async_trait::async_trait;
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use url::Url;

use super::place::{Place, server};
use super::section::Settings;
use crate::capability::text::hexadecimal;
use crate::capability::{Access, Authorization, AwsKeys};
use crate::credential::token::answer::timestamp;
use crate::credential::token::cache::Made;
use crate::credential::token::exchange::{ExchangeMethod, ExchangeRequest};
use crate::credential::token::oauth2::address;
use crate::credential::token::source::{Servers, Source, Token, TokenSource};
use crate::credential::{CredentialError, Machine, read_secret};

/// The keys of a role for a user who signed in by browser with `aws sso login`
/// (<https://docs.aws.amazon.com/singlesignon/latest/PortalAPIReference/API_GetRoleCredentials.html>).
struct SignedIn {
    owner: String,
    /// The command that signs in.
    login: String,
    url: Url,
    token_file: PathBuf,
    place: Place,
}

/// The file that `aws sso login` writes. Its other fields serve to renew the token, which only that program does: a
/// second renewal would invalidate its copy.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CachedToken {
    access_token: SecretString,
    expires_at: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    role_credentials: Keys,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Keys {
    access_key_id: String,
    secret_access_key: SecretString,
    session_token: SecretString,
    /// In milliseconds of Unix time.
    expiration: u64,
}

/// The folder in which that program keeps its tokens.
const TOKEN_FOLDER: &str = ".aws/sso/cache";
/// The status for a token that is no longer valid.
const UNAUTHORIZED: u16 = 401;

/// Returns the role of a profile that signs in; `session` is the section that it shares with others, if there is one.
pub(super) fn source(
    owner: &str,
    name: &str,
    profile: &Settings,
    session: Option<(&str, &Settings)>,
    place: Place,
    machine: &Machine,
) -> Result<Source, CredentialError> {
    let owner = format!("the profile `{name}` of {owner}");
    let needed = |key: &str, settings: &[&Settings]| {
        let value = settings.iter().find_map(|settings| settings.get(key));
        value
            .map(|value| value.as_str().to_owned())
            .ok_or_else(|| CredentialError::Incomplete {
                owner: owner.clone(),
                missing: format!("`{key}`"),
            })
    };
    let shared: Vec<_> = session.iter().map(|(_, settings)| *settings).collect();
    let signing_in = if shared.is_empty() {
        vec![profile]
    } else {
        shared
    };
    let region = needed("sso_region", &signing_in)?;
    // A session's token is stored under its name; without one, under the address of the sign-in.
    let kept_as = match session {
        Some((session, _)) => session.to_owned(),
        None => needed("sso_start_url", &signing_in)?,
    };
    let folder = machine
        .below_home(TOKEN_FOLDER)
        .ok_or_else(|| CredentialError::Incomplete {
            owner: owner.clone(),
            missing: "home folder".to_owned(),
        })?;
    let endpoint = machine
        .variable("AWS_ENDPOINT_URL_SSO")
        .unwrap_or_else(|| server("portal.sso", &region));
    let endpoint = format!("{}/federation/credentials", endpoint.trim_end_matches('/'));
    let mut url = address(&owner, "sso_region", &endpoint)?;
    url.query_pairs_mut()
        .append_pair("role_name", &needed("sso_role_name", &[profile])?)
        .append_pair("account_id", &needed("sso_account_id", &[profile])?);
    Ok(Source::Asked(Box::new(SignedIn {
        token_file: folder.join(format!("{}.json", sha1(&kept_as))),
        login: format!("aws sso login --profile {name}"),
        owner,
        url,
        place,
    })))
}

impl SignedIn {
    /// Returns the token of the last sign-in, if it is still valid.
    async fn token(&self, servers: &Servers) -> Result<SecretString, CredentialError> {
        let text = match read_secret(&self.token_file).await {
            Ok(text) => SecretString::from(text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(self.signed_out()),
            Err(source) => {
                let path = &self.token_file;
                return Err(CredentialError::missing_file(&self.owner, path, source));
            }
        };
        let cached: CachedToken = serde_json::from_str(text.expose_secret())
            // The parser's message may quote the token.
            .map_err(|_| self.malformed("has a token of `aws sso login` that is not readable"))?;
        // Older versions wrote `UTC`.
        let expires_at = cached.expires_at.replace("UTC", "Z");
        let expires_at = timestamp(&expires_at)
            .ok_or_else(|| self.malformed("has a token of `aws sso login` without a time"))?;
        if expires_at <= servers.machine.now() {
            return Err(self.signed_out());
        }
        Ok(cached.access_token)
    }

    fn malformed(&self, problem: &str) -> CredentialError {
        CredentialError::malformed(&self.owner, problem)
    }

    fn signed_out(&self) -> CredentialError {
        CredentialError::SignedOut {
            owner: self.owner.clone(),
            login: self.login.clone(),
        }
    }
}

#[async_trait]
impl TokenSource for SignedIn {
    async fn fetch(
        &self,
        servers: &Servers,
        _: Option<Token>,
    ) -> Result<Made<Token>, CredentialError> {
        let token = self.token(servers).await?;
        let request = ExchangeRequest::new(ExchangeMethod::Get, self.url.clone())
            .header("x-amz-sso_bearer_token", token);
        let (asked, answer) = servers.ask(&self.owner, request).await?;
        if answer.status == UNAUTHORIZED {
            return Err(self.signed_out());
        }
        let Answer {
            role_credentials: keys,
        } = asked.json(&answer)?;
        let mut access = Access::new(
            Authorization::Aws(AwsKeys {
                access_key_id: keys.access_key_id,
                secret_access_key: keys.secret_access_key,
                session_token: Some(keys.session_token),
            }),
            &self.owner,
        );
        let expires_at = UNIX_EPOCH.checked_add(Duration::from_millis(keys.expiration));
        access.expires_at = Some(
            expires_at.ok_or_else(|| asked.malformed("has an `expiration` that is not a time"))?,
        );
        self.place.complete(&mut access, &servers.machine);
        Ok(Made::new(access))
    }
}

/// Returns the name of a token's file, which is not a matter of security.
fn sha1(text: &str) -> String {
    hexadecimal(digest(&SHA1_FOR_LEGACY_USE_ONLY, text.as_bytes()).as_ref())
}
