use url::Url;

use super::urls::{parse_url, server_of, shown_url};
use super::{CapabilityError, FetchRequest, Hint, Reason};

/// The schemes of URIs and their types of sources.
const SCHEMES: [(&str, &str); 5] = [
    ("gs", "gcs"),
    ("s3", "s3"),
    ("http", "http"),
    ("https", "http"),
    ("file", "file"),
];

impl FetchRequest {
    /// Returns the type of source: `source.type`, or that of the URI's scheme. A URI without a scheme is a file.
    ///
    /// # Errors
    ///
    /// [`Reason::Unsupported`] for an unknown scheme.
    pub fn source_type(&self) -> Result<&str, CapabilityError> {
        if let Some(source_type) = &self.options.source_type {
            return Ok(source_type);
        }
        let Some((scheme, _)) = self.uri.split_once("://") else {
            return Ok("file");
        };
        let known = SCHEMES.iter();
        let mut known = known.filter(|(known, _)| known.eq_ignore_ascii_case(scheme));
        known
            .next()
            .map(|(_, source_type)| *source_type)
            .ok_or_else(|| {
                let message = format!("no source is known for the scheme `{scheme}`");
                CapabilityError::new(Reason::Unsupported, message)
                    .with_hint("use `gs://`, `s3://`, `http://`, `https://`, `file://` or a path")
                    .with_field("uri")
            })
    }

    /// Returns the URL of the object on an HTTP server: the URI itself, or relative to the endpoint.
    ///
    /// A relative URI is appended to the endpoint, whose path is kept: `a/b.py` below `https://example.com/v1` is
    /// `https://example.com/v1/a/b.py`.
    ///
    /// # Errors
    ///
    /// [`Reason::InvalidRequest`] where it is not a URL, or not below the endpoint.
    pub fn http_url(&self) -> Result<Url, CapabilityError> {
        let is_absolute = self.uri.contains("://");
        let url = match &self.options.endpoint {
            None if !is_absolute => {
                let message = format!("`{}` is relative, and nothing says to what", self.uri);
                return Err(CapabilityError::new(Reason::InvalidRequest, message)
                    .with_hint(
                        Hint::from("set ")
                            .field("endpoint")
                            .text(", or write the whole `https://…` URL"),
                    )
                    .with_field("endpoint"));
            }
            None => parse_url(&self.uri, "uri")?,
            Some(_) if is_absolute => {
                let message = "the URI is a whole URL, so `endpoint` has no effect";
                return Err(CapabilityError::new(Reason::InvalidRequest, message)
                    .with_hint(
                        Hint::from("leave one of them out, or make ")
                            .field("uri")
                            .text(" relative"),
                    )
                    .with_field("endpoint"));
            }
            Some(endpoint) => below(endpoint, &self.uri)?,
        };
        if matches!(url.scheme(), "http" | "https") && url.host().is_some() {
            return Ok(url);
        }
        let message = format!(
            "invalid URL `{}`: expected `http://` or `https://`",
            shown_url(&url)
        );
        Err(CapabilityError::new(Reason::InvalidRequest, message).with_field("uri"))
    }

    /// Returns the server of the request, for messages; the object where the server follows from it.
    pub(super) fn server(&self) -> String {
        let endpoint = self.options.endpoint.as_deref();
        let endpoint = endpoint.and_then(|endpoint| parse_url(endpoint, "endpoint").ok());
        let url = self.http_url().ok().or(endpoint);
        url.map_or_else(|| self.uri.clone(), |url| server_of(&url))
    }
}

fn below(endpoint: &str, uri: &str) -> Result<Url, CapabilityError> {
    const FIELD: &str = "endpoint";
    let wrong =
        |message: String| CapabilityError::new(Reason::InvalidRequest, message).with_field(FIELD);
    let endpoint = parse_url(endpoint, FIELD)?;
    if endpoint.query().is_some() || endpoint.fragment().is_some() {
        let message = format!("the endpoint `{}` has a `?` or `#`", shown_url(&endpoint));
        return Err(wrong(message).with_hint(Hint::from("write it into ").field("uri")));
    }
    let prefix = endpoint.as_str().trim_end_matches('/');
    let url = parse_url(&format!("{prefix}/{}", uri.trim_start_matches('/')), FIELD)?;
    let path = endpoint.path().trim_end_matches('/');
    let is_below = url.path().strip_prefix(path);
    if is_below.is_some_and(|rest| rest.starts_with('/')) {
        return Ok(url);
    }
    let message = format!("`{uri}` lies outside of `{}`", shown_url(&endpoint));
    Err(wrong(message).with_hint(Hint::from("write the whole `https://…` URL as ").field("uri")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::FetchOptions;

    fn url(uri: &str, endpoint: Option<&str>) -> Result<String, CapabilityError> {
        let request = FetchRequest {
            uri: uri.to_owned(),
            options: FetchOptions {
                endpoint: endpoint.map(str::to_owned),
                ..FetchOptions::default()
            },
        };
        request.http_url().map(String::from)
    }

    #[test]
    fn puts_relative_uris_below_their_endpoint() {
        for (uri, endpoint, expected) in [
            ("a/b.py", "https://h.example", "https://h.example/a/b.py"),
            ("/a.py", "https://h.example/", "https://h.example/a.py"),
            (
                "a.py?ref=x",
                "https://h.example/v1",
                "https://h.example/v1/a.py?ref=x",
            ),
            (
                "//evil/a.py",
                "https://h.example",
                "https://h.example/evil/a.py",
            ),
            (
                "@evil/a.py",
                "https://h.example",
                "https://h.example/@evil/a.py",
            ),
            ("b/../a.py", "http://h:8080/v1/", "http://h:8080/v1/a.py"),
        ] {
            assert_eq!(url(uri, Some(endpoint)).unwrap(), expected);
        }
        assert_eq!(url("https://h/a?b", None).unwrap(), "https://h/a?b");
    }

    #[test]
    fn an_invalid_url_of_a_server_is_refused() {
        for (uri, endpoint, field) in [
            ("a.py", None, "endpoint"),
            ("https://h/a", Some("https://h"), "endpoint"),
            ("../a.py", Some("https://h/v1"), "endpoint"),
            ("a.py", Some("https://h/?token=s3cret"), "endpoint"),
            ("a.py", Some("h.example"), "endpoint"),
            ("a.py", Some("ftp://h"), "uri"),
            ("gs://b/k", None, "uri"),
            ("https://me:s3cret@:1/", None, "uri"),
        ] {
            let error = url(uri, endpoint).unwrap_err();
            assert_eq!(error.explanation.reason, Reason::InvalidRequest);
            assert_eq!(
                error.explanation.field_text().as_deref(),
                Some(field),
                "{uri} {error}"
            );
            assert!(!format!("{error:?}").contains("s3cret"), "{error:?}");
        }
    }
}
