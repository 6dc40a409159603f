use std::fmt;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use http_body_util::BodyExt as _;
use http_body_util::combinators::BoxBody;
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use super::{AddressPolicy, HttpError, shown};

/// A request. Its `Debug` form shows neither headers nor body.
#[derive(Clone)]
pub(crate) struct Request {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    pub(super) addresses: AddressPolicy,
}

/// How long an error waits for the server's text.
const BEGINNING_TIMEOUT: Duration = Duration::from_secs(2);

impl Request {
    /// Creates a request with that method. Name and password in the URL are sent as basic authorization.
    ///
    /// Only public addresses are allowed by default; see [`addresses`](Self::addresses).
    #[must_use]
    pub(crate) fn new(method: Method, url: Url) -> Self {
        Self {
            method,
            url,
            headers: HeaderMap::new(),
            body: Bytes::new(),
            addresses: AddressPolicy::default(),
        }
    }

    /// Creates a `GET`.
    #[must_use]
    pub(crate) fn get(url: Url) -> Self {
        Self::new(Method::GET, url)
    }

    /// Sets the allowed addresses.
    #[must_use]
    pub(crate) fn addresses(mut self, addresses: AddressPolicy) -> Self {
        self.addresses = addresses;
        self
    }

    /// Sets a header.
    #[must_use]
    pub(crate) fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// Sets all these headers.
    #[must_use]
    pub(crate) fn headers(mut self, headers: HeaderMap) -> Self {
        self.headers.extend(headers);
        self
    }

    /// Sets a header to a secret.
    ///
    /// # Errors
    ///
    /// [`HttpError::InvalidRequest`] where the value is not valid in a header.
    pub(crate) fn secret_header(
        mut self,
        name: HeaderName,
        value: &SecretString,
    ) -> Result<Self, HttpError> {
        let value = sensitive(&name, value.expose_secret().as_bytes())?;
        self.headers.insert(name, value);
        Ok(self)
    }

    /// Sets a token.
    ///
    /// # Errors
    ///
    /// [`HttpError::InvalidRequest`] where it is not valid in a header.
    pub(crate) fn bearer(mut self, token: &SecretString) -> Result<Self, HttpError> {
        let value = format!("Bearer {}", token.expose_secret());
        let value = sensitive(&header::AUTHORIZATION, value.as_bytes())?;
        self.headers.insert(header::AUTHORIZATION, value);
        Ok(self)
    }

    /// Sets a name and a password (RFC 7617).
    ///
    /// # Errors
    ///
    /// [`HttpError::InvalidRequest`], which does not occur for names and passwords.
    pub(crate) fn basic(
        mut self,
        username: &str,
        password: &SecretString,
    ) -> Result<Self, HttpError> {
        let pair = BASE64.encode(format!("{username}:{}", password.expose_secret()));
        let value = sensitive(&header::AUTHORIZATION, format!("Basic {pair}").as_bytes())?;
        self.headers.insert(header::AUTHORIZATION, value);
        Ok(self)
    }

    /// Sets a body of that type.
    #[must_use]
    pub(crate) fn body(mut self, content_type: &'static str, body: impl Into<Bytes>) -> Self {
        let content_type = HeaderValue::from_static(content_type);
        self.headers.insert(header::CONTENT_TYPE, content_type);
        self.body = body.into();
        self
    }

    /// Returns the URL.
    #[must_use]
    pub(crate) fn url(&self) -> &Url {
        &self.url
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Request")
            .field("method", &self.method)
            .field("url", &shown(&self.url))
            .field("addresses", &self.addresses)
            .finish_non_exhaustive()
    }
}

/// An answer whose body is still arriving. Its `Debug` form shows neither headers nor body.
pub(crate) struct Response {
    pub(super) inner: reqwest::Response,
    pub(super) place: String,
}

impl Response {
    /// Returns the status.
    #[must_use]
    pub(crate) fn status(&self) -> StatusCode {
        self.inner.status()
    }

