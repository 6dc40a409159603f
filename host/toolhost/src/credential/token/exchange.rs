use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use secrecy::{ExposeSecret as _, SecretString};
use url::{Url, form_urlencoded};
use zeroize::Zeroizing;

use crate::capability::CapabilityError;
use crate::sealing::Redactor;

/// Maximum size of a token server's answer. The longest tokens, with claims of many groups, take some ten kilobytes.
pub const MAX_ANSWER_BYTES: u64 = 256 * 1024;
/// Time limit of a token server. Users and jobs wait for it.
pub const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);
/// Limit for connecting to the metadata server of a cloud, which is one hop away.
pub const NEAR_CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// The media type of a form.
pub(super) const FORM: &str = "application/x-www-form-urlencoded";
/// Limit for the answer of such a server. Google's requests new tokens from another server.
const NEAR_ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// Sends requests to servers of tokens and credentials, one at a time.
///
/// An implementation sends a request at most once: a refresh token that is sent twice may be taken for a stolen one
/// (RFC 9700, section 4.14.2). It follows no redirect.
#[async_trait]
pub trait Exchange: Send + Sync + 'static {
    /// Sends the request, and returns the whole answer, whatever its status.
    ///
    /// # Errors
    ///
    /// There is no answer, or none within the limits. The error contains nothing of the request except its address.
    async fn exchange(&self, request: ExchangeRequest) -> Result<ExchangeAnswer, CapabilityError>;
}

/// A request to such a server. Its `Debug` form shows only the address.
#[non_exhaustive]
pub struct ExchangeRequest {
    /// The method.
    pub method: ExchangeMethod,
    /// The address.
    pub url: Url,
    /// Headers by their names in lower case.
    pub headers: Vec<(&'static str, SecretString)>,
    /// A body of the type `application/x-www-form-urlencoded`.
    pub form: Option<SecretString>,
    /// The time limit.
    pub timeout: Duration,
    /// Whether the server is one hop away, if it exists at all: the limit for connecting is [`NEAR_CONNECT_TIMEOUT`],
    /// and no proxy is used.
    pub is_near: bool,
    /// What must not be part of an error, should the server repeat it.
    pub(super) secrets: Vec<SecretString>,
}

/// The method of HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExchangeMethod {
    /// `GET`
    Get,
    /// `POST`
    Post,
    /// `PUT`
    Put,
}

/// A whole answer. Its `Debug` form shows only the status.
#[non_exhaustive]
pub struct ExchangeAnswer {
    /// The status of HTTP.
    pub status: u16,
    /// The body, of at most [`MAX_ANSWER_BYTES`].
    pub body: Zeroizing<Vec<u8>>,
}

impl ExchangeAnswer {
    /// An answer with this status and body.
    #[must_use]
    pub fn new(status: u16, body: Vec<u8>) -> Self {
        Self {
            status,
            body: Zeroizing::new(body),
        }
    }
}

impl ExchangeRequest {
    pub(in crate::credential) fn new(method: ExchangeMethod, url: Url) -> Self {
        Self {
            method,
            url,
            headers: Vec::new(),
            form: None,
            timeout: ANSWER_TIMEOUT,
            is_near: false,
            secrets: Vec::new(),
        }
    }

    /// Creates a `POST` of a form. The values are treated as secrets.
    pub(super) fn form(url: Url, fields: &[(&str, &str)]) -> Self {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(fields);
        let mut request = Self::new(ExchangeMethod::Post, url);
        request.form = Some(SecretString::from(form.finish()));
        request
    }

    pub(in crate::credential) fn header(mut self, name: &'static str, value: SecretString) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Marks the server as one hop away, if it exists at all.
    pub(super) fn near(mut self) -> Self {
        self.is_near = true;
        self.timeout = NEAR_ANSWER_TIMEOUT;
        self
    }

    /// Adds what must not be repeated in an error.
    pub(in crate::credential) fn hide(
        mut self,
        secrets: impl IntoIterator<Item = SecretString>,
    ) -> Self {
        self.secrets.extend(secrets);
        self
    }

    /// Returns the server's address for messages: without name, password, path and query.
    pub(in crate::credential) fn server(&self) -> String {
        self.url.origin().ascii_serialization()
    }

    /// Returns what removes everything that was sent from a server's text.
    pub(in crate::credential) fn redactor(&self) -> Option<Redactor> {
        let headers = self.headers.iter().map(|(_, value)| value.clone());
        let secrets: Vec<_> = self.secrets.iter().cloned().chain(headers).collect();
        Redactor::new(&secrets)
    }
}

impl ExchangeAnswer {
    pub(in crate::credential) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

impl fmt::Debug for ExchangeRequest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ExchangeRequest")
            .field("method", &self.method)
            .field("server", &self.server())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for ExchangeAnswer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ExchangeAnswer")
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

/// Returns a client's name and password in the form of `Authorization: Basic`.
pub(super) fn basic(username: &str, password: &str) -> SecretString {
    use base64::Engine as _;
    let pair = Zeroizing::new(format!("{username}:{password}"));
    let encoded = base64::engine::general_purpose::STANDARD.encode(pair.as_bytes());
    SecretString::from(format!("Basic {encoded}"))
}

pub(in crate::credential) fn bearer(token: &SecretString) -> SecretString {
    SecretString::from(format!("Bearer {}", token.expose_secret()))
}
