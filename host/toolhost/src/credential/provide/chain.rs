use std::collections::HashSet;
use std::fmt;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use secrecy::ExposeSecret as _;
use serde_json::Value;

use crate::capability::sync::lock;
use crate::credential::{
    Credential, CredentialError, CredentialProvider, SecretProvider, SecretValue,
};
use crate::sealing::MIN_SECRET_BYTES;

/// Provides both secrets and credentials.
pub trait Provider: SecretProvider + CredentialProvider {}

impl<T: SecretProvider + CredentialProvider> Provider for T {}

/// Providers that are called in their order, until one knows the name.
///
/// A provider that fails ends the search: a later one may know another value under the name.
///
/// A secret that is too short to be redacted is reported once.
pub struct ProviderChain {
    providers: Vec<Arc<dyn Provider>>,
    told: Mutex<HashSet<String>>,
}

/// Maximum number of names that are remembered as reported.
const MAX_TOLD: usize = 1024;

impl ProviderChain {
    /// Creates a chain of these providers, in this order.
    #[must_use]
    pub fn new(providers: Vec<Arc<dyn Provider>>) -> Self {
        Self {
            providers,
            told: Mutex::default(),
        }
    }

    /// Does not report these secrets again, by their names in warnings.
    #[must_use]
    pub fn with_told(self, names: &[String]) -> Self {
        let told = names.iter().cloned().collect();
        Self {
            told: Mutex::new(told),
            ..self
        }
    }

    /// Reports that a secret is short, when it is first seen.
    fn look_at(&self, value: &SecretValue, name: impl FnOnce() -> String) {
        if !is_short(value) {
            return;
        }
        let name = name();
        let mut told = lock(&self.told);
        if told.len() < MAX_TOLD && told.insert(name.clone()) {
            tracing::warn!(
                "{name} has fewer than {MIN_SECRET_BYTES} bytes: it is not redacted in logs and outcomes"
            );
        }
    }
}

/// Whether a secret is not empty, and too short to be redacted.
pub(in crate::credential) fn is_short(value: &SecretValue) -> bool {
    if !matches!(value.expose(), Value::String(_) | Value::Number(_)) {
        return false;
    }
    let text = value.to_text();
    (1..MIN_SECRET_BYTES).contains(&text.expose_secret().len())
}

#[async_trait]
impl SecretProvider for ProviderChain {
    async fn secret(&self, name: &str) -> Result<Option<SecretValue>, CredentialError> {
        for provider in &self.providers {
            if let Some(secret) = provider.secret(name).await? {
                self.look_at(&secret, || format!("secret `{name}`"));
                return Ok(Some(secret));
            }
        }
        Ok(None)
    }

    fn secret_names(&self) -> Vec<String> {
        let names = self
            .providers
            .iter()
            .flat_map(|provider| provider.secret_names());
        distinct(names)
    }
}

#[async_trait]
impl CredentialProvider for ProviderChain {
    async fn credential(&self, name: &str) -> Result<Option<Credential>, CredentialError> {
        for provider in &self.providers {
            if let Some(credential) = provider.credential(name).await? {
                for (field, value) in &credential.fields {
                    if credential.kind.is_secret_field(field) {
                        self.look_at(value, || format!("`{field}` of credential `{name}`"));
                    }
                }
                return Ok(Some(credential));
            }
        }
        Ok(None)
    }

    fn credential_names(&self) -> Vec<String> {
        let names = self
            .providers
            .iter()
            .flat_map(|provider| provider.credential_names());
        distinct(names)
    }

    fn forget(&self, name: &str) {
        for provider in &self.providers {
            provider.forget(name);
        }
    }
}

fn distinct(names: impl Iterator<Item = String>) -> Vec<String> {
    let mut seen = HashSet::new();
    names.filter(|name| seen.insert(name.clone())).collect()
}

impl fmt::Debug for ProviderChain {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ProviderChain")
            .field("providers", &self.providers.len())
            .finish_non_exhaustive()
    }
}
