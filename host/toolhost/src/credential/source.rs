use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{CredentialError, Machine, SecretValue, read_secret};

/// The source of a value.
#[derive(Debug, Clone)]
pub(super) enum ValueSource {
    /// The value itself.
    Literal(SecretValue),
    /// An environment variable.
    Variable(String),
    /// A file, whose path may be relative.
    File(PathBuf),
}

impl ValueSource {
    /// Returns the current value; relative paths are relative to `directory`.
    pub(super) async fn read(
        &self,
        machine: &Machine,
        directory: &Path,
        owner: impl FnOnce() -> String,
    ) -> Result<SecretValue, CredentialError> {
        match self {
            Self::Literal(value) => Ok(value.clone()),
            Self::Variable(variable) => match machine.raw_variable(variable) {
                Some(text) => Ok(SecretValue::new(Value::String(text))),
                None => Err(CredentialError::missing_variable(owner(), variable)),
            },
            Self::File(path) => {
                let path = directory.join(path);
                match read_secret(&path).await {
                    Ok(text) => Ok(SecretValue::new(Value::String(text))),
                    Err(source) => Err(CredentialError::missing_file(&owner(), &path, source)),
                }
            }
        }
    }
}
