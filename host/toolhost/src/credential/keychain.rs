use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;

use super::{
    Credential, CredentialError, CredentialProvider, CredentialType, EnvironmentVariable,
    KeychainProvider, SecretProvider, SecretValue, Tokens,
};
use crate::capability::text::any_of;
use crate::capability::{Access, Authorization};
use crate::diagnostic::did_you_mean;

/// Kinds of NoETL whose entries are not based on a credential; a playbook that names one is refused.
pub const MINTED_KEYCHAIN_KINDS: [&str; 3] = ["google_id_token", "secret_manager", "static"];

/// The kind of an entry of a playbook's `keychain:`. All of them use a credential, by its type; the kind determines
/// which types are accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeychainKind(&'static str);

impl KeychainKind {
    /// The known names.
    pub const NAMES: [&'static str; 10] = [
        "bearer",
        "oauth2",
        "google",
        "aws",
        "credential",
        "secret",
        "credential_ref",
        "generic",
        "google_oauth",
        "google_service_account",
    ];

    /// Returns the kind of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::NAMES
            .into_iter()
            .find(|known| *known == name)
            .map(Self)
    }

    /// Returns the types of credentials that entries of this kind accept; none where any is accepted.
    fn types(self) -> Option<&'static [CredentialType]> {
        use CredentialType::{Aws, Bearer, Generic, Google, Oauth2};
        Some(match self.0 {
            // A generic credential may have a token among its fields.
            "bearer" => &[Bearer, Google, Oauth2, Generic],
            "oauth2" => &[Oauth2],
            "google" | "google_oauth" | "google_service_account" => &[Google],
            "aws" => &[Aws],
            _ => return None,
        })
    }
}

/// One entry of a playbook's `keychain:`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeychainEntry {
    /// The name in templates.
    pub name: String,
    /// Where its fields come from.
    pub kind: KeychainKind,
    /// The credential with the fields; for `kind: secret`, the secret.
    pub credential: String,
    /// How long a token must stay valid: one that expires sooner is renewed first.
    pub min_ttl: Duration,
}

impl KeychainEntry {
    /// An entry that takes its fields from a credential, and accepts a token as long as it is valid.
    #[must_use]
    pub fn new(name: impl Into<String>, kind: KeychainKind, credential: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            kind,
            credential: credential.into(),
            min_ttl: Duration::ZERO,
        }
    }
}

/// The keychain of a playbook, based on the credentials of a provider.
///
/// A name that the playbook does not declare is the name of a credential, as on a NoETL server.
pub struct Keychain {
    entries: Vec<KeychainEntry>,
    credentials: Arc<dyn CredentialProvider>,
    secrets: Option<Arc<dyn SecretProvider>>,
    tokens: Option<Tokens>,
}

/// The only field of a secret that is not a mapping.
const SECRET_FIELD: &str = "value";

impl Keychain {
    /// Creates a keychain with the entries, each based on its credential. Fields that a server returns are unavailable
    /// until [`with_tokens`](Self::with_tokens).
    #[must_use]
    pub fn new(entries: Vec<KeychainEntry>, credentials: Arc<dyn CredentialProvider>) -> Self {
        Self {
            entries,
            credentials,
            secrets: None,
            tokens: None,
        }
    }

    /// Enables tokens from servers.
    #[must_use]
    pub fn with_tokens(mut self, tokens: Tokens) -> Self {
        self.tokens = Some(tokens);
        self
    }

    /// Enables secrets for entries of the kind `secret`.
    #[must_use]
    pub fn with_secrets(mut self, secrets: Arc<dyn SecretProvider>) -> Self {
        self.secrets = Some(secrets);
        self
    }

    fn declared(&self, entry: &str) -> Option<&KeychainEntry> {
        self.entries.iter().find(|known| known.name == entry)
    }

    /// Returns the name of the entry's credential, and the credential.
    async fn credential(&self, entry: &str) -> Result<(String, Credential), CredentialError> {
        let declared = self.declared(entry);
        let name = declared.map_or(entry, |declared| declared.credential.as_str());
        if let Some(credential) = self.credentials.credential(name).await? {
            let types = declared.and_then(|declared| declared.kind.types());
            if let Some(types) = types.filter(|types| !types.contains(&credential.kind)) {
                return Err(CredentialError::WrongType {
                    owner: format!("the credential `{name}`"),
                    kind: credential.kind.to_string(),
                    user: format!("the keychain entry `{entry}`"),
                    expected: any_of(types),
                });
            }
            return Ok((name.to_owned(), credential));
        }
        if declared.is_some() {
            let names = self.credentials.credential_names();
            return Err(CredentialError::Unknown {
                owner: format!("credential `{name}` of the keychain entry `{entry}`"),
                suggestion: did_you_mean(name, names.iter().map(String::as_str)).map(str::to_owned),
                known: names,
            });
        }
        let names = self.entry_names();
        Err(CredentialError::Unknown {
            owner: format!("keychain entry `{entry}`"),
            suggestion: did_you_mean(entry, names.iter().map(String::as_str)).map(str::to_owned),
            known: names,
        })
    }

