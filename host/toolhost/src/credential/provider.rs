use std::collections::BTreeMap;

use async_trait::async_trait;
use secrecy::{ExposeSecret as _, SecretString};

use super::{CredentialError, CredentialType, SecretValue};

/// Knows secrets by name, as `secret.NAME` in a template asks for them.
#[async_trait]
pub trait SecretProvider: Send + Sync {
    /// The secret of this name, or none if there is none.
    ///
    /// # Errors
    ///
    /// The secret is known, and its value could not be had.
    async fn secret(&self, name: &str) -> Result<Option<SecretValue>, CredentialError>;

    /// The names of all secrets, as far as they can be listed: for suggestions, and for templates that
    /// walk over `secret`.
    fn secret_names(&self) -> Vec<String>;
}

/// Knows credentials by name, as `auth: NAME` asks for them.
#[async_trait]
pub trait CredentialProvider: Send + Sync {
    /// The credential of this name, or none if there is none.
    ///
    /// # Errors
    ///
    /// The credential is known, and one of its fields could not be had.
    async fn credential(&self, name: &str) -> Result<Option<Credential>, CredentialError>;

    /// The names of all credentials, as far as they can be listed.
    fn credential_names(&self) -> Vec<String>;

    /// Says that a server refused what the credential of this name opens it with, so that it is not taken
    /// from memory when it is asked for again.
    fn forget(&self, _name: &str) {}
}

/// Knows keychain entries, as `keychain.ENTRY.FIELD` in a template asks for them.
#[async_trait]
pub trait KeychainProvider: Send + Sync {
    /// One field of an entry, or none if the entry has no such field. A token is made here, and so only
    /// when a template touches it.
    ///
    /// # Errors
    ///
    /// [`CredentialError::Unknown`] for an entry that there is not, and the field could not be had.
    async fn field(&self, entry: &str, field: &str)
    -> Result<Option<SecretValue>, CredentialError>;

    /// The names of an entry's fields that can be had without asking a server.
    ///
    /// # Errors
    ///
    /// As [`field`](Self::field).
    async fn fields(&self, entry: &str) -> Result<Vec<String>, CredentialError>;

    /// The names of all entries, as far as they can be listed.
    fn entry_names(&self) -> Vec<String>;

    /// The environment variables by which programs reach what the entry is for: those of `psql` for a
    /// database of PostgreSQL.
    ///
    /// # Errors
    ///
    /// As [`field`](Self::field); and the entry is for something that has no such variables.
    async fn environment(&self, entry: &str) -> Result<Vec<EnvironmentVariable>, CredentialError>;
}

/// A variable by which programs reach what a credential is for. Printing it shows no value.
#[derive(Debug, Clone)]
pub struct EnvironmentVariable {
    /// Its name.
    pub name: &'static str,
    /// Its value.
    pub value: SecretValue,
    /// Whether it opens something, unlike the name of a server.
    pub is_secret: bool,
}

/// A credential with the values of its fields. Printing it shows the fields' names alone.
#[derive(Debug, Clone)]
pub struct Credential {
    /// What it is for.
    pub kind: CredentialType,
    /// Its fields by name. A relative path in a field whose name ends in `_file` is already resolved.
    pub fields: BTreeMap<String, SecretValue>,
}

impl Credential {
    /// The text of a field: a text itself, anything else as JSON.
    #[must_use]
    pub fn text(&self, field: &str) -> Option<SecretString> {
        self.fields.get(field).map(SecretValue::to_text)
    }

    /// As [`text`](Self::text), of a field without which nothing can be done.
    pub(super) fn needed(&self, owner: &str, field: &str) -> Result<SecretString, CredentialError> {
        let text = self
            .text(field)
            .filter(|text| !text.expose_secret().is_empty());
        text.ok_or_else(|| CredentialError::Incomplete {
            owner: owner.to_owned(),
            missing: format!("`{field}`"),
        })
    }
}
