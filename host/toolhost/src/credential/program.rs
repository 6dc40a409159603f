//! Programs that return secrets, started without a shell.

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
/// It gets few variables of this process's environment, and its standard error is discarded: it may contain anything.
/// It is killed with all its processes when it took too long or wrote too much, and when the caller is dropped.
pub(super) struct Program {
    pub(super) name: String,
    pub(super) arguments: Vec<String>,
    /// The variables of this process's environment that it gets in addition to [`VARIABLES`].
    pub(super) variables: &'static [&'static str],
    pub(super) timeout: Duration,
}

/// Maximum output of such a program; a Secret of Kubernetes may be four times as large.
pub const MAX_COMMAND_BYTES: u64 = 256 * 1024;
/// Time limit of such a program: the user may have to unlock something.
pub(super) const TIMEOUT: Duration = Duration::from_mins(1);
/// The variables of this process's environment that it gets: the locations of programs and their files, and the
/// desktop's bus, which password managers use.
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
    /// Passes the input to the program, and returns its output.
    ///
    /// # Errors
    ///
    /// It could not be started, took too long, or wrote too much; no message contains an argument.
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
        // The signal handler comes first, so that no change is missed.
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
            // The process is not reaped, so that the ID of the group stays reserved.
            let look = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
            while waitid(WaitId::Pid(group.0), look)?.is_none() {
                if changes.recv().await.is_none() {
                    return Err(io::Error::other("signals are not delivered any more"));
                }
            }
            // Remaining processes of the group would keep the pipe open.
            group.kill();
            Ok::<(), io::Error>(())
        };
        let ((), output, ended) = tokio::join!(writing, reading, ending);
        ended?;
        // From here on, its ID may be reused.
        std::mem::forget(group);
        Ok((child.wait().await?, output?))
    }
}

/// The processes of the program, which are killed when this is dropped.
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
