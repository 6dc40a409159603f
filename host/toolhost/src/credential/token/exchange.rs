use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use secrecy::{ExposeSecret as _, SecretString};
use url::{Url, form_urlencoded};
use zeroize::Zeroizing;

use crate::capability::CapabilityError;
use crate::sealing::Redactor;

/// The most that a token server may answer. The longest tokens, with claims of many groups, take some
/// ten kilobytes.
pub const MAX_ANSWER_BYTES: u64 = 256 * 1024;
/// How long a token server may take. People and jobs wait for it.
pub const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);
/// How long connecting to the metadata server of a cloud may take, which is one hop away.
pub const NEAR_CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// The type of a form.
pub(super) const FORM: &str = "application/x-www-form-urlencoded";
/// How long such a server may take to answer. Google's asks another one for a new token.
const NEAR_ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// Asks servers that give tokens and credentials, one request at a time.
///
/// An implementation sends a request at most once: a refresh token that is sent twice may be taken for a
/// stolen one (RFC 9700, section 4.14.2). It follows no redirect.
#[async_trait]
pub trait Exchange: Send + Sync + 'static {
    /// Sends the request, and returns the whole answer, whatever its status.
    ///
    /// # Errors
    ///
    /// There is no answer, or none within the limits. The error holds nothing of the request but its
    /// address.
    async fn exchange(&self, request: ExchangeRequest) -> Result<ExchangeAnswer, CapabilityError>;
}

/// A request to such a server. Printing it shows the address alone.
#[non_exhaustive]
pub struct ExchangeRequest {
    /// What is done.
    pub method: ExchangeMethod,
    /// The address.
    pub url: Url,
    /// Headers by their names in lower case.
    pub headers: Vec<(&'static str, SecretString)>,
    /// A body of the type `application/x-www-form-urlencoded`.
    pub form: Option<SecretString>,
    /// The most that it may take.
    pub timeout: Duration,
    /// Whether the server is one hop away, if it is there at all: connecting may take
    /// [`NEAR_CONNECT_TIMEOUT`], and no proxy is gone through.
    pub is_near: bool,
    /// What must not stand in an error, should the server repeat it.
    pub(super) secrets: Vec<SecretString>,
}

/// The method of HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExchangeMethod {
    /// `GET`
    Get,
    /// `POST`
    Post,
    /// `PUT`
    Put,
}

/// A whole answer. Printing it shows the status alone.
pub struct ExchangeAnswer {
    /// The status of HTTP.
    pub status: u16,
    /// The body, of at most [`MAX_ANSWER_BYTES`].
    pub body: Zeroizing<Vec<u8>>,
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

    /// A `POST` of a form. The values are taken as secrets.
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

    /// Asks a server that is one hop away, if it is there at all.
    pub(super) fn near(mut self) -> Self {
        self.is_near = true;
        self.timeout = NEAR_ANSWER_TIMEOUT;
        self
    }

    /// Names what must not be repeated in an error.
    pub(in crate::credential) fn hide(
        mut self,
        secrets: impl IntoIterator<Item = SecretString>,
    ) -> Self {
        self.secrets.extend(secrets);
        self
    }

    /// The server's address, as messages show it: without name, password, path and query.
    pub(in crate::credential) fn server(&self) -> String {
        self.url.origin().ascii_serialization()
    }

    /// Removes from what a server said all that it was sent.
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

/// A client's name and password as `Authorization: Basic` has them.
pub(super) fn basic(username: &str, password: &str) -> SecretString {
    use base64::Engine as _;
    let pair = Zeroizing::new(format!("{username}:{password}"));
    let encoded = base64::engine::general_purpose::STANDARD.encode(pair.as_bytes());
    SecretString::from(format!("Basic {encoded}"))
}

pub(in crate::credential) fn bearer(token: &SecretString) -> SecretString {
    SecretString::from(format!("Bearer {}", token.expose_secret()))
}