    /// Returns the secret of an entry of the kind `secret`. Where there is no secret of that name, a credential of the
    /// name is used.
    async fn secret(&self, entry: &str) -> Result<Option<SecretValue>, CredentialError> {
        let declared = self.declared(entry);
        let declared = declared.filter(|declared| declared.kind.0 == "secret");
        match (declared, &self.secrets) {
            (Some(declared), Some(secrets)) => secrets.secret(&declared.credential).await,
            _ => Ok(None),
        }
    }

    /// Returns a field that is not in the credential, but in what a server returns for it.
    async fn given(
        &self,
        entry: &str,
        name: &str,
        credential: &Credential,
        original: &str,
    ) -> Result<Option<SecretValue>, CredentialError> {
        let Some(tokens) = &self.tokens else {
            return Err(CredentialError::NotSupported {
                owner: format!("`keychain.{entry}.{original}`"),
                problem: format!("needs a token of a {} server", credential.kind),
            });
        };
        let declared = self.declared(entry);
        let min_ttl = declared.map_or(Duration::ZERO, |declared| declared.min_ttl);
        let access = tokens.access(name, credential, min_ttl).await?;
        Ok(field_of(access, original))
    }
}

/// Returns a field of what a server returned.
fn field_of(access: Access, field: &str) -> Option<SecretValue> {
    let secret = |text: &SecretString| {
        Some(SecretValue::new(Value::String(
            text.expose_secret().to_owned(),
        )))
    };
    match (field, &access.authorization) {
        ("access_token", Authorization::Bearer(token)) => secret(token),
        ("access_key_id", Authorization::Aws(keys)) => {
            Some(SecretValue::new(Value::String(keys.access_key_id.clone())))
        }
        ("secret_access_key", Authorization::Aws(keys)) => secret(&keys.secret_access_key),
        ("session_token", Authorization::Aws(keys)) => keys.session_token.as_ref().and_then(secret),
        ("region", _) => access
            .region
            .map(|region| SecretValue::new(Value::String(region))),
        _ => None,
    }
}

#[async_trait]
impl KeychainProvider for Keychain {
    async fn field(
        &self,
        entry: &str,
        field: &str,
    ) -> Result<Option<SecretValue>, CredentialError> {
        if let Some(secret) = self.secret(entry).await? {
            let found = match secret.expose() {
                Value::Object(members) => members.get(field).cloned().map(SecretValue::new),
                _ => (field == SECRET_FIELD).then_some(secret.clone()),
            };
            return Ok(found);
        }
        let (name, credential) = self.credential(entry).await?;
        let kind = credential.kind;
        let original = kind.field_of_alias(field).unwrap_or(field);
        let fields = &credential.fields;
        if let Some(value) = fields.get(field).or_else(|| fields.get(original)) {
            return Ok(Some(value.clone()));
        }
        if kind.given_fields().contains(&original) {
            return self.given(entry, &name, &credential, original).await;
        }
        Ok(None)
    }

    async fn fields(&self, entry: &str) -> Result<Vec<String>, CredentialError> {
        if let Some(secret) = self.secret(entry).await? {
            return Ok(match secret.expose() {
                Value::Object(members) => members.keys().cloned().collect(),
                _ => vec![SECRET_FIELD.to_owned()],
            });
        }
        let (_, credential) = self.credential(entry).await?;
        let given = credential.kind.given_fields().iter();
        let mut names: Vec<_> = credential.fields.into_keys().collect();
        names.extend(given.map(|field| (*field).to_owned()));
        names.sort();
        names.dedup();
        Ok(names)
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

    async fn environment(&self, entry: &str) -> Result<Vec<EnvironmentVariable>, CredentialError> {
        let (name, credential) = self.credential(entry).await?;
        let Some(variables) = credential.kind.variables() else {
            return Err(CredentialError::WrongType {
                owner: format!("the credential `{name}`"),
                kind: credential.kind.to_string(),
                user: "a job".to_owned(),
                expected: format!("`{}`", CredentialType::Postgres),
            });
        };
        let found = variables.iter().filter_map(|(field, variable)| {
            Some(EnvironmentVariable {
                name: variable,
                value: credential.fields.get(*field)?.clone(),
                is_secret: credential.kind.is_secret_field(field),
            })
        });
        Ok(found.collect())
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
