use std::path::PathBuf;
use std::time::{Duration, UNIX_EPOCH};

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject as _;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use url::Url;
use zeroize::Zeroizing;

use super::cache::Made;
use super::exchange::{ExchangeMethod, ExchangeRequest};
use super::oauth2::{address, scopes};
use super::source::{Servers, Source, Token, TokenSource};
use crate::capability::{Access, Authorization, Service};
use crate::credential::{Credential, CredentialError, Machine, SecretValue, read_secret};

/// The default scope of a token: everything that its account may do.
const DEFAULT_SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";
const DEFAULT_TOKEN_URL: &str = "https://oauth2.googleapis.com/token";
/// Maximum life of an assertion that Google accepts
/// (<https://developers.google.com/identity/protocols/oauth2/service-account>).
const ASSERTION_LIFE: Duration = Duration::from_hours(1);
/// An assertion that was issued in the future is refused, so it is dated back a little.
const ASSERTION_SKEW: Duration = Duration::from_secs(10);
const KEY_VARIABLE: &str = "GOOGLE_APPLICATION_CREDENTIALS";
/// The file that `gcloud auth application-default login` writes.
const WELL_KNOWN_FILE: &str = ".config/gcloud/application_default_credentials.json";
const METADATA_HOST: &str = "metadata.google.internal";
const METADATA_PATH: &str = "computeMetadata/v1/instance/service-accounts/default/token";
/// The note about a request without any credential in the errors of a fetch.
pub(super) const NOTHING_FOUND: &str = "no credential: neither `GOOGLE_APPLICATION_CREDENTIALS`, nor \
     gcloud's application default, nor a metadata server";

/// Returns the source of the tokens of a Google credential.
pub(super) async fn source(
    owner: &str,
    credential: &Credential,
    machine: &Machine,
) -> Result<Source, CredentialError> {
    if let Some(token) = credential.text("access_token") {
        return Ok(Source::Given(Access::new(
            Authorization::Bearer(token),
            owner,
        )));
    }
    let scopes = scopes(credential).unwrap_or_else(|| DEFAULT_SCOPE.to_owned());
    for field in ["service_account", "authorized_user"] {
        if let Some(value) = credential.fields.get(field) {
            return of_key(owner, value, scopes);
        }
    }
    for field in ["service_account_file", "authorized_user_file"] {
        if let Some(path) = credential.text(field) {
            return of_file(owner, PathBuf::from(path.expose_secret()), scopes).await;
        }
    }
    match application_default(owner, machine, &scopes).await? {
        Some(source) => Ok(source),
        None => Ok(metadata(owner, machine, scopes)),
    }
}

/// Returns the credentials of the machine, without a named credential.
pub(super) async fn ambient(servers: &Servers) -> Result<Option<Source>, CredentialError> {
    let machine = &servers.machine;
    let owner = "Google's application default";
    if let Some(source) = application_default(owner, machine, DEFAULT_SCOPE).await? {
        return Ok(Some(source));
    }
    // A machine of Google is recognized by its firmware, Cloud Run and functions by a variable, and a user's own server
    // by another one. Elsewhere no server is asked.
    let is_there = machine.variable("GCE_METADATA_HOST").is_some()
        || machine.variable("K_SERVICE").is_some()
        || machine.firmware("product_name").starts_with("Google");
    if !is_there || servers.is_absent(Service::Gcs) {
        return Ok(None);
    }
    Ok(Some(metadata(
        "the machine's service account",
        machine,
        DEFAULT_SCOPE.to_owned(),
    )))
}

