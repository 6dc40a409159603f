use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::{StatusCode, header};
use secrecy::ExposeSecret as _;

use super::answer::Answer;
use super::question::Question;
use crate::capability::{Access, Authorization, CapabilityError, Hint, Reason};
use crate::http::{is_retryable, shown, text_of};

/// An answer without content, and its request.
pub(super) struct Refused<'fetch> {
    pub(super) question: &'fetch Question,
    pub(super) access: Option<&'fetch Access>,
    pub(super) answer: Answer,
}

/// Maximum length of a server's own text that is quoted, in characters.
const MAX_TEXT_CHARS: usize = 200;
/// Maximum length of the text that is read from an answer: what is removed from it may be long.
const MAX_TEXT_BYTES: usize = 8 << 10;
/// Replaces a secret.
const REMOVED: &str = "***";
/// Minimum length of a part of a header's value that counts as a secret of its own: shorter ones are words like
/// `Basic`.
const MIN_SECRET_PART: usize = 7;
/// Minimum length of the beginning of a secret, at the end of the text, that is removed, in bytes; a shorter one is
/// useless.
const MIN_SECRET_BEGINNING: usize = 4;

/// Converts an answer into an error.
pub(super) async fn refusal(refused: Refused<'_>) -> CapabilityError {
    let used = refused.used();
    let secrets = refused.secrets();
    let Refused {
        question, answer, ..
    } = refused;
    let status = answer.response.status();
    let place = shown(&answer.url);
    let led = if answer.url == question.url {
        String::new()
    } else {
        format!(", to which `{}` redirects", shown(&question.url))
    };
    let Verdict {
        reason,
        what,
        hint,
        field,
    } = verdict(status, used.is_some(), answer.is_trusted, question);
    let used = match used {
        Some(used) if answer.is_trusted => format!("{used} was used"),
        Some(used) => format!("{used} was not used, since this is another server"),
        None => "no credential was used".to_owned(),
    };
    let said = words(answer, &secrets).await;
    let message = format!("`{place}`{led} {what}: the server answered {status}{said}; {used}");
    let error = CapabilityError::new(reason, message)
        .with_hint(hint)
        .with_field(field);
    if is_retryable(status) {
        error.retryable()
    } else {
        error
    }
}

struct Verdict {
    reason: Reason,
    what: &'static str,
    hint: Hint,
    field: &'static str,
}

fn verdict(
    status: StatusCode,
    has_credential: bool,
    is_trusted: bool,
    question: &Question,
) -> Verdict {
    let place = question.place_field;
    let auth = "auth";
    let (reason, what, hint, field): (_, _, Hint, _) = match status {
        StatusCode::NOT_FOUND => (
            Reason::FetchNotFound,
            "does not exist",
            "check the address; some servers give this answer for denied access as well".into(),
            "uri",
        ),
        StatusCode::GONE => (
            Reason::FetchNotFound,
            "was removed permanently",
            "use another address".into(),
            "uri",
        ),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN if has_credential && !is_trusted => (
            Reason::FetchDenied,
            "cannot be read",
            "use the final address: the credential is only for the server in the configuration"
                .into(),
            place,
        ),
        StatusCode::UNAUTHORIZED if has_credential => (
            Reason::FetchDenied,
            "cannot be read with this credential",
            "check that the credential is still valid, and that it is for this server".into(),
            auth,
        ),
        StatusCode::FORBIDDEN if has_credential => (
            Reason::FetchDenied,
            "is denied to this credential",
            "allow the credential to read it, or name another one".into(),
            auth,
        ),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => (
            Reason::FetchDenied,
            "cannot be read without a credential",
            Hint::from("name a credential in ").field(auth),
            auth,
        ),
        StatusCode::PROXY_AUTHENTICATION_REQUIRED => (
            Reason::FetchDenied,
            "cannot be reached",
            "add the proxy's name and password to `HTTPS_PROXY`".into(),
            place,
        ),
        StatusCode::METHOD_NOT_ALLOWED => (
            Reason::FetchFailed,
            "cannot be fetched with this method",
            "remove or change `method`".into(),
            "method",
        ),
        StatusCode::TOO_MANY_REQUESTS => (
            Reason::FetchFailed,
            "was requested too often",
            "wait, and try again".into(),
            place,
        ),
        StatusCode::REQUEST_TIMEOUT | StatusCode::GATEWAY_TIMEOUT => (
            Reason::FetchFailed,
            "was not returned in time",
            "try again later".into(),
            place,
        ),
        status if status.is_server_error() => (
            Reason::FetchFailed,
            "was not returned",
            "try again later, or ask the operator of the server".into(),
            place,
        ),
        _ => (
            Reason::FetchFailed,
            "was not returned",
            "check the address".into(),
            place,
        ),
    };
    Verdict {
        reason,
        what,
        hint,
        field,
    }
}

