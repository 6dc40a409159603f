use async_trait::async_trait;
use http::header;
use object_store::aws::{AwsAuthorizer, AwsCredential};
use object_store::client::{HttpRequest, HttpRequestBody};
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use super::place::Place;
use super::sts::{API_VERSION, SESSION_NAME, assume, url};
use crate::capability::{Authorization, AwsKeys};
use crate::credential::token::cache::Made;
use crate::credential::token::exchange::{ExchangeRequest, FORM};
use crate::credential::token::source::{Servers, Source, Token, TokenSource};
use crate::credential::{CredentialError, Machine};

/// The settings of an assumed role.
#[derive(Default)]
pub(super) struct Role {
    pub(super) arn: String,
    pub(super) session: Option<String>,
    pub(super) external_id: Option<String>,
    pub(super) duration_seconds: Option<String>,
}

/// A role that is assumed with other keys
/// (<https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>).
struct AssumeRole {
    owner: String,
    url: Url,
    role: Role,
    keys: Source,
    place: Place,
}

/// The region in signatures of requests to the server without a region.
const GLOBAL_REGION: &str = "us-east-1";
/// The signed headers.
const SIGNED_HEADERS: [&str; 4] = [
    "authorization",
    "x-amz-content-sha256",
    "x-amz-date",
    "x-amz-security-token",
];

/// Returns the role, assumed with the keys of that source.
pub(super) fn source(
    owner: &str,
    role: Role,
    keys: Source,
    place: Place,
    machine: &Machine,
) -> Result<Source, CredentialError> {
    Ok(Source::Asked(Box::new(AssumeRole {
        url: url(owner, place.region.as_deref(), machine)?,
        owner: owner.to_owned(),
        role,
        keys,
        place,
    })))
}

#[async_trait]
impl TokenSource for AssumeRole {
    async fn fetch(
        &self,
        servers: &Servers,
        _: Option<Token>,
    ) -> Result<Made<Token>, CredentialError> {
        let access = match &self.keys {
            Source::Given(access) => access.clone(),
            Source::Asked(source) => source.fetch(servers, None).await?.value.access,
        };
        let Authorization::Aws(keys) = &access.authorization else {
            let problem = "assumes a role without keys";
            return Err(CredentialError::malformed(&self.owner, problem));
        };
        let session = self.role.session.as_deref().unwrap_or(SESSION_NAME);
        let mut fields = vec![
            ("Action", "AssumeRole"),
            ("Version", API_VERSION),
            ("RoleArn", self.role.arn.as_str()),
            ("RoleSessionName", session),
        ];
        let optional = [
            ("ExternalId", &self.role.external_id),
            ("DurationSeconds", &self.role.duration_seconds),
        ];
        for (name, value) in optional {
            fields.extend(value.as_deref().map(|value| (name, value)));
        }
        let request = ExchangeRequest::form(self.url.clone(), &fields);
        let region = self.place.region.as_deref().unwrap_or(GLOBAL_REGION);
        let request = signed(request, keys, region)
            .map_err(|problem| CredentialError::malformed(&access.origin, problem))?;
        assume(&self.owner, request, &self.place, servers).await
    }
}

/// Signs the request with Signature Version 4; an error is the problem of the keys, as a predicate.
fn signed(
    request: ExchangeRequest,
    keys: &AwsKeys,
    region: &str,
) -> Result<ExchangeRequest, String> {
    // The signer panics where a key is not valid in a header.
    if let Some(field) = keys.unusable_field() {
        return Err(format!("has no usable `{field}`"));
    }
    let token = keys.session_token.as_ref();
    let credential = AwsCredential {
        key_id: keys.access_key_id.clone(),
        secret_key: keys.secret_access_key.expose_secret().to_owned(),
        token: token.map(|token| token.expose_secret().to_owned()),
    };
    let unsigned = |error: &dyn std::fmt::Display| format!("cannot sign a request: {error}");
    let form = request.form.as_ref().map(SecretString::expose_secret);
    let body = HttpRequestBody::from(form.unwrap_or_default().to_owned());
    let mut signing: HttpRequest = http::Request::post(request.url.as_str())
        .header(header::CONTENT_TYPE, FORM)
        .body(body)
        .map_err(|error| unsigned(&error))?;
    AwsAuthorizer::new(&credential, "sts", region)
        .try_authorize(&mut signing, None)
        .map_err(|error| unsigned(&error))?;
    let hidden = token
        .cloned()
        .into_iter()
        .chain([keys.secret_access_key.clone()]);
    let mut request = request.hide(hidden);
    for name in SIGNED_HEADERS {
        let value = signing.headers().get(name);
        if let Some(value) = value.and_then(|value| value.to_str().ok()) {
            request = request.header(name, SecretString::from(value.to_owned()));
        }
    }
    Ok(request)
}