/// Returns the file of the environment or of gcloud
/// (<https://cloud.google.com/docs/authentication/application-default-credentials>).
async fn application_default(
    owner: &str,
    machine: &Machine,
    scopes: &str,
) -> Result<Option<Source>, CredentialError> {
    if let Some(path) = machine.variable(KEY_VARIABLE) {
        let owner = format!("{owner} (`{KEY_VARIABLE}`)");
        let source = of_file(&owner, PathBuf::from(path), scopes.to_owned()).await;
        return source.map(Some);
    }
    let configured = machine.variable("CLOUDSDK_CONFIG");
    let configured =
        configured.map(|folder| PathBuf::from(folder).join("application_default_credentials.json"));
    let Some(path) = configured.or_else(|| machine.below_home(WELL_KNOWN_FILE)) else {
        return Ok(None);
    };
    if !tokio::fs::try_exists(&path).await.unwrap_or(false) {
        return Ok(None);
    }
    of_file(owner, path, scopes.to_owned()).await.map(Some)
}

async fn of_file(owner: &str, path: PathBuf, scopes: String) -> Result<Source, CredentialError> {
    let text = match read_secret(&path).await {
        Ok(text) => Zeroizing::new(text),
        Err(source) => return Err(CredentialError::missing_file(owner, &path, source)),
    };
    let key = serde_json::from_str(&text).map(SecretValue::new);
    let key = key.map_err(|_| {
        CredentialError::malformed(
            owner,
            format!("has a file `{}` that is not JSON", path.display()),
        )
    })?;
    of_key(owner, &key, scopes)
}

/// Parses a key in Google's format, by its `type`.
fn of_key(owner: &str, key: &SecretValue, scopes: String) -> Result<Source, CredentialError> {
    let text = |name: &str| key.expose().get(name).and_then(Value::as_str);
    let needed = |name: &str| {
        let found = text(name).filter(|value| !value.is_empty());
        found
            .map(|value| SecretString::from(value.to_owned()))
            .ok_or_else(|| CredentialError::Incomplete {
                owner: owner.to_owned(),
                missing: format!("`{name}` in its key"),
            })
    };
    let token_url = text("token_uri").unwrap_or(DEFAULT_TOKEN_URL);
    let token_url = address(owner, "token_uri", token_url)?;
    let owner = owner.to_owned();
    let is_user = text("refresh_token").is_some();
    match text("type").unwrap_or(if is_user {
        "authorized_user"
    } else {
        "service_account"
    }) {
        "service_account" => Ok(Source::Asked(Box::new(ServiceAccount {
            token_url,
            email: needed("client_email")?,
            private_key: needed("private_key")?,
            key_id: text("private_key_id").map(str::to_owned),
            scopes,
            owner,
        }))),
        "authorized_user" => Ok(Source::Asked(Box::new(AuthorizedUser {
            token_url,
            client_id: needed("client_id")?,
            client_secret: needed("client_secret")?,
            refresh_token: needed("refresh_token")?,
            owner,
        }))),
        "external_account" | "external_account_authorized_user" => {
            let problem = "is a federated identity (`external_account`)".to_owned();
            Err(CredentialError::NotSupported { owner, problem })
        }
        "impersonated_service_account" => {
            let problem = "impersonates a service account".to_owned();
            Err(CredentialError::NotSupported { owner, problem })
        }
        _ => Err(CredentialError::malformed(
            &owner,
            "has a key whose `type` is neither `service_account` nor `authorized_user`",
        )),
    }
}

struct ServiceAccount {
    owner: String,
    token_url: Url,
    email: SecretString,
    private_key: SecretString,
    key_id: Option<String>,
    scopes: String,
}

struct AuthorizedUser {
    owner: String,
    token_url: Url,
    client_id: SecretString,
    client_secret: SecretString,
    refresh_token: SecretString,
}

/// The server that every machine of Google's cloud reaches.
struct Metadata {
    owner: String,
    host: String,
    scopes: String,
}

fn metadata(owner: &str, machine: &Machine, scopes: String) -> Source {
    let host = machine.variable("GCE_METADATA_HOST");
    Source::Asked(Box::new(Metadata {
        owner: owner.to_owned(),
        host: host.unwrap_or_else(|| METADATA_HOST.to_owned()),
        scopes,
    }))
}

