use http::Uri;

use crate::capability::{CapabilityError, Hint, Reason};

/// A server of objects: scheme, host, port, and the prefix of its paths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Endpoint {
    scheme: &'static str,
    authority: String,
    /// Without a slash at its end.
    prefix: String,
}

/// More than any server's name (253 bytes) with a path. Together with a key, it is still an address that every part of
/// the client accepts.
const MAX_ENDPOINT_BYTES: usize = 2048;
/// Length of the shown beginning of one that is too long.
const MAX_SHOWN_CHARS: usize = 60;

impl Endpoint {
    /// Parses `http://HOST:PORT` or `https://HOST/PREFIX`.
    pub(super) fn parse(text: &str) -> Result<Self, CapabilityError> {
        if text.len() > MAX_ENDPOINT_BYTES {
            let shown: String = text.chars().take(MAX_SHOWN_CHARS).collect();
            return Err(wrong(&format!("{shown}…"), "is too long"));
        }
        let uri: Uri = text
            .parse()
            .map_err(|error| wrong(text, &format!("is not a URL ({error})")))?;
        let scheme = match uri.scheme_str() {
            Some(scheme) if scheme.eq_ignore_ascii_case("https") => "https",
            Some(scheme) if scheme.eq_ignore_ascii_case("http") => "http",
            Some(_) | None => return Err(wrong(text, "is neither `http://…` nor `https://…`")),
        };
        let authority = uri.authority().map(http::uri::Authority::as_str);
        let authority = authority.unwrap_or_default();
        if authority.contains('@') {
            // Without the text, which contains a password.
            return Err(CapabilityError::new(
                Reason::InvalidRequest,
                "the endpoint has a user name or a password in it",
            )
            .with_hint(
                Hint::from("move them to the credentials, and name the credential in ")
                    .field("auth"),
            )
            .with_field("endpoint"));
        }
        if uri.query().is_some() {
            return Err(wrong(text, "has a `?`"));
        }
        Ok(Self {
            scheme,
            authority: authority.to_owned(),
            prefix: uri.path().trim_end_matches('/').to_owned(),
        })
    }

    /// Returns the server at that host, over TLS.
    pub(super) fn of_host(host: impl Into<String>) -> Self {
        Self {
            scheme: "https",
            authority: host.into(),
            prefix: String::new(),
        }
    }

    /// Returns the URL of a bucket in the path.
    pub(super) fn with_bucket_in_path(&self, bucket: &str) -> String {
        format!("{self}/{bucket}")
    }

    /// Returns the URL of a bucket in the host's name.
    pub(super) fn with_bucket_in_host(&self, bucket: &str) -> String {
        let Self {
            scheme,
            authority,
            prefix,
        } = self;
        format!("{scheme}://{bucket}.{authority}{prefix}")
    }
}

impl std::fmt::Display for Endpoint {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            scheme,
            authority,
            prefix,
        } = self;
        write!(formatter, "{scheme}://{authority}{prefix}")
    }
}

fn wrong(text: &str, what: &str) -> CapabilityError {
    CapabilityError::new(
        Reason::InvalidRequest,
        format!("the endpoint `{text}` {what}"),
    )
    .with_hint("write `https://HOST`, or `http://HOST:PORT` for a server without TLS")
    .with_field("endpoint")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_and_the_prefix_of_the_path_are_kept() {
        let endpoint = Endpoint::parse("HTTP://127.0.0.1:9000/minio/").unwrap();
        assert_eq!(
            endpoint.with_bucket_in_path("b"),
            "http://127.0.0.1:9000/minio/b"
        );
        let endpoint = Endpoint::parse("https://s3.example.com").unwrap();
        assert_eq!(
            endpoint.with_bucket_in_host("b"),
            "https://b.s3.example.com"
        );
        assert_eq!(
            Endpoint::parse("http://[::1]:80/").unwrap().to_string(),
            "http://[::1]:80"
        );
    }

    #[test]
    fn an_invalid_server_is_refused_and_no_password_is_repeated() {
        let long = format!("https://host/{}", "a".repeat(MAX_ENDPOINT_BYTES));
        for text in [
            &long,
            "",
            "127.0.0.1:9000",
            "s3.example.com",
            "/path",
            "ftp://host",
            "https://host/?a",
            "https://me:hunter2@host",
            "http://a b",
        ] {
            let error = Endpoint::parse(text).unwrap_err();
            assert_eq!(error.explanation.reason, Reason::InvalidRequest, "{text}");
            assert_eq!(error.explanation.field_text().as_deref(), Some("endpoint"));
            assert!(!error.explanation.message.contains("hunter2"), "{error}");
        }
    }
}
