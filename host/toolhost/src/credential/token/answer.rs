use std::time::{Duration, SystemTime};

use secrecy::SecretString;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::exchange::{ExchangeAnswer, ExchangeRequest};
use crate::credential::{CredentialError, Refusal, SecretValue, TokenError};
use crate::sealing::Redactor;

/// Maximum length of a server's text in an error.
const MAX_SAID_CHARS: usize = 300;
/// Maximum life of a token that is accepted, so that times can be added without overflow.
const MAX_LIFE: Duration = Duration::from_hours(10 * 365 * 24);

/// The request, for errors about the answer.
pub(in crate::credential) struct Asked {
    pub(in crate::credential) owner: String,
    pub(in crate::credential) server: String,
    redactor: Option<Redactor>,
}

/// The answer of a token server: RFC 6749, section 5.1.
pub(super) struct GivenToken {
    pub(super) access_token: SecretString,
    pub(super) expires_at: Option<SystemTime>,
    pub(super) refresh_token: Option<SecretString>,
}

impl Asked {
    pub(in crate::credential) fn new(owner: &str, request: &ExchangeRequest) -> Self {
        Self {
            owner: owner.to_owned(),
            server: request.server(),
            redactor: request.redactor(),
        }
    }

    pub(in crate::credential) fn malformed(&self, problem: impl Into<String>) -> CredentialError {
        let server = self.server.clone();
        let problem = problem.into();
        CredentialError::token(&self.owner, TokenError::Malformed { server, problem })
    }

    /// Returns the answer as JSON, unless the server refused.
    pub(in crate::credential) fn json<T: DeserializeOwned>(
        &self,
        answer: &ExchangeAnswer,
    ) -> Result<T, CredentialError> {
        self.check(answer)?;
        serde_json::from_slice(&answer.body)
            // The parser's message may quote the body.
            .map_err(|_| self.malformed("is not the expected JSON"))
    }

    /// Fails with the server's message where the server refused.
    pub(in crate::credential) fn check(
        &self,
        answer: &ExchangeAnswer,
    ) -> Result<(), CredentialError> {
        if answer.is_success() {
            return Ok(());
        }
        let said: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        // Google's other servers, and NoETL's, use a mapping or one sentence there.
        let codes = ["/error", "/error/status", "/code", "/Code"];
        let sentences = [
            "/error_description",
            "/error/message",
            "/detail",
            "/message",
            "/Message",
        ];
        let first = |pointers: &[&str]| {
            let mut texts = pointers.iter().filter_map(|pointer| said.pointer(pointer));
            let text = self.said(texts.find_map(Value::as_str)?);
            Some(text).filter(|text| !text.is_empty())
        };
        Err(self.refused(answer.status, first(&codes), first(&sentences)))
    }

    pub(super) fn refused(
        &self,
        status: u16,
        error: Option<String>,
        description: Option<String>,
    ) -> CredentialError {
        let refusal = Refusal {
            status,
            error,
            description,
        };
        let server = self.server.clone();
        CredentialError::token(&self.owner, TokenError::Refused { server, refusal })
    }

    /// Returns a text of the server in a form that may be shown: one line, short, and without what was sent.
    pub(super) fn said(&self, text: &str) -> String {
        let text = match &self.redactor {
            Some(redactor) => redactor.redact(text),
            None => text.into(),
        };
        let characters = text.chars().filter(|character| !character.is_control());
        characters.take(MAX_SAID_CHARS).collect()
    }

    /// Returns a token with its expiration, based on the time of the request: the life is counted from then at the
    /// latest.
    pub(super) fn token(
        &self,
        answer: &ExchangeAnswer,
        asked_at: SystemTime,
    ) -> Result<GivenToken, CredentialError> {
        // Overwritten when it is dropped.
        let given = SecretValue::new(self.json(answer)?);
        let given = given.expose();
        let text = |name: &str| given.get(name).and_then(Value::as_str);
        let token = text("access_token").filter(|token| !token.is_empty());
        let token = token.ok_or_else(|| self.malformed("has no `access_token`"))?;
        if let Some(kind) = text("token_type")
            && !kind.eq_ignore_ascii_case("bearer")
        {
            let problem = format!(
                "has a token of the type `{}`, not `Bearer`",
                self.said(kind)
            );
            return Err(self.malformed(problem));
        }
        Ok(GivenToken {
            access_token: SecretString::from(token.to_owned()),
            expires_at: life(given.get("expires_in")).map(|life| asked_at + life),
            refresh_token: text("refresh_token").map(|token| SecretString::from(token.to_owned())),
        })
    }
}

/// Returns seconds, from a number or, on some servers, from a text.
fn life(value: Option<&Value>) -> Option<Duration> {
    let seconds = match value? {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }?;
    let life = Duration::try_from_secs_f64(seconds.max(0.0)).ok()?;
    Some(life.min(MAX_LIFE))
}

/// Parses a time of servers of Amazon (ISO 8601).
pub(super) fn timestamp(text: &str) -> Option<SystemTime> {
    let timestamp: jiff::Timestamp = text.trim().parse().ok()?;
    Some(timestamp.into())
}
