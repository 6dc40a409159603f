use std::fmt;
use std::io;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use async_trait::async_trait;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Command;
use tokio::signal::unix::{SignalKind, signal};
use zeroize::Zeroizing;

use super::document;
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
    program: String,
    arguments: Vec<String>,
    machine: Machine,
    timeout: Duration,
}

/// The most that such a program may write; a Secret of Kubernetes takes four times as much.
pub const MAX_COMMAND_BYTES: u64 = 256 * 1024;
/// How long it may take: a person may have to unlock something.
const TIMEOUT: Duration = Duration::from_mins(1);
/// What it finds of this process's environment: where programs and their files are, and the desktop's
/// bus, by which password managers are reached.
const VARIABLES: [&str; 7] = [
    "PATH",
    "HOME",
    "USER",
    "LANG",
    "XDG_CONFIG_HOME",
    "XDG_RUNTIME_DIR",
    "DBUS_SESSION_BUS_ADDRESS",
];
/// What Docker's helpers say where there is nothing of that name.
const NOT_FOUND: &str = "credentials not found";
const MAX_NAME_BYTES: usize = 256;

impl CommandProvider {
    /// The program with its arguments; none where there is no program.
    #[must_use]
    pub fn new(command: &[String], machine: Machine) -> Option<Self> {
        let (program, arguments) = command.split_first()?;
        Some(Self {
            program: program.clone(),
            arguments: arguments.to_vec(),
            machine,
            timeout: TIMEOUT,
        })
    }

    /// Gives the program that much time instead of a minute.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// What the program says about the name; none where it knows nothing.
    async fn ask(&self, owner: &str, name: &str) -> Result<Option<SecretValue>, CredentialError> {
        if name.is_empty() || name.len() > MAX_NAME_BYTES || name.contains(['\n', '\r']) {
            return Ok(None);
        }
        let failed = |message: String| CredentialError::Provider {
            owner: owner.to_owned(),
            provider: format!("the command `{}`", self.program),
            message,
        };
        let ran = tokio::time::timeout(self.timeout, self.run(name)).await;
        let (status, output) = ran
            .map_err(|_| failed(format!("it took longer than {:?}", self.timeout)))?
            .map_err(|error| failed(error.to_string()))?;
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

    async fn run(&self, name: &str) -> io::Result<(ExitStatus, Zeroizing<Vec<u8>>)> {
        // Listening comes first, so that no change is missed.
        let mut changes = signal(SignalKind::child())?;
        let variables = VARIABLES
            .iter()
            .filter_map(|variable| Some((variable, self.machine.variable(variable)?)));
        let mut child = Command::new(&self.program)
            .args(&self.arguments)
            .arg("get")
            .env_clear()
            .envs(variables)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()?;
        let pid = child
            .id()
            .and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        let group = Group(pid.ok_or_else(|| io::Error::other("it has no process"))?);
        let (Some(mut stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(io::Error::other("it has no pipes"));
        };
        let writing = async {
            // A program that does not read its input may close it.
            let _ = stdin.write_all(format!("{name}\n").as_bytes()).await;
            drop(stdin);
        };
        let reading = async {
            let mut output = Zeroizing::new(Vec::new());
            stdout
                .take(MAX_COMMAND_BYTES + 1)
                .read_to_end(&mut output)
                .await?;
            if output.len() as u64 > MAX_COMMAND_BYTES {
                // It would wait for a reader forever.
                group.kill();
                return Err(io::Error::other(format!(
                    "it wrote more than {MAX_COMMAND_BYTES} bytes"
                )));
            }
            Ok(output)
        };
        let ending = async {
            // Not waited for in the sense of the kernel, so that the group keeps its number.
            let look = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
            while waitid(WaitId::Pid(group.0), look)?.is_none() {
                if changes.recv().await.is_none() {
                    return Err(io::Error::other("signals are not delivered any more"));
                }
            }
            // What it left behind would keep the pipe open.
            group.kill();
            Ok::<(), io::Error>(())
        };
        let ((), output, ended) = tokio::join!(writing, reading, ending);
        ended?;
        // Only now is its number free.
        std::mem::forget(group);
        Ok((child.wait().await?, output?))
    }
}

/// The processes of the program, which are gone when this is.
struct Group(Pid);

impl Group {
    fn kill(&self) {
        let _ = kill_process_group(self.0, Signal::KILL);
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
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
                let owner = format!("{owner} of the command `{}`", self.program);
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
            .field("program", &self.program)
            .finish_non_exhaustive()
    }
}
