use secrecy::SecretString;
use serde::Deserialize;
use url::Url;

use super::place::{Place, server};
use crate::capability::{Access, Authorization, AwsKeys};
use crate::credential::token::answer::timestamp;
use crate::credential::token::cache::Made;
use crate::credential::token::exchange::ExchangeRequest;
use crate::credential::token::oauth2::address;
use crate::credential::token::source::{Servers, Token};
use crate::credential::{CredentialError, Machine};

/// The only version of the protocol of Amazon's Security Token Service.
pub(super) const API_VERSION: &str = "2011-06-15";
/// The default name of a session, which appears in Amazon's audit log.
pub(super) const SESSION_NAME: &str = "toolhost";

/// Returns the Security Token Service of a region, or the global one.
pub(super) fn url(
    owner: &str,
    region: Option<&str>,
    machine: &Machine,
) -> Result<Url, CredentialError> {
    let endpoint = machine.variable("AWS_ENDPOINT_URL_STS");
    let endpoint = endpoint.unwrap_or_else(|| match region {
        Some(region) => server("sts", region),
        None => "https://sts.amazonaws.com/".to_owned(),
    });
    address(owner, "region", &endpoint)
}

#[derive(Deserialize)]
struct Response {
    #[serde(rename = "AssumeRoleResult", alias = "AssumeRoleWithWebIdentityResult")]
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

/// Requests the keys of a role.
pub(super) async fn assume(
    owner: &str,
    request: ExchangeRequest,
    place: &Place,
    servers: &Servers,
) -> Result<Made<Token>, CredentialError> {
    let (asked, answer) = servers.ask(owner, request).await?;
    let text = std::str::from_utf8(&answer.body).unwrap_or_default();
    if !answer.is_success() {
        let said: Option<ErrorResponse> = quick_xml::de::from_str(text).ok();
        let (code, message) =
            said.map_or((None, None), |said| (said.error.code, said.error.message));
        let shown = |text: Option<String>| text.map(|text| asked.said(&text));
        return Err(asked.refused(answer.status, shown(code), shown(message)));
    }
    let response: Response = quick_xml::de::from_str(text)
        // The parser's message may quote the body.
        .map_err(|_| asked.malformed("is not the expected XML"))?;
    let keys = response.result.credentials;
    let expires_at = timestamp(&keys.expiration);
    let mut access = Access::new(
        Authorization::Aws(AwsKeys {
            access_key_id: keys.access_key_id,
            secret_access_key: SecretString::from(keys.secret_access_key),
            session_token: Some(SecretString::from(keys.session_token)),
        }),
        owner,
    );
    access.expires_at =
        Some(expires_at.ok_or_else(|| asked.malformed("has no valid `Expiration`"))?);
    place.complete(&mut access, &servers.machine);
    Ok(Made::new(access))
}
