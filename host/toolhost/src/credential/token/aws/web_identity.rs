use std::path::PathBuf;

use async_trait::async_trait;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use url::Url;

use super::surroundings::with_surroundings;
use crate::capability::{Access, Authorization, AwsKeys};
use crate::credential::token::answer::timestamp;
use crate::credential::token::cache::Made;
use crate::credential::token::exchange::ExchangeRequest;
use crate::credential::token::oauth2::address;
use crate::credential::token::source::{Mint, Servers, Source, Token};
use crate::credential::{CredentialError, Machine, read_secret};

/// The version of the protocol that Amazon's Security Token Service has had since it exists.
const API_VERSION: &str = "2011-06-15";
/// What a session is called that nobody named; it stands in Amazon's audit log.
const SESSION_NAME: &str = "toolhost";

/// A role that is taken by a token of an identity provider, as pods do on Kubernetes at Amazon
/// (<https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html>).
struct WebIdentity {
    owner: String,
    url: Url,
    role: String,
    token_file: PathBuf,
    session: String,
    region: Option<String>,
}

pub(super) fn source(
    owner: &str,
    role: String,
    token_file: PathBuf,
    session: Option<String>,
    region: Option<String>,
    machine: &Machine,
) -> Result<Source, CredentialError> {
    let endpoint = machine.variable("AWS_ENDPOINT_URL_STS");
    let endpoint = endpoint.unwrap_or_else(|| match &region {
        Some(region) => {
            let domain = if region.starts_with("cn-") {
                "amazonaws.com.cn"
            } else {
                "amazonaws.com"
            };
            format!("https://sts.{region}.{domain}/")
        }
        None => "https://sts.amazonaws.com/".to_owned(),
    });
    Ok(Source::Asked(Box::new(WebIdentity {
        url: address(owner, "region", &endpoint)?,
        owner: owner.to_owned(),
        role,
        token_file,
        session: session.unwrap_or_else(|| SESSION_NAME.to_owned()),
        region,
    })))
}

#[derive(Deserialize)]
struct Response {
    #[serde(rename = "AssumeRoleWithWebIdentityResult")]
    result: Assumed,
}

#[derive(Deserialize)]
struct Assumed {
    #[serde(rename = "Credentials")]
    credentials: Keys,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Keys {
    access_key_id: String,
    secret_access_key: String,
    session_token: String,
    expiration: String,
}

#[derive(Deserialize)]
struct ErrorResponse {
    #[serde(rename = "Error")]
    error: Refused,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Refused {
    code: Option<String>,
    message: Option<String>,
}

#[async_trait]
impl Mint for WebIdentity {
    async fn mint(
        &self,
        servers: &Servers,
        _: Option<Token>,
    ) -> Result<Made<Token>, CredentialError> {
        // The kubelet writes a new one before the old one ends.
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
        let (asked, answer) = servers.ask(&self.owner, request).await?;
        let text = std::str::from_utf8(&answer.body).unwrap_or_default();
        if !answer.is_success() {
            let said: Option<ErrorResponse> = quick_xml::de::from_str(text).ok();
            let (code, message) =
                said.map_or((None, None), |said| (said.error.code, said.error.message));
            let shown = |text: Option<String>| text.map(|text| asked.said(&text));
            return Err(asked.refused(answer.status, shown(code), shown(message)));
        }
        let response: Response = quick_xml::de::from_str(text)
            // What the parser says may quote the body.
            .map_err(|_| asked.malformed("is not the XML that it should be"))?;
        let keys = response.result.credentials;
        let expires_at = timestamp(&keys.expiration);
        let mut access = Access::new(
            Authorization::Aws(AwsKeys {
                access_key_id: keys.access_key_id,
                secret_access_key: SecretString::from(keys.secret_access_key),
                session_token: Some(SecretString::from(keys.session_token)),
            }),
            &self.owner,
        );
        access.expires_at =
            Some(expires_at.ok_or_else(|| asked.malformed("has no `Expiration` that is a time"))?);
        access.region.clone_from(&self.region);
        with_surroundings(&mut access, &servers.machine);
        Ok(Made::new(access))
    }
}