    /// Returns the headers. An answer that the client itself decompresses has neither `Content-Encoding` nor
    /// `Content-Length`.
    #[must_use]
    pub(crate) fn headers(&self) -> &HeaderMap {
        self.inner.headers()
    }

    /// Returns a header as text.
    #[must_use]
    pub(crate) fn header(&self, name: &HeaderName) -> Option<&str> {
        self.headers().get(name)?.to_str().ok()
    }

    /// Returns the announced length of the body in bytes, where there is one and it applies to the arriving bytes.
    #[must_use]
    pub(crate) fn content_length(&self) -> Option<u64> {
        self.header(&header::CONTENT_LENGTH)?.parse().ok()
    }

    /// Returns the next piece of the body; none at its end.
    ///
    /// # Errors
    ///
    /// [`HttpError::Cut`], [`HttpError::Timeout`] where nothing arrives, [`HttpError::Protocol`].
    ///
    /// # Cancel safety
    ///
    /// A piece is returned or stays.
    pub(crate) async fn chunk(&mut self) -> Result<Option<Bytes>, HttpError> {
        let chunk = self.inner.chunk().await;
        chunk.map_err(|error| HttpError::classify(&error, &self.place, None))
    }

    /// Returns the body as a stream, for a client of another protocol over HTTP. It fails like [`chunk`](Self::chunk).
    #[must_use]
    pub(crate) fn into_body(self) -> BoxBody<Bytes, HttpError> {
        let Self { inner, place } = self;
        reqwest::Body::from(inner)
            .map_err(move |error| HttpError::classify(&error, &place, None))
            .boxed()
    }

    /// Returns the beginning of the body, for a message: at most `max_bytes`, and what arrives within two seconds.
    pub(crate) async fn beginning(mut self, max_bytes: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        let reading = async {
            while bytes.len() < max_bytes {
                let Ok(Some(chunk)) = self.chunk().await else {
                    break;
                };
                let left = max_bytes - bytes.len();
                bytes.extend_from_slice(chunk.get(..left).unwrap_or(&chunk));
            }
        };
        // What has arrived when the time is over is kept.
        let _ = tokio::time::timeout(BEGINNING_TIMEOUT, reading).await;
        bytes
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Response")
            .field("place", &self.place)
            .field("status", &self.status())
            .finish_non_exhaustive()
    }
}

/// Formats a server's text as one line of at most `max_chars`.
#[must_use]
pub(crate) fn text_of(said: &str, max_chars: usize) -> String {
    let words = said
        .split(|character: char| character.is_control() || character.is_whitespace())
        .filter(|word| !word.is_empty());
    let mut text = String::new();
    for word in words {
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(word);
    }
    text.chars().take(max_chars).collect()
}

fn sensitive(name: &HeaderName, value: &[u8]) -> Result<HeaderValue, HttpError> {
    let mut value = HeaderValue::from_bytes(value).map_err(|_| HttpError::InvalidRequest {
        why: format!(
            "the value of the header `{name}` has a line break or another control character"
        ),
    })?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shown_url_contains_no_credential() {
        let url =
            Url::parse("https://me:pass@h.example:8443/a/b.py?X-Amz-Signature=sig#frag").unwrap();
        assert_eq!(shown(&url), "https://h.example:8443/a/b.py");
        let request = Request::get(url)
            .bearer(&SecretString::from("t0ken"))
            .unwrap()
            .body("text/plain", "b0dy");
        let printed = format!("{request:?}");
        for secret in ["pass", "sig", "frag", "t0ken", "b0dy"] {
            assert!(!printed.contains(secret), "{printed}");
        }
    }

    #[test]
    fn no_line_break_gets_into_a_header() {
        let url = Url::parse("https://h.example/").unwrap();
        let secret = SecretString::from("a\r\nX-Evil: s3cret");
        let error = Request::get(url).bearer(&secret).unwrap_err();
        assert!(!error.to_string().contains("s3cret"), "{error}");
    }
}
