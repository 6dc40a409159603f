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

/// Knows both secrets and credentials.
pub trait Provider: SecretProvider + CredentialProvider {}

impl<T: SecretProvider + CredentialProvider> Provider for T {}

/// Providers that are asked in their order, until one knows the name.
///
/// A provider that fails ends the search: what a later one knows under the name may be another thing.
///
/// A secret that is too short to be searched for in what leaves a call is told of once.
pub struct ProviderChain {
    providers: Vec<Arc<dyn Provider>>,
    told: Mutex<HashSet<String>>,
}

/// The most names that are remembered as told.
const MAX_TOLD: usize = 1024;

impl ProviderChain {
    /// These providers, in this order.
    #[must_use]
    pub fn new(providers: Vec<Arc<dyn Provider>>) -> Self {
        Self {
            providers,
            told: Mutex::default(),
        }
    }

    /// Does not tell of these secrets again, by the names that warnings give them.
    #[must_use]
    pub fn with_told(self, names: &[String]) -> Self {
        let told = names.iter().cloned().collect();
        Self {
            told: Mutex::new(told),
            ..self
        }
    }

    /// Says that a secret is short, the first time that it is seen.
    fn look_at(&self, value: &SecretValue, name: impl FnOnce() -> String) {
        if !is_short(value) {
            return;
        }
        let name = name();
        let mut told = lock(&self.told);
        if told.len() < MAX_TOLD && told.insert(name.clone()) {
            tracing::warn!(
                "{name} has fewer than {MIN_SECRET_BYTES} bytes: it is not searched for in logs and outcomes"
            );
        }
    }
}

/// Whether a secret is there, and too short to be searched for.
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
