use std::error::Error;
use std::sync::Arc;

use async_trait::async_trait;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use http_body_util::BodyExt as _;
use object_store::ClientOptions;
use object_store::client::{
    self, HttpConnector, HttpErrorKind, HttpRequest, HttpResponse, HttpResponseBody, HttpService,
};

use super::super::content_range::content_range;
use super::answer::{Answer, MAX_ERROR_BYTES};
use super::source::with_auth;
use crate::capability::{Access, CapabilityError, FetchOptions, Reason};
use crate::http::{AddressPolicy, HttpClient, HttpError, Request, Response, Url};

/// Sends the requests of a store through this host's own client, and checks each before it is sent.
///
/// A store receives answers with an object, with the required headers. For any other answer it receives a [`Problem`],
/// which is returned as the innermost source of its error.
#[derive(Debug, Clone)]
pub(super) struct Transport {
    pub(super) client: HttpClient,
    pub(super) options: Arc<FetchOptions>,
    pub(super) access: Access,
    pub(super) addresses: AddressPolicy,
}

/// Why an attempt returns no object, or not all of it.
#[derive(Debug, Clone, thiserror::Error)]
pub(super) enum Problem {
    /// The request was not sent.
    #[error(transparent)]
    NotSent(CapabilityError),
    /// There is no answer.
    #[error("{error}")]
    Unanswered { url: Url, error: HttpError },
    /// The answer is an error.
    #[error("the server answered {}", .0.status)]
    Refused(Answer),
    /// The server returned the whole object for a range.
    #[error("the server ignores ranges")]
    Whole,
    /// The answer contradicts the request or itself.
    #[error("the server sent {0}")]
    Contradiction(&'static str),
    /// The answer ended too early.
    #[error("{0}")]
    Cut(HttpError),
}

/// Marks an answer without a length.
#[derive(Debug, Clone, Copy)]
pub(super) struct Unmeasured;

/// Headers that a store reads unchanged. Others could make it refuse an object, such as metadata in another encoding
/// than ASCII.
const READ_HEADERS: [HeaderName; 3] = [
    header::ETAG,
    HeaderName::from_static("x-amz-version-id"),
    HeaderName::from_static("x-goog-generation"),
];
/// Maximum length of an entity tag or version; those of S3 and Google have below 100 bytes.
const MAX_FACT_BYTES: usize = 256;
/// A store of Google refuses an answer without a date, which is not used otherwise.
const SOME_DATE: HeaderValue = HeaderValue::from_static("Thu, 01 Jan 1970 00:00:00 GMT");

impl HttpConnector for Transport {
    /// The store's options are ignored: they are for a client of its own.
    fn connect(&self, _: &ClientOptions) -> object_store::Result<client::HttpClient> {
        Ok(client::HttpClient::new(self.clone()))
    }
}

#[async_trait]
impl HttpService for Transport {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, client::HttpError> {
        self.send(request).await.map_err(for_store)
    }
}

impl Problem {
    /// Returns the problem behind a store's error; none where the store itself refuses an answer.
    pub(super) fn behind(error: &object_store::Error) -> Option<&Self> {
        let mut cause: Option<&(dyn Error + 'static)> = Some(error);
        while let Some(error) = cause {
            if let Some(problem) = error.downcast_ref() {
                return Some(problem);
            }
            cause = error.source();
        }
        None
    }
}

impl Transport {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, Problem> {
        let (parts, _) = request.into_parts();
        let url =
            Url::parse(&without_needless_escapes(parts.uri.to_string())).map_err(|error| {
                let message = format!("invalid address of an object: {error}");
                Problem::NotSent(CapabilityError::new(Reason::InvalidRequest, message))
            })?;
        self.options
            .release(&self.access, &url)
            .map_err(|error| Problem::NotSent(with_auth(error)))?;
        let wants_part = parts.headers.contains_key(header::RANGE);
        let mut headers = parts.headers;
        if let Some(authorization) = headers.get_mut(header::AUTHORIZATION) {
            authorization.set_sensitive(true);
        }
        // After signing, since proxies change this header. Without it, the transfer could not be resumed.
        let identity = HeaderValue::from_static("identity");
        headers.insert(header::ACCEPT_ENCODING, identity);
        let request = Request::get(url).addresses(self.addresses).headers(headers);
        let response = self.client.send(&request).await;
        let response = response.map_err(|error| Problem::Unanswered {
            url: request.url().clone(),
            error,
        })?;
        match response.status() {
            StatusCode::OK if wants_part => Err(Problem::Whole),
            StatusCode::OK => {
                let length = response.content_length();
                Ok(answer(response, length, None))
            }
            // A store takes such a part for the whole object.
            StatusCode::PARTIAL_CONTENT if !wants_part => Err(Problem::Contradiction(
                "a part of the object instead of the whole",
            )),
            StatusCode::PARTIAL_CONTENT => {
                let Some((first, Some(total))) = content_range(response.headers()) else {
                    return Err(Problem::Contradiction(
                        "a part of the object without its range",
                    ));
                };
                // A server may send less than requested (RFC 9110 §15.3.7), which a store refuses. The end of the part
                // is detected when it is reached.
                let range = format!("bytes {first}-{}/{total}", total.saturating_sub(1));
                let range = HeaderValue::try_from(range).ok();
                Ok(answer(response, Some(total), range))
            }
            status => {
                let headers = response.headers().clone();
                let body = response.beginning(MAX_ERROR_BYTES).await;
                let answer = Answer::read(status, &headers, &body, &self.access);
                Err(Problem::Refused(answer))
            }
        }
    }
}

/// Decodes escapes of unreserved characters in the URL (RFC 3986 §6.2.2.2), so that it can be compared with the servers
/// that a credential is for. The store of Google escapes them; for S3, whose signature covers the path, there are none.
fn without_needless_escapes(url: String) -> String {
    let unreserved = [("%2D", "-"), ("%2E", "."), ("%5F", "_"), ("%7E", "~")];
    let plain = |url: String, (escape, character)| url.replace(escape, character);
    unreserved.into_iter().fold(url, plain)
}

/// Converts the answer for a store: missing headers that it requires are added.
fn answer(response: Response, total: Option<u64>, range: Option<HeaderValue>) -> HttpResponse {
    let status = response.status();
    let mut headers = HeaderMap::new();
    headers.insert(header::ETAG, HeaderValue::from_static(""));
    headers.insert(header::LAST_MODIFIED, SOME_DATE);
    headers.insert(header::CONTENT_LENGTH, total.unwrap_or_default().into());
    headers.extend(range.map(|range| (header::CONTENT_RANGE, range)));
    for name in READ_HEADERS {
        let value = response.headers().get(&name);
        let value = value.filter(|value| value.len() <= MAX_FACT_BYTES && value.to_str().is_ok());
        if let Some(value) = value {
            headers.insert(name, value.clone());
        }
    }
    let body = response
        .into_body()
        .map_err(|error| for_store(Problem::Cut(error)));
    let mut answer = HttpResponse::new(HttpResponseBody::new(body));
    *answer.status_mut() = status;
    *answer.headers_mut() = headers;
    if total.is_none() {
        answer.extensions_mut().insert(Unmeasured);
    }
    answer
}

/// Uses a kind that stores do not retry: [`transfer`](super::super::transfer) does, with new credentials.
fn for_store(problem: Problem) -> client::HttpError {
    client::HttpError::new(HttpErrorKind::Unknown, problem)
}
