use std::sync::Arc;

use async_trait::async_trait;
use http::{Method, header};

use super::super::transfer::{DEFAULT_TIMEOUT, TransferLimits, transfer};
use super::opener::{Credential, HttpOpener};
use super::question::{Question, given_headers, method};
use crate::capability::{
    AccessRequest, AccessSource, CapabilityError, FetchOptions, FetchRequest, Hint, Object,
    ObjectSource, Reason, Service, Setting,
};
use crate::http::{HttpClient, shown};

/// Objects of HTTP servers, by `GET` or `POST`.
///
/// * Redirects are followed, at most ten. Neither the credential nor any header except `Accept`, `Accept-Language` and
///   `User-Agent` is sent to another server than the first (scheme, host or port); redirects from `https` to `http` are
///   not followed. A credential is sent only to the servers that it is for, and headers with sealed values only to
///   those that the policy names.
/// * An answer may be compressed by gzip; the limit applies to the decompressed bytes. A compressed answer that was cut
///   is requested again from its beginning and uncompressed, since a part of it would not be a part of the object.
///   Others are resumed, if they have an announced length and a strong validator (RFC 9110 §13.1.5) and the server
///   supports `Range`.
/// * A `POST` may be sent more than once, like a `GET`: it only fetches.
pub struct HttpSource {
    client: HttpClient,
    access: Option<Arc<dyn AccessSource>>,
}

impl HttpSource {
    /// Creates a source that sends requests through `client`, without credentials.
    #[must_use]
    pub fn new(client: HttpClient) -> Self {
        Self {
            client,
            access: None,
        }
    }

    /// Sets the source of the credentials of `source.auth`.
    #[must_use]
    pub fn with_access(mut self, access: Arc<dyn AccessSource>) -> Self {
        self.access = Some(access);
        self
    }

    fn credential(&self, options: &FetchOptions) -> Result<Option<Credential>, CapabilityError> {
        let Some(credential) = &options.credential else {
            return Ok(None);
        };
        let Some(access) = &self.access else {
            let message =
                format!("unknown credential `{credential}`: this host has no credentials");
            return Err(CapabilityError::new(Reason::CredentialMissing, message)
                .with_hint(Hint::from("specify a credentials file").setting(Setting::Credentials))
                .with_field("auth"));
        };
        Ok(Some(Credential {
            source: Arc::clone(access),
            request: AccessRequest::new(Service::Http, Some(credential)),
        }))
    }
}

#[async_trait]
impl ObjectSource for HttpSource {
    async fn fetch(&self, request: FetchRequest) -> Result<Object, CapabilityError> {
        let url = request.http_url()?;
        let options = request.options;
        if options.region.is_some() {
            let message = "an HTTP server does not support `region`";
            return Err(CapabilityError::new(Reason::InvalidRequest, message).with_field("region"));
        }
        let headers = given_headers(&options.headers)?;
        let credential = self.credential(&options)?;
        if credential.is_some() && headers.contains_key(header::AUTHORIZATION) {
            let message = "both `auth` and a header `Authorization` are set";
            return Err(CapabilityError::new(Reason::InvalidRequest, message)
                .with_hint("remove one of them")
                .with_field("headers"));
        }
        let limits = TransferLimits {
            max_bytes: options.max_bytes,
            timeout: options.timeout.unwrap_or(DEFAULT_TIMEOUT),
            retry: self.client.retry_policy(),
        };
        let shown = shown(&url);
        let question = Question {
            method: match &options.method {
                Some(name) => method(name)?,
                None => Method::GET,
            },
            url,
            headers,
            place_field: if options.endpoint.is_some() {
                "endpoint"
            } else {
                "uri"
            },
        };
        let opener = HttpOpener {
            client: &self.client,
            question,
            options: &options,
            credential,
        };
        transfer(&opener, &shown, limits).await
    }
}
