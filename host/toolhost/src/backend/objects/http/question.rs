use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use secrecy::{ExposeSecret as _, SecretString};

use crate::capability::{CapabilityError, Reason};
use crate::http::Url;

/// What the configuration asks for.
pub(super) struct Question {
    pub(super) method: Method,
    pub(super) url: Url,
    /// The headers of the configuration. Every one may be a secret.
    pub(super) headers: HeaderMap,
    /// The configuration value that says which server is asked.
    pub(super) place_field: &'static str,
}

/// Headers that say how the bytes come, or to whom the request goes: those are the source's.
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
/// Headers that any server may see.
const HARMLESS_HEADERS: [HeaderName; 3] =
    [header::ACCEPT, header::ACCEPT_LANGUAGE, header::USER_AGENT];
/// More than any server takes.
const MAX_HEADERS: usize = 64;

impl Question {
    /// The headers for a server that is not the one that the configuration names.
    pub(super) fn harmless_headers(&self) -> HeaderMap {
        let known = HARMLESS_HEADERS.iter();
        known
            .filter_map(|name| Some((name.clone(), self.headers.get(name)?.clone())))
            .collect()
    }
}

/// The method of a name.
pub(super) fn method(name: &str) -> Result<Method, CapabilityError> {
    match name.to_ascii_uppercase().as_str() {
        "GET" => Ok(Method::GET),
        "POST" => Ok(Method::POST),
        _ => {
            let message = "a script is fetched by `GET` or `POST`, and by no other method";
            Err(CapabilityError::new(Reason::InvalidRequest, message)
                .with_hint("leave `method` out")
                .with_field("script.source.method"))
        }
    }
}

/// The headers of the configuration, none of which is ever printed.
pub(super) fn given_headers(
    given: &[(String, SecretString)],
) -> Result<HeaderMap, CapabilityError> {
    let wrong = |message: String| {
        CapabilityError::new(Reason::InvalidRequest, message).with_field("script.source.headers")
    };
    if given.len() > MAX_HEADERS {
        return Err(wrong(format!("there are more than {MAX_HEADERS} headers")));
    }
    let mut headers = HeaderMap::new();
    for (name, value) in given {
        let parsed = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| wrong(format!("`{name}` is no name of a header")))?;
        if OWN_HEADERS.contains(&parsed) || parsed.as_str().starts_with("proxy-") {
            let message = format!("the header `{name}` cannot be set: the host sets it itself");
            return Err(wrong(message).with_hint("leave it out"));
        }
        let mut value =
            HeaderValue::from_bytes(value.expose_secret().as_bytes()).map_err(|_| {
                let message = format!("the value of the header `{name}` has a control character");
                wrong(message).with_hint("look for a line break at its end")
            })?;
        value.set_sensitive(true);
        if headers.insert(parsed, value).is_some() {
            return Err(wrong(format!("the header `{name}` is given twice")));
        }
    }
    Ok(headers)
}
