use std::time::{Duration, SystemTime};

use futures_util::stream;
use http::{HeaderMap, HeaderName, StatusCode, header};

use super::super::content_range::content_range;
use super::super::transfer::{Failure, Opened, Position};
use crate::capability::{CapabilityError, ObjectMetadata, Reason};
use crate::http::{HttpError, Response, Url, shown};

/// An answer, and its origin.
pub(super) struct Answer {
    pub(super) response: Response,
    /// Its address, after all redirects.
    pub(super) url: Url,
    /// Whether that is the server in the configuration, which received the credential.
    pub(super) is_trusted: bool,
}

/// Maximum length of a header that is kept as metadata of an object.
const MAX_FACT_CHARS: usize = 256;
/// Headers with the version in Amazon S3 and Google Cloud Storage over HTTP.
const VERSION_HEADERS: [&str; 2] = ["x-amz-version-id", "x-goog-generation"];

/// Reads the head of an answer with content.
pub(super) fn opened(
    answer: Answer,
    at: Position<'_>,
    can_resume: bool,
    field: &'static str,
) -> Result<Opened, Failure> {
    let Answer { response, url, .. } = answer;
    let headers = response.headers();
    let contradiction = |what: &str| -> Failure {
        let message = format!("invalid answer of the server of `{}`: {what}", shown(&url));
        CapabilityError::new(Reason::FetchFailed, message)
            .with_hint("ask the operator of the server, or of a proxy in between")
            .with_field(field)
            .into()
    };
    // The requested compression is removed already.
    if header(headers, &header::CONTENT_ENCODING).is_some_and(|encoding| encoding != "identity") {
        return Err(contradiction("it has an encoding that was not requested"));
    }
    let length = response.content_length();
    let (start, total) = match response.status() {
        StatusCode::PARTIAL_CONTENT if at.offset > 0 => {
            content_range(headers).ok_or_else(|| contradiction("it is a part without a range"))?
        }
        StatusCode::PARTIAL_CONTENT => {
            return Err(contradiction("it is a part instead of the whole"));
        }
        // All of it had arrived, and only the end was missing; or it is shorter by now.
        StatusCode::RANGE_NOT_SATISFIABLE => {
            let is_whole = header(headers, &header::CONTENT_RANGE)
                .and_then(|range| range.strip_prefix("bytes */")?.parse().ok())
                .is_some_and(|total: u64| total == at.offset);
            if !is_whole {
                return Err(changed(&url, field));
            }
            return Ok(Opened {
                start: at.offset,
                total: Some(at.offset),
                version: at.version.map(str::to_owned),
                metadata: metadata(headers, &url),
                bytes: Box::pin(stream::empty()),
            });
        }
        _ => (0, length),
    };
    // Without a length the answer may have been compressed, and its parts are not parts of the object.
    let version = total
        .filter(|_| can_resume)
        .and_then(|_| validator(headers))
        // A server need not repeat in a part the validator that it compared.
        .or_else(|| {
            at.version
                .filter(|_| start > 0 && validator(headers).is_none())
                .map(str::to_owned)
        });
    let metadata = metadata(headers, &url);
    let chunks = stream::unfold(Some(response), move |response| async move {
        let mut response = response?;
        match response.chunk().await {
            Ok(None) => None,
            Ok(Some(chunk)) => Some((Ok(chunk), Some(response))),
            Err(error) => Some((Err(broken(error, field)), None)),
        }
    });
    Ok(Opened {
        start,
        total,
        version,
        metadata,
        bytes: Box::pin(chunks),
    })
}

/// Returns the validator that identifies this version byte for byte, for `If-Range` (RFC 9110 §13.1.5): a strong entity
/// tag, or, where there is none at all, a date that is older than the answer.
fn validator(headers: &HeaderMap) -> Option<String> {
    if header(headers, &header::ACCEPT_RANGES).is_some_and(|ranges| ranges == "none") {
        return None;
    }
    if let Some(tag) = header(headers, &header::ETAG) {
        let is_strong = tag.len() >= 2 && tag.starts_with('"') && tag.ends_with('"');
        return is_strong.then(|| tag.to_owned());
    }
    let modified = header(headers, &header::LAST_MODIFIED)?;
    let age = date(header(headers, &header::DATE)?)?.duration_since(date(modified)?);
    age.is_ok_and(|age| age >= Duration::from_secs(1))
        .then(|| modified.to_owned())
}

fn date(text: &str) -> Option<SystemTime> {
    let date = jiff::fmt::rfc2822::parse(text).ok()?;
    Some(date.timestamp().into())
}

fn metadata(headers: &HeaderMap, url: &Url) -> ObjectMetadata {
    let fact = |name: &HeaderName| {
        let value = header(headers, name)?;
        (value.len() <= MAX_FACT_CHARS).then(|| value.to_owned())
    };
    let versions = VERSION_HEADERS.map(HeaderName::from_static);
    let mut metadata = ObjectMetadata::default();
    // Without its query, which may be a signature.
    metadata.uri = Some(shown(url));
    metadata.etag = fact(&header::ETAG);
    metadata.version = versions
        .iter()
        .find_map(fact)
        .or_else(|| fact(&header::LAST_MODIFIED));
    metadata
}

fn header<'answer>(headers: &'answer HeaderMap, name: &HeaderName) -> Option<&'answer str> {
    headers.get(name)?.to_str().ok()
}

fn broken(error: HttpError, field: &'static str) -> Failure {
    let field = match error {
        HttpError::Timeout { .. } => "timeout-ms",
        _ => field,
    };
    CapabilityError::from(error).with_field(field).into()
}

fn changed(url: &Url, field: &'static str) -> Failure {
    let message = format!("`{}` changed while it was read", shown(url));
    let error = CapabilityError::new(Reason::FetchFailed, message)
        .with_hint("try again when it is not being written")
        .with_field(field)
        .retryable();
    Failure {
        error,
        retry_after: None,
        restart: true,
    }
}
