use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use secrecy::{ExposeSecret as _, SecretString};

use crate::capability::{CapabilityError, Reason};
use crate::http::Url;

/// The request of the configuration.
pub(super) struct Question {
    pub(super) method: Method,
    pub(super) url: Url,
    /// The headers of the configuration. Each may be a secret.
    pub(super) headers: HeaderMap,
    /// The configuration value that determines the server.
    pub(super) place_field: &'static str,
}

/// Headers that determine the encoding of the answer, or the receiver of the request: those are set by the source.
const OWN_HEADERS: [HeaderName; 11] = [
    header::ACCEPT_ENCODING,
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::EXPECT,
    header::HOST,
    header::IF_RANGE,
    header::RANGE,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];
/// Headers that may be sent to any server.
const HARMLESS_HEADERS: [HeaderName; 3] =
    [header::ACCEPT, header::ACCEPT_LANGUAGE, header::USER_AGENT];
/// More than any server accepts.
const MAX_HEADERS: usize = 64;

impl Question {
    /// Returns the headers for a server other than the one in the configuration.
    pub(super) fn harmless_headers(&self) -> HeaderMap {
        let known = HARMLESS_HEADERS.iter();
        known
            .filter_map(|name| Some((name.clone(), self.headers.get(name)?.clone())))
            .collect()
    }
}

/// Parses the name of a method.
pub(super) fn method(name: &str) -> Result<Method, CapabilityError> {
    match name.to_ascii_uppercase().as_str() {
        "GET" => Ok(Method::GET),
        "POST" => Ok(Method::POST),
        _ => {
            let message = "unsupported method: expected `GET` or `POST`";
            Err(CapabilityError::new(Reason::InvalidRequest, message)
                .with_hint("remove `method`")
                .with_field("method"))
        }
    }
}

/// Parses the headers of the configuration, none of which is ever printed.
pub(super) fn given_headers(
    given: &[(String, SecretString)],
) -> Result<HeaderMap, CapabilityError> {
    let wrong = |message: String| {
        CapabilityError::new(Reason::InvalidRequest, message).with_field("headers")
    };
    if given.len() > MAX_HEADERS {
        return Err(wrong(format!("there are more than {MAX_HEADERS} headers")));
    }
    let mut headers = HeaderMap::new();
    for (name, value) in given {
        let parsed = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| wrong(format!("invalid header name `{name}`")))?;
        if OWN_HEADERS.contains(&parsed) || parsed.as_str().starts_with("proxy-") {
            let message = format!("the header `{name}` cannot be set: the host sets it itself");
            return Err(wrong(message).with_hint("remove it"));
        }
        let mut value =
            HeaderValue::from_bytes(value.expose_secret().as_bytes()).map_err(|_| {
                let message = format!("the value of the header `{name}` has a control character");
                wrong(message).with_hint("remove the line break, such as one at its end")
            })?;
        value.set_sensitive(true);
        if headers.insert(parsed, value).is_some() {
            return Err(wrong(format!("the header `{name}` is specified twice")));
        }
    }
    Ok(headers)
}
