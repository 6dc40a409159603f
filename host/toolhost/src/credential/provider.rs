use std::collections::BTreeMap;

use async_trait::async_trait;
use secrecy::{ExposeSecret as _, SecretString};

use super::{CredentialError, CredentialType, SecretValue};

/// Provides secrets by name, for `secret.NAME` in templates.
#[async_trait]
pub trait SecretProvider: Send + Sync {
    /// Returns the secret of this name, or none if there is none.
    ///
    /// # Errors
    ///
    /// The secret is known, and its value is not available.
    async fn secret(&self, name: &str) -> Result<Option<SecretValue>, CredentialError>;

    /// Returns the names of all secrets, as far as they can be listed: for suggestions, and for templates that iterate
    /// over `secret`.
    fn secret_names(&self) -> Vec<String>;
}

/// Provides credentials by name, for `auth: NAME`.
#[async_trait]
pub trait CredentialProvider: Send + Sync {
    /// Returns the credential of this name, or none if there is none.
    ///
    /// # Errors
    ///
    /// The credential is known, and one of its fields is not available.
    async fn credential(&self, name: &str) -> Result<Option<Credential>, CredentialError>;

    /// Returns the names of all credentials, as far as they can be listed.
    fn credential_names(&self) -> Vec<String>;

    /// Reports that a server refused the credential of this name, so that it is not read from a cache on the next
    /// request.
    fn forget(&self, _name: &str) {}
}

/// Provides keychain entries, for `keychain.ENTRY.FIELD` in templates.
#[async_trait]
pub trait KeychainProvider: Send + Sync {
    /// Returns one field of an entry, or none if the entry has no such field. A token is requested here, and therefore
    /// only when a template uses it.
    ///
    /// # Errors
    ///
    /// [`CredentialError::Unknown`] for an entry that does not exist, and that the field is not available.
    async fn field(&self, entry: &str, field: &str)
    -> Result<Option<SecretValue>, CredentialError>;

    /// Returns the names of an entry's fields that are available without calling a server.
    ///
    /// # Errors
    ///
    /// The same as those of [`field`](Self::field).
    async fn fields(&self, entry: &str) -> Result<Vec<String>, CredentialError>;

    /// Returns the names of all entries, as far as they can be listed.
    fn entry_names(&self) -> Vec<String>;

    /// Returns the environment variables that programs use to connect to the service of the entry: those of `psql` for
    /// a database of PostgreSQL.
    ///
    /// # Errors
    ///
    /// The same as those of [`field`](Self::field); and that there are no such variables for the service.
    async fn environment(&self, entry: &str) -> Result<Vec<EnvironmentVariable>, CredentialError>;
}

/// A variable that programs use to connect to the service of a credential. Its `Debug` form shows no value.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct EnvironmentVariable {
    /// Its name.
    pub name: &'static str,
    /// Its value.
    pub value: SecretValue,
    /// Whether it is secret, unlike the name of a server.
    pub is_secret: bool,
}

/// A credential with the values of its fields. Its `Debug` form shows only the fields' names.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Credential {
    /// Its type.
    pub kind: CredentialType,
    /// Its fields by name. A relative path in a field whose name ends in `_file` is already resolved.
    pub fields: BTreeMap<String, SecretValue>,
}

impl EnvironmentVariable {
    /// A variable with this value, which is a secret.
    #[must_use]
    pub fn new(name: &'static str, value: SecretValue) -> Self {
        Self {
            name,
            value,
            is_secret: true,
        }
    }
}

impl Credential {
    /// A credential for this kind of server, with these fields.
    #[must_use]
    pub fn new(kind: CredentialType, fields: BTreeMap<String, SecretValue>) -> Self {
        Self { kind, fields }
    }

    /// Returns the text of a field: a text itself, anything else as JSON.
    #[must_use]
    pub fn text(&self, field: &str) -> Option<SecretString> {
        self.fields.get(field).map(SecretValue::to_text)
    }

    /// Like [`text`](Self::text), for a required field.
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
