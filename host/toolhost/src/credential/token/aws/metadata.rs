use std::net::IpAddr;
use std::path::PathBuf;

use async_trait::async_trait;
use secrecy::SecretString;
use serde::Deserialize;
use url::{Host, Url};

use super::place::{Place, region};
use crate::capability::{Access, Authorization, AwsKeys, Service};
use crate::credential::token::answer::{Asked, timestamp};
use crate::credential::token::cache::Made;
use crate::credential::token::exchange::{ExchangeAnswer, ExchangeMethod, ExchangeRequest};
use crate::credential::token::oauth2::address;
use crate::credential::token::source::{Servers, Source, Token, TokenSource};
use crate::credential::{CredentialError, Machine, read_secret};

/// The server of Amazon's container service.
const CONTAINER_SERVER: &str = "http://169.254.170.2";
/// Addresses to which a token may be sent without TLS in addition to this machine itself: the container service, and
/// the agent of pod identities
/// (<https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html>).
const TRUSTED_ADDRESSES: [&str; 3] = ["169.254.170.2", "169.254.170.23", "fd00:ec2::23"];
const INSTANCE_SERVER: &str = "http://169.254.169.254";
const ROLES_PATH: &str = "latest/meta-data/iam/security-credentials/";
const REGION_PATH: &str = "latest/meta-data/placement/region";
/// Life of the session with an instance's server; a few requests need no more.
const SESSION_SECONDS: &str = "60";
/// Maximum length of the name of a role (IAM allows 64 letters), or of a session's token.
const MAX_NAME_BYTES: usize = 512;

/// The server with the keys of a container's role.
struct Container {
    owner: String,
    url: Url,
    token: Option<SecretString>,
    token_file: Option<PathBuf>,
}

/// The server with the keys of an instance's role, in its second version: with a session.
struct Instance {
    owner: String,
    server: Url,
}

/// The keys in both answers.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Keys {
    access_key_id: String,
    secret_access_key: String,
    token: Option<String>,
    expiration: Option<String>,
}

/// Returns the keys of a container's role, if the environment has their address.
pub(super) fn container(owner: &str, machine: &Machine) -> Result<Option<Source>, CredentialError> {
    let url = if let Some(path) = machine.variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") {
        let url = format!("{CONTAINER_SERVER}{path}");
        address(owner, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", &url)?
    } else if let Some(url) = machine.variable("AWS_CONTAINER_CREDENTIALS_FULL_URI") {
        let url = address(owner, "AWS_CONTAINER_CREDENTIALS_FULL_URI", &url)?;
        if url.scheme() == "http" && !is_trusted(&url) {
            let problem = "would send a token unencrypted: \
                 `AWS_CONTAINER_CREDENTIALS_FULL_URI` is neither https nor on this machine";
            return Err(CredentialError::malformed(owner, problem));
        }
        url
    } else {
        return Ok(None);
    };
    Ok(Some(Source::Asked(Box::new(Container {
        owner: owner.to_owned(),
        url,
        token: machine
            .variable("AWS_CONTAINER_AUTHORIZATION_TOKEN")
            .map(SecretString::from),
        token_file: machine
            .variable("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")
            .map(PathBuf::from),
    }))))
}

/// Returns the keys of an instance's role, unless the environment disables that.
pub(super) fn instance(owner: &str, machine: &Machine) -> Option<Source> {
    let is_forbidden = machine.variable("AWS_EC2_METADATA_DISABLED");
    if is_forbidden.is_some_and(|text| text.eq_ignore_ascii_case("true")) {
        return None;
    }
    let server = machine.variable("AWS_EC2_METADATA_SERVICE_ENDPOINT");
    let server = server.unwrap_or_else(|| INSTANCE_SERVER.to_owned());
    let server = format!("{}/", server.trim_end_matches('/'));
    Some(Source::Asked(Box::new(Instance {
        owner: owner.to_owned(),
        server: address(owner, "AWS_EC2_METADATA_SERVICE_ENDPOINT", &server).ok()?,
    })))
}

fn is_trusted(url: &Url) -> bool {
    let address = match url.host() {
        Some(Host::Ipv4(address)) => IpAddr::V4(address),
        Some(Host::Ipv6(address)) => IpAddr::V6(address),
        Some(Host::Domain(name)) => return name == "localhost",
        None => return false,
    };
    address.is_loopback()
        || TRUSTED_ADDRESSES
            .iter()
            .any(|trusted| trusted.parse() == Ok(address))
}

