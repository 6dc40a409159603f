use async_trait::async_trait;
use serde_json::Value;

use super::document;
use crate::credential::{
    Credential, CredentialError, CredentialProvider, Machine, SecretProvider, SecretValue,
};

/// Secrets and credentials from environment variables.
///
/// The secret `db_password` is the variable `TOOLHOST_SECRET_DB_PASSWORD`, a text. The credential `google_oauth` is
/// `TOOLHOST_CREDENTIAL_GOOGLE_OAUTH`, JSON with `type` and the fields. Characters of a name other than letters and
/// digits are `_` in the variable, so that `a-b` and `a_b` are the same.
#[derive(Debug, Default)]
pub struct EnvironmentProvider {
    machine: Machine,
}

const SECRET_PREFIX: &str = "TOOLHOST_SECRET_";
const CREDENTIAL_PREFIX: &str = "TOOLHOST_CREDENTIAL_";
/// Maximum length of a name that is looked up.
const MAX_NAME_BYTES: usize = 256;

impl EnvironmentProvider {
    /// Creates a provider for the variables of that machine.
    #[must_use]
    pub fn new(machine: Machine) -> Self {
        Self { machine }
    }

    fn lookup(&self, prefix: &str, name: &str) -> Option<(String, String)> {
        if name.is_empty() || name.len() > MAX_NAME_BYTES {
            return None;
        }
        let letters = name.chars().map(|character| {
            if character.is_ascii_alphanumeric() {
                character.to_ascii_uppercase()
            } else {
                '_'
            }
        });
        let variable = prefix.chars().chain(letters).collect::<String>();
        let value = self.machine.raw_variable(&variable)?;
        Some((variable, value))
    }
}

#[async_trait]
impl SecretProvider for EnvironmentProvider {
    async fn secret(&self, name: &str) -> Result<Option<SecretValue>, CredentialError> {
        let found = self.lookup(SECRET_PREFIX, name);
        Ok(found.map(|(_, value)| SecretValue::new(Value::String(value))))
    }

    /// None: the spelling of a name in playbooks is not known from a variable.
    fn secret_names(&self) -> Vec<String> {
        Vec::new()
    }
}

#[async_trait]
impl CredentialProvider for EnvironmentProvider {
    async fn credential(&self, name: &str) -> Result<Option<Credential>, CredentialError> {
        let Some((variable, value)) = self.lookup(CREDENTIAL_PREFIX, name) else {
            return Ok(None);
        };
        let owner = format!("credential `{name}` of the environment variable `{variable}`");
        let document = serde_json::from_str(&value);
        let document = document.map_err(|_| CredentialError::malformed(&owner, "is not JSON"))?;
        document::credential(&owner, document).map(Some)
    }

    /// None, as for secrets.
    fn credential_names(&self) -> Vec<String> {
        Vec::new()
    }
}
