//! Programs that know secrets, started without a shell.

use std::io;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Command;
use tokio::signal::unix::{SignalKind, signal};
use zeroize::Zeroizing;

use super::Machine;

/// A program that writes a secret to its standard output.
///
/// It gets few variables of this process's environment, and what it writes to its standard error is nobody's: it
/// may hold anything. It is ended with all its processes once it took too long or wrote too much, and where nobody
/// waits for it any more.
pub(super) struct Program {
    pub(super) name: String,
    pub(super) arguments: Vec<String>,
    /// What it finds of this process's environment besides [`VARIABLES`].
    pub(super) variables: &'static [&'static str],
    pub(super) timeout: Duration,
}

/// The most that such a program may write; a Secret of Kubernetes takes four times as much.
pub const MAX_COMMAND_BYTES: u64 = 256 * 1024;
/// How long it may take: a person may have to unlock something.
pub(super) const TIMEOUT: Duration = Duration::from_mins(1);
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

impl Program {
    /// Gives the program its input, and what it wrote.
    ///
    /// # Errors
    ///
    /// It could not be started, took too long, or wrote too much; a message names no argument.
    pub(super) async fn run(
        &self,
        machine: &Machine,
        input: &str,
    ) -> Result<(ExitStatus, Zeroizing<Vec<u8>>), String> {
        let ran = tokio::time::timeout(self.timeout, self.run_to_end(machine, input)).await;
        ran.map_err(|_| format!("it took longer than {:?}", self.timeout))?
            .map_err(|error| error.to_string())
    }

    async fn run_to_end(
        &self,
        machine: &Machine,
        input: &str,
    ) -> io::Result<(ExitStatus, Zeroizing<Vec<u8>>)> {
        // Listening comes first, so that no change is missed.
        let mut changes = signal(SignalKind::child())?;
        let variables = VARIABLES
            .iter()
            .chain(self.variables)
            .filter_map(|variable| Some((variable, machine.variable(variable)?)));
        let mut child = Command::new(&self.name)
            .args(&self.arguments)
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
            let _ = stdin.write_all(input.as_bytes()).await;
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
