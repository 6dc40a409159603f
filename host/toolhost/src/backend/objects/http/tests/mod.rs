//! The source against faulty servers.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};

use super::HttpSource;
use crate::capability::{
    Access, AccessRequest, AccessSource, Authorization, AwsKeys, CapabilityError, FetchOptions,
    FetchPolicy, FetchRequest, FetchRule, Object, ObjectSource as _, Reason,
};
use crate::http::tests::server::{Answer, Identity, Received, Server, closed_port};
use crate::http::tests::{STALL, quick};
use crate::http::{HttpClient, HttpSettings};

mod arrival;
mod asking;
mod policy;
mod redirects;
mod refusals;

fn source() -> HttpSource {
    HttpSource::new(HttpClient::new(quick()))
}

fn options() -> FetchOptions {
    let mut options = FetchOptions::default();
    options.policy = Arc::new(FetchPolicy::everything());
    options
}

fn request(uri: impl AsRef<str>, options: FetchOptions) -> FetchRequest {
    FetchRequest {
        uri: uri.as_ref().to_owned(),
        options,
    }
}

async fn fetch(uri: impl AsRef<str>) -> Result<Object, CapabilityError> {
    source().fetch(request(uri, options())).await
}

/// Consecutive tokens: `t0ken-1`, `t0ken-2`, …; refusing one creates the next.
#[derive(Default)]
struct Tokens {
    refused: AtomicUsize,
}

#[async_trait]
impl AccessSource for Tokens {
    async fn access(&self, request: &AccessRequest) -> Result<Access, CapabilityError> {
        let name = request.credential.as_deref().unwrap();
        let token = format!("t0ken-{}", self.refused.load(Ordering::SeqCst) + 1);
        let password = SecretString::from("p4ssword");
        let authorization = match name {
            "basic" => Authorization::Basic {
                username: "me".to_owned(),
                password,
            },
            "aws" => Authorization::Aws(AwsKeys {
                access_key_id: "id".to_owned(),
                secret_access_key: password,
                session_token: None,
            }),
            "none" => return Err(CapabilityError::new(Reason::CredentialMissing, "not there")),
            _ => Authorization::Bearer(SecretString::from(token)),
        };
        Ok(Access::new(
            authorization,
            format!("the credential `{name}`"),
        ))
    }

    async fn refuse(&self, _: &AccessRequest, refused: &Access) {
        let Authorization::Bearer(token) = &refused.authorization else {
            return;
        };
        assert!(token.expose_secret().starts_with("t0ken-"));
        self.refused.fetch_add(1, Ordering::SeqCst);
    }
}

async fn fetch_with(
    credential: &str,
    uri: impl AsRef<str>,
    mut options: FetchOptions,
) -> Result<Object, CapabilityError> {
    options.credential = Some(credential.to_owned());
    let source = source().with_access(Arc::new(Tokens::default()));
    source.fetch(request(uri, options)).await
}

fn headers(given: &[(&str, &str)]) -> Vec<(String, SecretString)> {
    let given = given.iter();
    given
        .map(|(name, value)| ((*name).to_owned(), SecretString::from(*value)))
        .collect()
}
