use std::time::Duration;

use http::{HeaderMap, StatusCode};
use secrecy::{ExposeSecret as _, SecretString};

use crate::capability::{Access, Authorization};
use crate::http::retry_after;

/// Maximum number of bytes that are read of an error's body: S3's and Google's are below 2 KiB.
pub(super) const MAX_ERROR_BYTES: usize = 16 << 10;
/// Maximum number of characters of a server's message that are quoted.
const MAX_MESSAGE_CHARACTERS: usize = 300;
/// Maximum number of characters of a code or a region: the longest code of S3 has 54.
const MAX_WORD_CHARACTERS: usize = 80;
/// The header in which S3 reports the region of a bucket:
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadBucket.html>.
const REGION_HEADER: &str = "x-amz-bucket-region";
/// Replaces a secret that a server repeated.
const HIDDEN: &str = "[hidden]";

/// The answer of a server that did not return the object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    /// The server's code, such as `NoSuchKey`.
    pub(super) code: Option<String>,
    /// The server's message.
    pub(super) message: Option<String>,
    /// The region of the bucket, where the server reports it.
    pub(super) region: Option<String>,
    /// The server's `Retry-After`.
    pub(super) retry_after: Option<Duration>,
}

impl Answer {
    /// Parses an error of S3 or Google Cloud Storage: XML, or JSON, or nothing.
    ///
    /// The body may be truncated anywhere, and have any content. Secrets of the access that it repeats are hidden.
    pub(super) fn read(
        status: StatusCode,
        headers: &HeaderMap,
        body: &[u8],
        access: &Access,
    ) -> Self {
        let body = String::from_utf8_lossy(body);
        let (code, message) = if body.trim_start().starts_with('{') {
            json(&body)
        } else {
            let details = element(&body, "Details");
            let message = [element(&body, "Message"), details];
            let message: Vec<_> = message.into_iter().flatten().collect();
            let message = (!message.is_empty()).then(|| message.join(" "));
            (element(&body, "Code"), message)
        };
        let named = headers
            .get(REGION_HEADER)
            .and_then(|value| value.to_str().ok());
        let region = named
            .map(str::to_owned)
            .or_else(|| element(&body, "Region"))
            .or_else(|| message.as_deref().and_then(expected_region));
        let text = |text: String, most| plain(&hide(text, access), most);
        Self {
            status,
            code: code
                .map(|code| text(code, MAX_WORD_CHARACTERS))
                .filter(|code| is_word(code)),
            message: message
                .map(|message| text(message, MAX_MESSAGE_CHARACTERS))
                .filter(|message| !message.is_empty()),
            region: region.filter(|region| is_region(region)),
            retry_after: retry_after(headers),
        }
    }

    /// Whether the server's code is this.
    pub(super) fn is(&self, code: &str) -> bool {
        self.code.as_deref() == Some(code)
    }

    /// Whether the server's message contains these words, ignoring case.
    pub(super) fn mentions(&self, words: &str) -> bool {
        let message = self.message.as_deref().unwrap_or_default();
        message.to_ascii_lowercase().contains(words)
    }

    /// Whether the server does not, or no longer, accept the credentials, so that new ones may help.
    pub(super) fn refuses_the_access(&self) -> bool {
        const CODES: [&str; 4] = [
            "ExpiredToken",
            "InvalidToken",
            "TokenRefreshRequired",
            "InvalidAccessKeyId",
        ];
        self.status == StatusCode::UNAUTHORIZED || CODES.iter().any(|code| self.is(code))
    }

    /// Formats the answer in a few words: ``404 NoSuchKey, "The specified key does not exist."``.
    pub(super) fn shown(&self) -> String {
        let mut shown = self.status.as_str().to_owned();
        if let Some(code) = &self.code {
            shown.push(' ');
            shown.push_str(code);
        }
        if let Some(message) = &self.message {
            shown.push_str(", \"");
            shown.push_str(message);
            shown.push('"');
        }
        shown
    }
}

/// Whether this is a possible region, which becomes part of a host's name.
pub(super) fn is_region(region: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=MAX_WORD_CHARACTERS).contains(&region.len())
        && region.bytes().all(is_part)
        && !region.starts_with('-')
        && !region.ends_with('-')
}

fn is_word(code: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    !code.is_empty() && code.bytes().all(is_part)
}

/// `{"error": {"code": 404, "message": "…", "errors": [{"reason": "notFound"}]}}`, the form of Google's JSON API.
fn json(body: &str) -> (Option<String>, Option<String>) {
    let body: serde_json::Value = serde_json::from_str(body).unwrap_or_default();
    let text = |pointer| body.pointer(pointer).and_then(serde_json::Value::as_str);
    let code = text("/error/errors/0/reason").or_else(|| text("/error/status"));
    let message = text("/error/message").or_else(|| text("/error_description"));
    (code.map(str::to_owned), message.map(str::to_owned))
}

