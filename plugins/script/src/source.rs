//! The source of the script: the configuration, converted into one request.

use alloc::format;
use alloc::string::String;

use noetl_tool_sdk::{Error, FetchOptions};

use noetl_job_tool::config::Seconds;

use crate::config::{ScriptConfig, Source, SourceType};

/// How the script is obtained.
#[derive(Debug)]
pub(crate) enum Origin<'config> {
    /// It is in the playbook.
    Inline(&'config str),
    /// The host fetches it.
    Fetched {
        /// The URI or path.
        uri: &'config str,
        /// How to fetch it.
        options: FetchOptions,
    },
}

/// Builds a request from the configuration.
///
/// # Errors
///
/// `InvalidRequest` if the values contradict each other.
pub(crate) fn origin<'config>(
    script: &'config ScriptConfig,
    sha256: Option<&str>,
) -> Result<Origin<'config>, Error> {
    let source = script.source.as_ref();
    let stated = source.and_then(|source| source.kind);
    if let Some(content) = &script.content {
        return inline(content, script, stated);
    }
    if stated == Some(SourceType::Inline) {
        return Err(Error::invalid(
            "script.content",
            "missing key `script.content`, which `type: inline` requires",
        ));
    }
    let uri = script.uri.as_deref().filter(|uri| !uri.trim().is_empty());
    let uri = uri.ok_or_else(|| {
        Error::invalid("script.uri", "the location of the script is missing").with_hint(
            "set `script.uri`, such as `gs://BUCKET/PATH`, or put the script itself into \
             `script.content`",
        )
    })?;
    let source_type = match stated {
        Some(stated) => stated,
        None => derived(uri)?,
    };
    check(uri, source_type, source)?;
    Ok(Origin::Fetched {
        uri,
        options: options(source_type, source, sha256),
    })
}

/// The digest to check, as 64 lowercase digits, optionally after `sha256:`.
///
/// # Errors
///
/// `InvalidRequest` for anything else.
pub(crate) fn digest(script: &ScriptConfig) -> Result<Option<String>, Error> {
    let Some(stated) = &script.sha256 else {
        return Ok(None);
    };
    let digits = stated.strip_prefix("sha256:").unwrap_or(stated);
    if digits.len() == 64 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(Some(digits.to_ascii_lowercase()));
    }
    let message = "invalid `script.sha256`: expected a SHA-256 digest of 64 hexadecimal digits";
    Err(Error::invalid("script.sha256", message)
        .with_hint("`sha256sum FILE` prints the digest of a file"))
}

/// The URI without possible credentials, for messages.
pub(crate) fn shown(uri: &str) -> &str {
    uri.split(['?', '#']).next().unwrap_or_default()
}

fn inline<'config>(
    content: &'config str,
    script: &ScriptConfig,
    stated: Option<SourceType>,
) -> Result<Origin<'config>, Error> {
    let is_inline = match stated {
        Some(stated) => stated == SourceType::Inline,
        None => script.uri.is_none() || script.source.is_none(),
    };
    if is_inline {
        return Ok(Origin::Inline(content));
    }
    let message = "`script.content` and a source other than `inline` contradict each other";
    Err(Error::invalid("script.content", message)
        .with_hint("remove `script.content`, or set `script.source.type: inline`"))
}

fn derived(uri: &str) -> Result<SourceType, Error> {
    match scheme(uri) {
        Some("gs") => Ok(SourceType::Gcs),
        Some("s3") => Ok(SourceType::S3),
        Some("http" | "https") => Ok(SourceType::Http),
        Some("file") | None => Ok(SourceType::File),
        Some(other) => {
            let message = format!("unknown scheme `{other}://` of `script.uri`");
            Err(Error::invalid("script.uri", message).with_hint(
                "supported are `gs://`, `s3://`, `http://`, `https://`, `file://` and paths",
            ))
        }
    }
}

fn check(uri: &str, source_type: SourceType, source: Option<&Source>) -> Result<(), Error> {
    let has_endpoint = source.is_some_and(|source| source.endpoint.is_some());
    match (source_type, scheme(uri)) {
        (SourceType::Gcs, Some("gs"))
        | (SourceType::S3, Some("s3"))
        | (SourceType::Http, Some("http" | "https"))
        | (SourceType::File, Some("file") | None) => Ok(()),
        (SourceType::Http, None) if has_endpoint => Ok(()),
        (SourceType::Http, None) => {
            let message = format!(
                "`script.uri` is relative (`{}`), but has no base",
                shown(uri)
            );
            Err(Error::invalid("script.source.endpoint", message)
                .with_hint("set `script.source.endpoint`, or write the whole `https://…` URL"))
        }
        (_, actual) => Err(disagreement(uri, source_type, actual)),
    }
}

