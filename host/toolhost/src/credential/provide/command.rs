use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;

use super::document;
use crate::credential::program::{Program, TIMEOUT};
use crate::credential::{
    Credential, CredentialError, CredentialProvider, Machine, SecretProvider, SecretValue,
};

/// Secrets and credentials from another program, such as a password manager, by a protocol similar to that of
/// `docker-credential-*`.
///
/// The program is started with `get` as its last argument and the name on its standard input. It writes JSON: a mapping
/// with `type` and fields is a credential, as is Docker's `Username` with `Secret`; any other value is a secret. Empty
/// output, or `null`, means that the name is unknown; so does a failure whose output contains `credentials not found`,
/// as in Docker's helpers.
pub struct CommandProvider {
    program: Program,
    machine: Machine,
}

/// The output of Docker's helpers for an unknown name.
const NOT_FOUND: &str = "credentials not found";
const MAX_NAME_BYTES: usize = 256;

impl CommandProvider {
    /// Creates a provider for the program with its arguments; none where there is no program.
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

    /// Sets the time limit of the program, which is a minute by default.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.program.timeout = timeout;
        self
    }

    /// Returns the program's answer for the name; none where the name is unknown.
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
            // Its output may contain anything.
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
            .map_err(|_| failed("its output is not valid JSON".to_owned()))?;
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
    /// Shows only the program: its arguments may be secret.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("CommandProvider")
            .field("program", &self.program.name)
            .finish_non_exhaustive()
    }
}
