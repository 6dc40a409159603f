use std::io;
use std::path::PathBuf;

use crate::diagnostic::Diagnostic;

/// Why a secret or credential could not be had. No variant holds a secret.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CredentialError {
    /// The credentials file is not there, or may not be read.
    #[error("the credentials file `{}` could not be read", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
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
        source: io::Error,
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
    /// The value would have to be asked of a server, for which there is no provider yet.
    #[error("{owner} needs a token of a {kind} server, which is not supported yet")]
    NotSupported {
        /// What was asked for, such as `keychain.google.token`.
        owner: String,
        /// The credential's type.
        kind: String,
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
            Self::NotSupported { .. } => Some(
                "put a token that is still valid into the credentials file: `access_token` of a \
                 google credential, or a credential of type `bearer`"
                    .to_owned(),
            ),
            Self::Unreadable { .. }
            | Self::Invalid { .. }
            | Self::MissingFile { .. }
            | Self::Malformed { .. }
            | Self::Provider { .. } => None,
        }
    }
}