fn disagreement(uri: &str, source_type: SourceType, actual: Option<&str>) -> Error {
    let expected = match source_type {
        SourceType::Gcs => "use the gs:// scheme",
        SourceType::S3 => "use the s3:// scheme",
        SourceType::Http => "use the http:// or https:// scheme",
        SourceType::File | SourceType::Inline => "be a path",
    };
    let message = format!(
        "`script.uri` must {expected} if `script.source.type` is `{}`: `{}`",
        source_type.as_str(),
        shown(uri)
    );
    let fitting = match actual {
        Some("gs") => "gcs",
        Some("s3") => "s3",
        Some("http" | "https") => "http",
        _ => "file",
    };
    Error::invalid("script.uri", message).with_hint(format!(
        "change the URI, or set `script.source.type: {fitting}`"
    ))
}

fn options(source_type: SourceType, source: Option<&Source>, sha256: Option<&str>) -> FetchOptions {
    let mut options = FetchOptions::new().source_type(source_type.as_str());
    if let Some(digest) = sha256 {
        options = options.sha256(digest);
    }
    let Some(source) = source else {
        return options;
    };
    if let Some(credential) = &source.auth {
        options = options.auth(credential);
    }
    if let Some(Seconds(timeout)) = source.timeout {
        options = options.timeout(timeout);
    }
    if let Some(headers) = &source.headers {
        options = options.option("headers", headers);
    }
    let texts = [
        ("region", &source.region),
        ("endpoint", &source.endpoint),
        ("method", &source.method),
    ];
    for (name, text) in texts {
        if let Some(text) = text {
            options = options.option(name, text);
        }
    }
    options
}

/// The scheme of a URI; a single letter is the drive of a path.
fn scheme(uri: &str) -> Option<&str> {
    let (scheme, _) = uri.split_once("://")?;
    let is_scheme = scheme.len() > 1 && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_scheme.then_some(scheme)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(json: &str) -> ScriptConfig {
        serde_json::from_str(json).unwrap()
    }

    fn refused(json: &str) -> Error {
        origin(&config(json), None).unwrap_err()
    }

    #[test]
    fn derives_the_source_from_the_uri() {
        let cases = [
            ("gs://b/a.py", SourceType::Gcs),
            ("s3://b/a.py", SourceType::S3),
            ("http://h/a.py", SourceType::Http),
            ("https://h/a.py", SourceType::Http),
            ("file:///a.py", SourceType::File),
            ("./a.py", SourceType::File),
            ("/a.py", SourceType::File),
            ("a b://c", SourceType::File),
        ];
        for (uri, expected) in cases {
            assert_eq!(derived(uri).unwrap(), expected, "{uri}");
        }
        assert!(
            derived("ftp://h/a.py")
                .unwrap_err()
                .message
                .contains("ftp://")
        );
    }

    #[test]
    fn refuses_a_uri_that_contradicts_the_source() {
        let cases = [
            ("gcs", "s3://b/a.py", "gs:// scheme"),
            ("gcs", "a.py", "gs:// scheme"),
            ("s3", "gs://b/a.py", "s3:// scheme"),
            ("http", "gs://b/a.py", "http:// or https://"),
            ("file", "https://h/a.py?token=secret", "a path"),
        ];
        for (source_type, uri, expected) in cases {
            let error = refused(&format!(
                r#"{{"uri": "{uri}", "source": {{"type": "{source_type}"}}}}"#
            ));
            assert_eq!(error.field(), Some("script.uri"));
            assert!(error.message.contains(expected), "{error}");
            assert!(!error.message.contains("secret"), "{error}");
        }
    }

    #[test]
    fn needs_something_that_a_relative_url_is_relative_to() {
        let error = refused(r#"{"uri": "a.py", "source": {"type": "http"}}"#);
        assert_eq!(error.field(), Some("script.source.endpoint"));
        let relative = r#"{"uri": "a.py", "source": {"type": "http", "endpoint": "https://h"}}"#;
        assert!(origin(&config(relative), None).is_ok());
    }

    #[test]
    fn takes_a_script_from_the_playbook() {
        for json in [
            r#"{"content": "x"}"#,
            r#"{"content": "x", "uri": "a.py"}"#,
            r#"{"content": "x", "source": {"type": "inline"}}"#,
            r#"{"content": "x", "uri": "a.py", "source": {"type": "inline"}}"#,
        ] {
            let config = config(json);
            assert!(
                matches!(origin(&config, None), Ok(Origin::Inline("x"))),
                "{json}"
            );
        }
        for json in [
            r#"{"content": "x", "uri": "gs://b/a", "source": {"type": "gcs"}}"#,
            r#"{"content": "x", "uri": "gs://b/a", "source": {"auth": "c"}}"#,
            r#"{"source": {"type": "inline"}}"#,
        ] {
            assert_eq!(refused(json).field(), Some("script.content"), "{json}");
        }
        for json in ["{}", r#"{"uri": " "}"#, r#"{"uri": null}"#] {
            assert_eq!(refused(json).field(), Some("script.uri"), "{json}");
        }
    }

    #[test]
    fn reads_a_digest() {
        let digits = "AB".repeat(32);
        for stated in [digits.clone(), format!("sha256:{digits}")] {
            let config = config(&format!(r#"{{"sha256": "{stated}"}}"#));
            assert_eq!(digest(&config).unwrap(), Some("ab".repeat(32)));
        }
        assert!(digest(&config(r#"{"sha256": "abc"}"#)).is_err());
    }
}
