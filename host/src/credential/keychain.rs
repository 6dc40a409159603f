use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

use super::{Credential, CredentialError, CredentialProvider, KeychainProvider, SecretValue};
use crate::diagnostic::did_you_mean;

/// Kinds of NoETL whose entries are made by asking a server or another store; there is no provider for
/// them yet, and a playbook that names one is refused.
pub const MINTED_KEYCHAIN_KINDS: [&str; 4] =
    ["oauth2", "google_id_token", "secret_manager", "static"];

/// How an entry of a playbook's `keychain:` gets its fields. Today every kind takes them from a
/// credential; the names differ because playbooks use them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeychainKind(&'static str);

impl KeychainKind {
    /// The names that are known.
    pub const NAMES: [&'static str; 8] = [
        "bearer",
        "credential",
        "credential_ref",
        "secret",
        "generic",
        "google",
        "google_oauth",
        "google_service_account",
    ];

    /// The kind of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::NAMES
            .into_iter()
            .find(|known| *known == name)
            .map(Self)
    }
}

/// One entry of a playbook's `keychain:`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeychainEntry {
    /// The name by which templates ask for it.
    pub name: String,
    /// How it gets its fields.
    pub kind: KeychainKind,
    /// The credential that it takes them from.
    pub credential: String,
}

/// A playbook's keychain over the credentials of a provider.
///
/// A name that the playbook does not declare is a credential's own name, as on a NoETL server.
pub struct Keychain {
    entries: Vec<KeychainEntry>,
    credentials: Arc<dyn CredentialProvider>,
}

impl Keychain {
    /// The entries, each over its credential.
    #[must_use]
    pub fn new(entries: Vec<KeychainEntry>, credentials: Arc<dyn CredentialProvider>) -> Self {
        Self {
            entries,
            credentials,
        }
    }

    async fn credential(&self, entry: &str) -> Result<Credential, CredentialError> {
        let declared = self.entries.iter().find(|known| known.name == entry);
        let name = declared.map_or(entry, |declared| declared.credential.as_str());
        if let Some(credential) = self.credentials.credential(name).await? {
            return Ok(credential);
        }
        if declared.is_some() {
            let names = self.credentials.credential_names();
            return Err(CredentialError::Unknown {
                owner: format!("credential `{name}` of the keychain entry `{entry}`"),
                suggestion: did_you_mean(name, names.iter().map(String::as_str)).map(str::to_owned),
            });
        }
        let names = self.entry_names();
        Err(CredentialError::Unknown {
            owner: format!("keychain entry `{entry}`"),
            suggestion: did_you_mean(entry, names.iter().map(String::as_str)).map(str::to_owned),
        })
    }
}

#[async_trait]
impl KeychainProvider for Keychain {
    async fn field(
        &self,
        entry: &str,
        field: &str,
    ) -> Result<Option<SecretValue>, CredentialError> {
        let credential = self.credential(entry).await?;
        let kind = credential.kind;
        let value = credential.fields.get(field).or_else(|| {
            let original = kind.field_of_alias(field)?;
            credential.fields.get(original)
        });
        if value.is_none() && kind.mints(field) {
            return Err(CredentialError::NotSupported {
                owner: format!("`keychain.{entry}.{field}`"),
                kind: kind.to_string(),
            });
        }
        Ok(value.cloned())
    }

    async fn fields(&self, entry: &str) -> Result<Vec<String>, CredentialError> {
        let credential = self.credential(entry).await?;
        Ok(credential.fields.into_keys().collect())
    }

    fn entry_names(&self) -> Vec<String> {
        let declared = self.entries.iter().map(|entry| entry.name.clone());
        let mut names: Vec<_> = declared.collect();
        for name in self.credentials.credential_names() {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }
}

impl fmt::Debug for Keychain {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Keychain")
            .field("entries", &self.entries)
            .finish_non_exhaustive()
    }
}
