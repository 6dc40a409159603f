use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;

use super::document;
use crate::credential::program::{Program, TIMEOUT};
use crate::credential::{
    Credential, CredentialError, CredentialProvider, Machine, SecretProvider, SecretValue,
};

/// Secrets and credentials of another program, such as a password manager, by a protocol like that of
/// `docker-credential-*`.
///
/// The program is started with `get` as its last argument and the name on its standard input. It writes
/// JSON: a mapping with `type` and fields is a credential, as is Docker's `Username` with `Secret`; any
/// other value is a secret. Nothing, or `null`, means that it knows nothing of that name; so does a failure
/// whose output says `credentials not found`, as Docker's helpers do.
pub struct CommandProvider {
    program: Program,
    machine: Machine,
}

/// What Docker's helpers say where there is nothing of that name.
const NOT_FOUND: &str = "credentials not found";
const MAX_NAME_BYTES: usize = 256;

impl CommandProvider {
    /// The program with its arguments; none where there is no program.
    #[must_use]
    pub fn new(command: &[String], machine: Machine) -> Option<Self> {
        let (program, arguments) = command.split_first()?;
        let mut arguments = arguments.to_vec();
        arguments.push("get".to_owned());
        Some(Self {
            program: Program {
                name: program.clone(),
                arguments,
                variables: &[],
                timeout: TIMEOUT,
            },
            machine,
        })
    }

    /// Gives the program that much time instead of a minute.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.program.timeout = timeout;
        self
    }

    /// What the program says about the name; none where it knows nothing.
    async fn ask(&self, owner: &str, name: &str) -> Result<Option<SecretValue>, CredentialError> {
        if name.is_empty() || name.len() > MAX_NAME_BYTES || name.contains(['\n', '\r']) {
            return Ok(None);
        }
        let failed = |message: String| CredentialError::Provider {
            owner: owner.to_owned(),
            provider: format!("the command `{}`", self.program.name),
            message,
        };
        let ran = self.program.run(&self.machine, &format!("{name}\n")).await;
        let (status, output) = ran.map_err(failed)?;
        let text = std::str::from_utf8(&output).unwrap_or_default().trim();
        if !status.success() {
            // What it wrote may hold anything.
            return if text.contains(NOT_FOUND) {
                Ok(None)
            } else {
                Err(failed(format!("it ended with {status}")))
            };
        }
        if text.is_empty() {
            return Ok(None);
        }
        let value: Value = serde_json::from_str(text)
            .map_err(|_| failed("it wrote what is not JSON".to_owned()))?;
        Ok(Some(SecretValue::new(value)).filter(|value| !value.expose().is_null()))
    }
}

/// Whether a value is a credential rather than a secret.
fn is_credential(value: &Value) -> bool {
    value.get("type").is_some_and(Value::is_string)
        || (value.get("Username").is_some() && value.get("Secret").is_some())
}

#[async_trait]
impl SecretProvider for CommandProvider {
    async fn secret(&self, name: &str) -> Result<Option<SecretValue>, CredentialError> {
        let value = self.ask(&format!("secret `{name}`"), name).await?;
        Ok(value.filter(|value| !is_credential(value.expose())))
    }

    fn secret_names(&self) -> Vec<String> {
        Vec::new()
    }
}

#[async_trait]
impl CredentialProvider for CommandProvider {
    async fn credential(&self, name: &str) -> Result<Option<Credential>, CredentialError> {
        let owner = format!("credential `{name}`");
        match self.ask(&owner, name).await? {
            Some(value) if is_credential(value.expose()) => {
                let owner = format!("{owner} of the command `{}`", self.program.name);
                document::credential(&owner, value.expose().clone()).map(Some)
            }
            _ => Ok(None),
        }
    }

    fn credential_names(&self) -> Vec<String> {
        Vec::new()
    }
}

impl fmt::Debug for CommandProvider {
    /// The program alone: its arguments may say more.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("CommandProvider")
            .field("program", &self.program.name)
            .finish_non_exhaustive()
    }
}