impl ServiceAccount {
    /// Returns the signed assertion of who requests what (RFC 7523, section 3).
    fn assertion(&self, servers: &Servers) -> Result<SecretString, CredentialError> {
        let now = servers
            .machine
            .now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let issued = now.saturating_sub(ASSERTION_SKEW);
        let header = match &self.key_id {
            Some(id) => json!({"alg": "RS256", "typ": "JWT", "kid": id}),
            None => json!({"alg": "RS256", "typ": "JWT"}),
        };
        let claims = json!({
            "iss": self.email.expose_secret(),
            "scope": self.scopes,
            "aud": self.token_url.as_str(),
            "iat": issued.as_secs(),
            "exp": (issued + ASSERTION_LIFE).as_secs(),
        });
        let encoded = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", encoded(header), encoded(claims));
        let key = PrivateKeyDer::from_pem_slice(self.private_key.expose_secret().as_bytes());
        let pair = match key {
            Ok(PrivateKeyDer::Pkcs8(key)) => RsaKeyPair::from_pkcs8(key.secret_pkcs8_der()).ok(),
            Ok(PrivateKeyDer::Pkcs1(key)) => RsaKeyPair::from_der(key.secret_pkcs1_der()).ok(),
            _ => None,
        };
        let pair = pair.ok_or_else(|| {
            let problem = "has a `private_key` that is not an RSA key in PEM";
            CredentialError::malformed(&self.owner, problem)
        })?;
        let mut signature = vec![0; pair.public().modulus_len()];
        pair.sign(
            &RSA_PKCS1_SHA256,
            &SystemRandom::new(),
            message.as_bytes(),
            &mut signature,
        )
        .map_err(|_| CredentialError::malformed(&self.owner, "has a key that cannot sign"))?;
        let signature = URL_SAFE_NO_PAD.encode(signature);
        Ok(SecretString::from(format!("{message}.{signature}")))
    }
}

#[async_trait]
impl TokenSource for ServiceAccount {
    async fn fetch(
        &self,
        servers: &Servers,
        _: Option<Token>,
    ) -> Result<Made<Token>, CredentialError> {
        let assertion = self.assertion(servers)?;
        let fields = [
            ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
            ("assertion", assertion.expose_secret()),
        ];
        let request = ExchangeRequest::form(self.token_url.clone(), &fields);
        ask(servers, &self.owner, request.hide([assertion.clone()])).await
    }
}

#[async_trait]
impl TokenSource for AuthorizedUser {
    async fn fetch(
        &self,
        servers: &Servers,
        _: Option<Token>,
    ) -> Result<Made<Token>, CredentialError> {
        let fields = [
            ("grant_type", "refresh_token"),
            ("client_id", self.client_id.expose_secret()),
            ("client_secret", self.client_secret.expose_secret()),
            ("refresh_token", self.refresh_token.expose_secret()),
        ];
        let request = ExchangeRequest::form(self.token_url.clone(), &fields);
        let hidden = [self.client_secret.clone(), self.refresh_token.clone()];
        ask(servers, &self.owner, request.hide(hidden)).await
    }
}

#[async_trait]
impl TokenSource for Metadata {
    async fn fetch(
        &self,
        servers: &Servers,
        last: Option<Token>,
    ) -> Result<Made<Token>, CredentialError> {
        let url = format!("http://{}/{METADATA_PATH}", self.host);
        let mut url = address(&self.owner, "GCE_METADATA_HOST", &url)?;
        url.query_pairs_mut()
            .append_pair("scopes", &self.scopes.replace(' ', ","));
        let request = ExchangeRequest::new(ExchangeMethod::Get, url)
            .header("metadata-flavor", SecretString::from("Google"))
            .near();
        let asking = ask(servers, &self.owner, request);
        servers.probe(Service::Gcs, last.is_some(), asking).await
    }
}

async fn ask(
    servers: &Servers,
    owner: &str,
    request: ExchangeRequest,
) -> Result<Made<Token>, CredentialError> {
    let asked_at = servers.machine.now();
    let (asked, answer) = servers.ask(owner, request).await?;
    let given = asked.token(&answer, asked_at)?;
    let mut access = Access::new(Authorization::Bearer(given.access_token), owner);
    access.expires_at = given.expires_at;
    Ok(Made::new(access))
}
