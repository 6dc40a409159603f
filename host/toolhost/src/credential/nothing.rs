use async_trait::async_trait;

use super::{CredentialError, EnvironmentVariable, KeychainProvider, SecretProvider, SecretValue};

/// A provider without any secret or keychain entry: the default of a template context.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoSecrets;

#[async_trait]
impl SecretProvider for NoSecrets {
    async fn secret(&self, _: &str) -> Result<Option<SecretValue>, CredentialError> {
        Ok(None)
    }

    fn secret_names(&self) -> Vec<String> {
        Vec::new()
    }
}

#[async_trait]
impl KeychainProvider for NoSecrets {
    async fn field(&self, entry: &str, _: &str) -> Result<Option<SecretValue>, CredentialError> {
        Err(unknown(entry))
    }

    async fn fields(&self, entry: &str) -> Result<Vec<String>, CredentialError> {
        Err(unknown(entry))
    }

    fn entry_names(&self) -> Vec<String> {
        Vec::new()
    }

    async fn environment(&self, entry: &str) -> Result<Vec<EnvironmentVariable>, CredentialError> {
        Err(unknown(entry))
    }
}

fn unknown(entry: &str) -> CredentialError {
    CredentialError::Unknown {
        owner: format!("keychain entry `{entry}`"),
        suggestion: None,
        known: Vec::new(),
    }
}
