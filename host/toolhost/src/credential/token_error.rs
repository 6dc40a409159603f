use std::fmt;

use crate::capability::{CapabilityError, Reason};

/// Why a server returned no token. It contains the server's message, and nothing of the request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// There was no answer.
    #[error("{0}")]
    Unanswered(CapabilityError),
    /// The server refused the request.
    #[error("`{server}` refused the request: {refusal}")]
    Refused {
        /// The server's address, without path.
        server: String,
        /// Its message.
        refusal: Refusal,
    },
    /// The answer is invalid.
    #[error("the answer of `{server}` {problem}")]
    Malformed {
        /// The server's address, without path.
        server: String,
        /// The problem, as a predicate.
        problem: String,
    },
}

/// The message of a refusal: RFC 6749, section 5.2.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refusal {
    /// The status of HTTP.
    pub status: u16,
    /// The code, such as `invalid_grant`.
    pub error: Option<String>,
    /// The server's sentence.
    pub description: Option<String>,
}

/// The statuses of a server that is overloaded or broken.
const SERVER_ERRORS: std::ops::RangeInclusive<u16> = 500..=599;
/// The status of a server that receives too many requests.
const TOO_MANY_REQUESTS: u16 = 429;

impl TokenError {
    /// How to fix it, where that is known.
    #[must_use]
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Unanswered(error) => error.explanation.hint_text(),
            Self::Refused { refusal, .. } => {
                let text = match refusal.error.as_deref() {
                    Some("invalid_grant") => {
                        "the key or refresh token was revoked or is too old, or this machine's clock \
                         is wrong: create a new one"
                    }
                    Some("invalid_client" | "unauthorized_client") => {
                        "check the client's identifier and secret"
                    }
                    Some("invalid_scope") => "check `scopes` of the credential",
                    _ => return None,
                };
                Some(text.to_owned())
            }
            Self::Malformed { .. } => {
                Some("check that the address is that of a token server".to_owned())
            }
        }
    }

    /// Returns the reason in outcomes, and whether a retry may help.
    pub(in crate::credential) fn reason(&self) -> (Reason, bool) {
        match self {
            Self::Unanswered(error) => (error.explanation.reason, error.retryable),
            Self::Refused { refusal, .. } => match refusal.status {
                status if SERVER_ERRORS.contains(&status) || status == TOO_MANY_REQUESTS => {
                    (Reason::FetchFailed, true)
                }
                _ if refusal.error.as_deref() == Some("invalid_grant") => {
                    (Reason::CredentialExpired, false)
                }
                _ => (Reason::FetchDenied, false),
            },
            Self::Malformed { .. } => (Reason::FetchFailed, false),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "status {}", self.status)?;
        if let Some(error) = &self.error {
            write!(formatter, ", {error}")?;
        }
        if let Some(description) = &self.description {
            write!(formatter, " ({description})")?;
        }
        Ok(())
    }
}