/// Returns the text of the first element of that name. Errors of S3 are flat: elements have no attributes.
fn element(body: &str, name: &str) -> Option<String> {
    let (_, rest) = body.split_once(&format!("<{name}>"))?;
    let (text, _) = rest.split_once(&format!("</{name}>"))?;
    // The ampersand last, so that its result is not decoded again.
    let entities = [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#34;", "\""),
        ("&apos;", "'"),
        ("&#39;", "'"),
        ("&amp;", "&"),
    ];
    let text = entities
        .into_iter()
        .fold(text.to_owned(), |text, (entity, character)| {
            text.replace(entity, character)
        });
    Some(text)
}

/// Returns the region of `the region 'us-east-1' is wrong; expecting 'eu-west-1'`.
fn expected_region(message: &str) -> Option<String> {
    let (_, rest) = message.split_once("expecting '")?;
    rest.split_once('\'').map(|(region, _)| region.to_owned())
}

/// Hides secrets: a server may repeat what was sent.
fn hide(text: String, access: &Access) -> String {
    let secrets = match &access.authorization {
        Authorization::Anonymous => [None, None],
        Authorization::Bearer(token) => [Some(token), None],
        Authorization::Basic { password, .. } => [Some(password), None],
        Authorization::Aws(keys) => [Some(&keys.secret_access_key), keys.session_token.as_ref()],
    };
    let secrets = secrets
        .into_iter()
        .flatten()
        .map(SecretString::expose_secret);
    secrets
        .filter(|secret| !secret.is_empty())
        .fold(text, |text, secret| text.replace(secret, HIDDEN))
}

/// Formats one line of bounded length, without control sequences.
fn plain(text: &str, most: usize) -> String {
    let is_plain = |character: char| !character.is_control();
    let text: String = text
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .chars()
        .filter(|character| is_plain(*character))
        .take(most)
        .collect();
    text.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capability::AwsKeys;

    fn read(status: u16, body: &str) -> Answer {
        let status = StatusCode::from_u16(status).unwrap();
        let access = Access::new(Authorization::Anonymous, "no credential");
        Answer::read(status, &HeaderMap::new(), body.as_bytes(), &access)
    }

    /// An error from S3's documentation, with an XML declaration and enclosing elements.
    const MALFORMED: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<Error><Code>AuthorizationHeaderMalformed</Code><Message>The authorization header is malformed; the region 'us-east-1' is wrong; expecting 'eu-west-1'</Message><Region>eu-west-1</Region><RequestId>4442587FB7D0A2F9</RequestId></Error>"#;

    #[test]
    fn errors_of_s3_and_of_google_are_parsed() {
        let malformed = read(400, MALFORMED);
        assert!(malformed.is("AuthorizationHeaderMalformed"));
        assert_eq!(malformed.region.as_deref(), Some("eu-west-1"));
        let without_element = MALFORMED.replace("<Region>eu-west-1</Region>", "");
        assert_eq!(read(400, &without_element).region, malformed.region);
        let google = read(
            403,
            "<Error><Code>AccessDenied</Code><Message>Access denied.</Message><Details>me@example.com lacks &apos;storage.objects.get&apos; &amp;amp; more</Details></Error>",
        );
        assert_eq!(
            google.shown(),
            "403 AccessDenied, \"Access denied. me@example.com lacks 'storage.objects.get' &amp; more\""
        );
        let json = read(
            404,
            r#"{"error": {"code": 404, "message": "No such object: b/k", "errors": [{"reason": "notFound"}]}}"#,
        );
        assert_eq!(json.shown(), "404 notFound, \"No such object: b/k\"");
    }

    #[test]
    fn whatever_a_server_sends_becomes_one_short_line() {
        let long = format!(
            "<Code>A\u{1b}[31m</Code><Message>a\r\n\u{1b}[2J\t{}</Message><Region>Evil.example/</Region>",
            "b".repeat(10_000)
        );
        let answer = read(500, &long);
        assert_eq!(answer.code, None);
        let message = answer.message.unwrap();
        assert_eq!(message.chars().count(), MAX_MESSAGE_CHARACTERS);
        assert!(message.starts_with("a [2J bbb"), "{message}");
        assert_eq!(answer.region, None);
        for broken in ["", "<Error><Code>NoSuch", "{", "\u{0}", "<html>gone</html>"] {
            assert_eq!(read(502, broken).shown(), "502", "{broken}");
        }
    }

    #[test]
    fn a_secret_that_a_server_repeats_is_hidden() {
        let access = Access::new(
            Authorization::Aws(AwsKeys {
                access_key_id: "id".to_owned(),
                secret_access_key: "very-secret".into(),
                session_token: Some("my-token".into()),
            }),
            "a test",
        );
        let body = "<Code>InvalidToken</Code><Message>my-token of very-secret</Message>";
        let answer = Answer::read(
            StatusCode::BAD_REQUEST,
            &HeaderMap::new(),
            body.as_bytes(),
            &access,
        );
        assert_eq!(
            answer.message.as_deref(),
            Some("[hidden] of [hidden]"),
            "{answer:?}"
        );
    }
}