fn access(
    owner: &str,
    asked: &Asked,
    answer: &ExchangeAnswer,
    servers: &Servers,
) -> Result<Access, CredentialError> {
    let keys: Keys = asked.json(answer)?;
    let expires_at = match &keys.expiration {
        Some(text) => {
            let time = timestamp(text);
            Some(time.ok_or_else(|| asked.malformed("has an `Expiration` that is not a time"))?)
        }
        None => None,
    };
    let mut access = Access::new(
        Authorization::Aws(AwsKeys {
            access_key_id: keys.access_key_id,
            secret_access_key: SecretString::from(keys.secret_access_key),
            session_token: keys.token.map(SecretString::from),
        }),
        owner,
    );
    access.expires_at = expires_at;
    Place::default().complete(&mut access, &servers.machine);
    Ok(access)
}

#[async_trait]
impl TokenSource for Container {
    async fn fetch(
        &self,
        servers: &Servers,
        _: Option<Token>,
    ) -> Result<Made<Token>, CredentialError> {
        let token = match &self.token_file {
            Some(path) => match read_secret(path).await {
                Ok(text) => Some(SecretString::from(text)),
                Err(source) => {
                    return Err(CredentialError::missing_file(&self.owner, path, source));
                }
            },
            None => self.token.clone(),
        };
        let mut request = ExchangeRequest::new(ExchangeMethod::Get, self.url.clone()).near();
        if let Some(token) = token {
            request = request.header("authorization", token);
        }
        let (asked, answer) = servers.ask(&self.owner, request).await?;
        access(&self.owner, &asked, &answer, servers).map(Made::new)
    }
}

impl Instance {
    /// Sends a request in the session.
    async fn get(
        &self,
        servers: &Servers,
        path: &str,
        session: &SecretString,
    ) -> Result<(Asked, ExchangeAnswer), CredentialError> {
        let url = self.url(path)?;
        let request = ExchangeRequest::new(ExchangeMethod::Get, url)
            .header("x-aws-ec2-metadata-token", session.clone())
            .near();
        servers.ask(&self.owner, request).await
    }

    fn url(&self, path: &str) -> Result<Url, CredentialError> {
        let url = self.server.join(path);
        url.map_err(|_| CredentialError::malformed(&self.owner, "has a role with an invalid name"))
    }

    async fn ask(&self, servers: &Servers) -> Result<Access, CredentialError> {
        let request = ExchangeRequest::new(ExchangeMethod::Put, self.url("latest/api/token")?)
            .header(
                "x-aws-ec2-metadata-token-ttl-seconds",
                SecretString::from(SESSION_SECONDS),
            )
            .near();
        let (asked, answer) = servers.ask(&self.owner, request).await?;
        let session = SecretString::from(line(&asked, &answer)?);
        let (asked, answer) = self.get(servers, ROLES_PATH, &session).await?;
        let role = line(&asked, &answer)?;
        let (asked, answer) = self
            .get(servers, &format!("{ROLES_PATH}{role}"), &session)
            .await?;
        let mut access = access(&self.owner, &asked, &answer, servers)?;
        if region(&servers.machine).is_none() {
            // It is not needed for the keys, so it is optional.
            let place = self.get(servers, REGION_PATH, &session).await;
            access.region = place
                .ok()
                .and_then(|(asked, answer)| line(&asked, &answer).ok());
        }
        Ok(access)
    }
}

#[async_trait]
impl TokenSource for Instance {
    async fn fetch(
        &self,
        servers: &Servers,
        last: Option<Token>,
    ) -> Result<Made<Token>, CredentialError> {
        let asking = self.ask(servers);
        let access = servers.probe(Service::S3, last.is_some(), asking).await?;
        Ok(Made::new(access))
    }
}

/// Returns the only line of an answer.
fn line(asked: &Asked, answer: &ExchangeAnswer) -> Result<String, CredentialError> {
    asked.check(answer)?;
    let text = std::str::from_utf8(&answer.body).unwrap_or_default();
    let line = text.lines().next().unwrap_or_default().trim();
    if line.is_empty() || line.len() > MAX_NAME_BYTES {
        return Err(asked.malformed("is not one line"));
    }
    Ok(line.to_owned())
}