impl Refused<'_> {
    /// Describes the credential that was sent to the server of the configuration.
    fn used(&self) -> Option<String> {
        if let Some(access) = self.access {
            let is_anonymous = matches!(access.authorization, Authorization::Anonymous);
            return (!is_anonymous).then(|| access.origin.clone());
        }
        let headers = &self.question.headers;
        if headers.contains_key(header::AUTHORIZATION) {
            return Some("the header `Authorization` of the request".to_owned());
        }
        let url = &self.question.url;
        let has_user = !url.username().is_empty() || url.password().is_some();
        if has_user {
            return Some("the name and password in the URI".to_owned());
        }
        let other = headers.keys().next();
        other.map(|_| "the headers of the request".to_owned())
    }

    /// Returns everything that was sent to the server and that it may repeat, the longest first.
    fn secrets(&self) -> Vec<String> {
        let mut secrets = Vec::new();
        for value in self.question.headers.values() {
            let value = String::from_utf8_lossy(value.as_bytes());
            let parts = value.split_whitespace();
            secrets.extend(
                parts
                    .filter(|part| part.len() >= MIN_SECRET_PART)
                    .map(str::to_owned),
            );
            secrets.push(value.into_owned());
        }
        match self.access.map(|access| &access.authorization) {
            Some(Authorization::Bearer(token)) => secrets.push(token.expose_secret().to_owned()),
            Some(Authorization::Basic { username, password }) => {
                let password = password.expose_secret();
                secrets.push(BASE64.encode(format!("{username}:{password}")));
                secrets.push(password.to_owned());
            }
            Some(Authorization::Anonymous | Authorization::Aws(_)) | None => {}
        }
        for url in [&self.question.url, &self.answer.url] {
            secrets.extend(url.password().map(str::to_owned));
            secrets.extend(url.query().map(str::to_owned));
            secrets.extend(url.query_pairs().map(|(_, value)| value.into_owned()));
        }
        secrets.retain(|secret| !secret.is_empty());
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        secrets
    }
}

/// Returns the server's own text, where it is meant to be read.
async fn words(answer: Answer, secrets: &[String]) -> String {
    let content_type = answer.response.header(&header::CONTENT_TYPE);
    // The first hundreds of characters of a page for a browser contain nothing useful.
    if content_type.is_some_and(|content_type| content_type.starts_with("text/html")) {
        return String::new();
    }
    let beginning = answer.response.beginning(MAX_TEXT_BYTES).await;
    let mut text = String::from_utf8_lossy(&beginning).into_owned();
    // The text may end in the middle of a secret.
    let cut = secrets
        .iter()
        .filter_map(|secret| begun_at_end(&text, secret));
    let end = cut.min().unwrap_or(text.len());
    text.truncate(end);
    // Before and after white space is normalized: a secret may contain some, or be broken by it.
    let text = text_of(&without(text, secrets), usize::MAX);
    let text = text_of(&without(text, secrets), MAX_TEXT_CHARS);
    if text.is_empty() {
        return String::new();
    }
    format!(", \"{text}\"")
}

/// Returns where at the end of the text an incomplete secret begins.
fn begun_at_end(text: &str, secret: &str) -> Option<usize> {
    let ends = secret.char_indices().map(|(at, _)| at).rev();
    let begun = ends.filter(|end| *end >= MIN_SECRET_BEGINNING);
    let mut begun = begun.filter_map(|end| text.strip_suffix(secret.get(..end)?));
    begun.next().map(str::len)
}

fn without(text: String, secrets: &[String]) -> String {
    let remove = |text: String, secret: &String| text.replace(secret, REMOVED);
    secrets.iter().fold(text, remove)
}
