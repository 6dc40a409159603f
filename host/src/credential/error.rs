use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use super::token::TokenError;
use crate::diagnostic::Diagnostic;

/// Why a secret or credential could not be had. No variant holds a secret.
///
/// It can be cloned, because everybody who waits for one token hears of the same failure.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum CredentialError {
    /// The credentials file is not there, or may not be read.
    #[error("the credentials file `{}` could not be read", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: Arc<io::Error>,
    },
    /// The credentials file says something that it may not; every problem with its place.
    #[error("the credentials file `{}` is not valid", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problems: Vec<Diagnostic>,
    },
    /// A value is taken from an environment variable that is not set.
    #[error("{owner} is taken from the environment variable `{variable}`, which is not set")]
    MissingVariable {
        /// What was asked for, such as ``secret `db_password` ``.
        owner: String,
        /// The variable.
        variable: String,
    },
    /// A value is taken from a file that could not be read.
    #[error("{owner} is taken from the file `{}`, which could not be read", path.display())]
    MissingFile {
        /// What was asked for.
        owner: String,
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: Arc<io::Error>,
    },
    /// A value is not of the form that it must have.
    #[error("{owner} {problem}")]
    Malformed {
        /// What was asked for.
        owner: String,
        /// What is wrong with it, as a predicate: `is not JSON`.
        problem: String,
    },
    /// Nothing of that name is known.
    #[error("{owner} is not defined")]
    Unknown {
        /// What was asked for, such as ``credential `google_oauth` ``.
        owner: String,
        /// What was probably meant.
        suggestion: Option<String>,
    },
    /// A credential of another type was needed.
    #[error("{owner} is of type `{kind}`, and {user} takes {expected}")]
    WrongType {
        /// What was asked for.
        owner: String,
        /// Its type.
        kind: String,
        /// Who needs it, such as `gs://`.
        user: String,
        /// The types that would do, for a person.
        expected: String,
    },
    /// A credential does not say what is needed of it.
    #[error("{owner} has no {missing}")]
    Incomplete {
        /// What was asked for.
        owner: String,
        /// What is missing, for a person.
        missing: String,
    },
    /// A way to get access that this host does not go.
    #[error("{owner} {problem}, which is not supported")]
    NotSupported {
        /// What was asked for.
        owner: String,
        /// What it would need, as a predicate: `needs a browser`.
        problem: String,
    },
    /// A server that makes tokens did not give one.
    #[error("no token for {owner}")]
    Token {
        /// For what, such as ``the credential `google_oauth` ``.
        owner: String,
        /// Why.
        #[source]
        source: TokenError,
    },
    /// A provider that asks elsewhere failed.
    #[error("{owner} could not be had from {provider}: {message}")]
    Provider {
        /// What was asked for.
        owner: String,
        /// Who was asked.
        provider: String,
        /// Why, without secrets.
        message: String,
    },
}

impl CredentialError {
    pub(super) fn token(owner: &str, source: TokenError) -> Self {
        Self::Token {
            owner: owner.to_owned(),
            source,
        }
    }

    pub(super) fn malformed(owner: &str, problem: impl Into<String>) -> Self {
        Self::Malformed {
            owner: owner.to_owned(),
            problem: problem.into(),
        }
    }

    pub(super) fn missing_file(owner: &str, path: PathBuf, source: io::Error) -> Self {
        Self::MissingFile {
            owner: owner.to_owned(),
            path,
            source: Arc::new(source),
        }
    }

    /// How to mend it, where that is known.
    #[must_use]
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Unknown {
                suggestion: Some(suggestion),
                ..
            } => Some(format!("did you mean `{suggestion}`?")),
            Self::Unknown { .. } => {
                Some("add it to `credentials:` of the credentials file".to_owned())
            }
            Self::MissingVariable { variable, .. } => Some(format!("set `{variable}`")),
            Self::Token { source, .. } => source.help(),
            Self::NotSupported { .. } => Some(
                "put keys or a token that are still valid into the credentials file".to_owned(),
            ),
            Self::Unreadable { .. }
            | Self::Invalid { .. }
            | Self::MissingFile { .. }
            | Self::Malformed { .. }
            | Self::WrongType { .. }
            | Self::Incomplete { .. }
            | Self::Provider { .. } => None,
        }
    }

    /// The error and its causes in one line.
    #[must_use]
    pub fn chain(&self) -> String {
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            text = format!("{text}: {error}");
            cause = error.source();
        }
        text
    }
}
