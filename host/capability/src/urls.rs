use url::Url;

use super::{CapabilityError, Reason};

pub(super) fn parse_url(text: &str, field: &str) -> Result<Url, CapabilityError> {
    // Not the text, which may hold a password where it cannot be told.
    Url::parse(text).map_err(|error| {
        let message = format!("`{field}` is no URL: {error}");
        CapabilityError::new(Reason::InvalidRequest, message).with_field(field)
    })
}

/// A URL without what may be a credential: scheme, host, port and path.
#[must_use]
pub fn shown_url(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    let port = url.port().map(|port| format!(":{port}"));
    let port = port.unwrap_or_default();
    format!("{}://{host}{port}{}", url.scheme(), url.path())
}

/// The server of a URL, as a pattern that names it: scheme, host and port.
pub(super) fn server_of(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    let port = url.port().map(|port| format!(":{port}"));
    format!("{}://{host}{}/", url.scheme(), port.unwrap_or_default())
}
