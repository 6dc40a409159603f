use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::token_error::TokenError;
use crate::capability::text::chain;
use crate::diagnostic::{Diagnostic, there_are};

/// Why a secret or credential is not available. No variant contains a secret.
///
/// It can be cloned, because all callers that wait for one token receive the same failure.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum CredentialError {
    /// The credentials file does not exist, or may not be read.
    #[error("cannot read the credentials file `{}`", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: Arc<io::Error>,
    },
    /// The credentials file is invalid; lists every problem with its position.
    #[error("the credentials file `{}` is invalid", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// The problems.
        problems: Vec<Diagnostic>,
    },
    /// The value refers to an environment variable that is not set.
    #[error("{owner} is taken from {}, which is not set", shown_variable(variable.as_deref()))]
    MissingVariable {
        /// The requested value, such as ``secret `db_password` ``.
        owner: String,
        /// The variable; none where the text does not look like the name of a variable, and may be the secret itself.
        variable: Option<String>,
    },
    /// The value refers to a file that cannot be read.
    #[error("{owner} is taken from {place}, which cannot be read")]
    MissingFile {
        /// The requested value.
        owner: String,
        /// The file, or its folder: the text may be the secret itself.
        place: String,
        /// The cause.
        #[source]
        source: Arc<io::Error>,
    },
    /// A value does not have the required form.
    #[error("{owner} {problem}")]
    Malformed {
        /// The requested value.
        owner: String,
        /// The problem, as a predicate: `is not JSON`.
        problem: String,
    },
    /// The name is unknown.
    #[error("{owner} is not defined")]
    Unknown {
        /// The requested value, such as ``credential `google_oauth` ``.
        owner: String,
        /// The name that was probably meant.
        suggestion: Option<String>,
        /// The existing names, as far as they can be listed.
        known: Vec<String>,
    },
    /// A credential of another type is required.
    #[error("{owner} is of type `{kind}`, and {user} takes {expected}")]
    WrongType {
        /// The requested value.
        owner: String,
        /// Its type.
        kind: String,
        /// What requires it, such as `gs://`.
        user: String,
        /// The accepted types, as text.
        expected: String,
    },
    /// A credential lacks a required field.
    #[error("{owner} has no {missing}")]
    Incomplete {
        /// The requested value.
        owner: String,
        /// The missing field, as text.
        missing: String,
    },
    /// An access method that is not supported.
    #[error("{owner} {problem}, which is not supported")]
    NotSupported {
        /// The requested value.
        owner: String,
        /// What it would need, as a predicate: `needs a browser`.
        problem: String,
    },
    /// The user has not signed in, or the sign-in has expired.
    #[error("{owner} is not signed in, or no longer")]
    SignedOut {
        /// The requested value.
        owner: String,
        /// The command that signs in.
        login: String,
    },
    /// A token server did not return a token.
    #[error("no token for {owner}")]
    Token {
        /// The owner of the token, such as ``the credential `google_oauth` ``.
        owner: String,
        /// The cause.
        #[source]
        source: TokenError,
    },
    /// A provider failed.
    #[error("cannot get {owner} from {provider}: {message}")]
    Provider {
        /// The requested value.
        owner: String,
        /// The provider.
        provider: String,
        /// The cause, without secrets.
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

    /// How to fix it, where that is known.
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
                None => "set it, or remove `env` if this is the value itself".to_owned(),
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

    /// Returns the error and its causes in one line.
    #[must_use]
    pub fn chain(&self) -> String {
        chain(self)
    }
}

/// Maximum length of a shown variable name.
const MAX_VARIABLE_BYTES: usize = 64;
/// Maximum length of a shown name of a missing file, and of its extension.
const MAX_FILE_NAME_BYTES: usize = 64;
const MAX_ENDING_BYTES: usize = 5;

/// Whether it looks like the name of a variable: `DB_PASSWORD`, and not `hunter2` or `JBSWY3DPEHPK3PXP`.
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

/// Shows a file that exists, or whose name looks like that of a file; for anything else, the folder that would contain
/// it.
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
