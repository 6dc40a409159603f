use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::Provider;
use crate::credential::token::{Cache, Made};
use crate::credential::{
    Credential, CredentialError, CredentialProvider, Machine, SecretProvider, SecretValue,
};

/// Caches an expensive provider: a name is requested once in a minute, by one caller.
pub struct Remembered {
    provider: Arc<dyn Provider>,
    secrets: Arc<Cache<Option<SecretValue>>>,
    credentials: Arc<Cache<Option<Credential>>>,
    machine: Machine,
}

/// How long an answer is used: a change takes effect within this time.
const LIFE: Duration = Duration::from_mins(1);

impl Remembered {
    /// Caches the answers of that provider.
    #[must_use]
    pub fn new(provider: Arc<dyn Provider>, machine: Machine) -> Self {
        Self {
            provider,
            secrets: Arc::new(Cache::new(machine.clone())),
            credentials: Arc::new(Cache::new(machine.clone())),
            machine,
        }
    }

    fn made<V>(machine: &Machine, value: V) -> Made<V> {
        Made {
            value,
            expires_at: Some(machine.now() + LIFE),
        }
    }
}

#[async_trait]
impl SecretProvider for Remembered {
    async fn secret(&self, name: &str) -> Result<Option<SecretValue>, CredentialError> {
        let (provider, machine, asked) = (
            Arc::clone(&self.provider),
            self.machine.clone(),
            name.to_owned(),
        );
        let making = |_| async move { Ok(Self::made(&machine, provider.secret(&asked).await?)) };
        self.secrets
            .get(name, [0; 32], Duration::ZERO, making)
            .await
    }

    fn secret_names(&self) -> Vec<String> {
        self.provider.secret_names()
    }
}

#[async_trait]
impl CredentialProvider for Remembered {
    async fn credential(&self, name: &str) -> Result<Option<Credential>, CredentialError> {
        let (provider, machine, asked) = (
            Arc::clone(&self.provider),
            self.machine.clone(),
            name.to_owned(),
        );
        let making =
            |_| async move { Ok(Self::made(&machine, provider.credential(&asked).await?)) };
        self.credentials
            .get(name, [0; 32], Duration::ZERO, making)
            .await
    }

    fn credential_names(&self) -> Vec<String> {
        self.provider.credential_names()
    }

    fn forget(&self, name: &str) {
        self.credentials.forget(name);
        self.provider.forget(name);
    }
}

impl fmt::Debug for Remembered {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Remembered")
    }
}
