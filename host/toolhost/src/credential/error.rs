use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::token_error::TokenError;
use crate::capability::text::chain;
use crate::diagnostic::{Diagnostic, there_are};

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
    #[error("{owner} is taken from {}, which is not set", shown_variable(variable.as_deref()))]
    MissingVariable {
        /// What was asked for, such as ``secret `db_password` ``.
        owner: String,
        /// The variable; none where what stands there is like no name of one, and may be the secret itself.
        variable: Option<String>,
    },
    /// A value is taken from a file that could not be read.
    #[error("{owner} is taken from {place}, which could not be read")]
    MissingFile {
        /// What was asked for.
        owner: String,
        /// The file, or where it would be: what stands there may be the secret itself.
        place: String,
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
        /// The names that there are, as far as they can be listed.
        known: Vec<String>,
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
    /// Nobody has signed in, or not lately enough.
    #[error("{owner} is not signed in, or no longer")]
    SignedOut {
        /// What was asked for.
        owner: String,
        /// The command that signs in.
        login: String,
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

    pub(super) fn missing_variable(owner: String, variable: &str) -> Self {
        Self::MissingVariable {
            owner,
            variable: is_usual_variable(variable).then(|| variable.to_owned()),
        }
    }

    pub(super) fn missing_file(owner: &str, path: &Path, source: io::Error) -> Self {
        Self::MissingFile {
            owner: owner.to_owned(),
            place: shown_file(path),
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
            Self::Unknown { known, .. } => Some(format!(
                "add it to `credentials:` of the credentials file{}",
                there_are(known.iter().map(String::as_str))
            )),
            Self::MissingVariable { variable, .. } => Some(match variable {
                Some(variable) => format!("set `{variable}`"),
                None => "set it, or leave out `env` if this is the value itself".to_owned(),
            }),
            Self::Token { source, .. } => source.help(),
            Self::SignedOut { login, .. } => Some(format!("run `{login}`")),
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
        chain(self)
    }
}

/// The longest name of a variable that is shown.
const MAX_VARIABLE_BYTES: usize = 64;
/// The longest name of a missing file that is shown, and the longest ending of one.
const MAX_FILE_NAME_BYTES: usize = 64;
const MAX_ENDING_BYTES: usize = 5;

/// Whether it is a name as people give them to variables: `DB_PASSWORD`, and not `hunter2` or `JBSWY3DPEHPK3PXP`.
fn is_usual_variable(name: &str) -> bool {
    let is_usual = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    let has_digit = name.bytes().any(|byte| byte.is_ascii_digit());
    (1..=MAX_VARIABLE_BYTES).contains(&name.len())
        && name.bytes().all(is_usual)
        && (name.contains('_') || !has_digit)
}

fn shown_variable(variable: Option<&str>) -> String {
    match variable {
        Some(variable) => format!("the environment variable `{variable}`"),
        None => "an environment variable".to_owned(),
    }
}

/// A file that is there, or that is called like one; of anything else the folder in which it would be.
fn shown_file(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    let ending = path.extension().map(OsStr::len);
    let is_called_like_one = name.len() <= MAX_FILE_NAME_BYTES
        && ending.is_some_and(|length| length <= MAX_ENDING_BYTES)
        && path.parent().is_some_and(Path::is_dir);
    if path.exists() || is_called_like_one {
        return format!("the file `{}`", path.display());
    }
    match path.ancestors().skip(1).find(|folder| folder.is_dir()) {
        Some(folder) => format!("a file below `{}`", folder.display()),
        None => "a file".to_owned(),
    }
}
