use url::Url;

use super::{CapabilityError, Reason};

pub(super) fn parse_url(text: &str, field: &'static str) -> Result<Url, CapabilityError> {
    // Without the text, which may contain a password that cannot be located.
    Url::parse(text).map_err(|error| {
        let message = format!("`{field}` is no URL: {error}");
        CapabilityError::new(Reason::InvalidRequest, message).with_field(field)
    })
}

/// Returns a URL without possible credentials: scheme, host, port and path.
#[must_use]
pub fn shown_url(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    let port = url.port().map(|port| format!(":{port}"));
    let port = port.unwrap_or_default();
    format!("{}://{host}{port}{}", url.scheme(), url.path())
}

/// Returns the server of a URL, as a pattern: scheme, host and port.
pub(super) fn server_of(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    let port = url.port().map(|port| format!(":{port}"));
    format!("{}://{host}{}/", url.scheme(), port.unwrap_or_default())
}
