use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use secrecy::ExposeSecret;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};
use tokio::time::{Instant, timeout};
use toolhost_capability::controller::{
    cancelled_attempt, deadline_attempt, exited, out_of_memory, signalled,
};
use toolhost_capability::program::Program;
use toolhost_capability::{AttemptEnd, Explanation, JobReporter, JobRequest, LogSink, Reason};

use crate::memory::exceeds;

/// How long a program has between SIGTERM and SIGKILL.
const GRACE: Duration = Duration::from_secs(1);
/// What is read of an output at a time.
const CHUNK_BYTES: usize = 16 << 10;

/// One attempt of a job.
pub(crate) struct Attempt<'job> {
    /// From 1.
    pub(crate) number: u32,
    pub(crate) request: &'job JobRequest,
    /// In bytes.
    pub(crate) memory_limit: Option<u64>,
    pub(crate) search_path: &'job str,
    /// The folder of the job.
    pub(crate) folder: &'job Path,
    pub(crate) logs: &'job dyn LogSink,
    pub(crate) reporter: &'job JobReporter,
}

/// Why a program ended.
enum Cause {
    Exited(io::Result<ExitStatus>),
    Cancelled,
    DeadlinePassed,
    OutOfMemory,
}

impl Attempt<'_> {
    /// Runs the program to its end, whatever ends it; nothing of it is left then.
    pub(crate) async fn run(&self, deadline: Option<Instant>) -> AttemptEnd {
        let started = Instant::now();
        let mut end = match self.start().await {
            Ok(child) => self.supervise(child, deadline).await,
            Err(error) => cannot_start(&error),
        };
        end.duration = started.elapsed();
        end
    }

    async fn start(&self) -> io::Result<Child> {
        let request = self.request;
        let folder = self.folder.join(self.number.to_string());
        tokio::fs::create_dir(&folder).await?;
        let arguments_path = folder.join("arguments.json");
        let script_path = request
            .script
            .as_ref()
            .map(|script| folder.join(script.file_name.as_str()));
        let program = Program::new(
            request,
            script_path.as_deref().map(text).transpose()?,
            text(&arguments_path)?,
        );
        tokio::fs::write(&arguments_path, program.arguments().expose_secret()).await?;
        if let (Some(script), Some(path)) = (&request.script, &script_path) {
            tokio::fs::write(path, &script.content).await?;
        }
        let parts = program.command();
        let mut parts = parts.iter().map(|part| part.as_str());
        let mut command = Command::new(parts.next().unwrap_or_default());
        command
            .args(parts)
            .env_clear()
            .env("PATH", self.search_path)
            .envs(
                program
                    .environment()
                    .iter()
                    .map(|(name, value)| (name, value.expose_secret())),
            )
            .current_dir(&folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // What it starts is ended with it.
            .process_group(0)
            .kill_on_drop(true);
        command.spawn()
    }

    async fn supervise(&self, mut child: Child, deadline: Option<Instant>) -> AttemptEnd {
        let group = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
        let outputs = (child.stdout.take(), child.stderr.take());
        let outputs = async { tokio::join!(self.pump(outputs.0), self.pump(outputs.1)) };
        let waited = async {
            let cause = tokio::select! {
                status = child.wait() => Cause::Exited(status),
                () = self.reporter.cancelled() => Cause::Cancelled,
                () = until(deadline) => Cause::DeadlinePassed,
                () = exceeds(self.memory_limit, group) => Cause::OutOfMemory,
            };
            if matches!(cause, Cause::Cancelled | Cause::DeadlinePassed) {
                signal(group, Signal::TERM);
                drop(timeout(GRACE, child.wait()).await);
            }
            // Also what the program has left running, which would keep the outputs open.
            signal(group, Signal::KILL);
            drop(child.wait().await);
            cause
        };
        let (cause, _) = tokio::join!(waited, outputs);
        self.describe(cause)
    }

    fn describe(&self, cause: Cause) -> AttemptEnd {
        let request = self.request;
        match cause {
            Cause::Exited(Ok(status)) => match (status.code(), status.signal()) {
                (Some(code), _) => exited(code),
                (None, signal) => signalled(signal.unwrap_or_default()),
            },
            Cause::Exited(Err(error)) => cannot_start(&error),
            Cause::Cancelled => cancelled_attempt(AttemptEnd::default()),
            Cause::DeadlinePassed => deadline_attempt(
                AttemptEnd::default(),
                request.active_deadline.unwrap_or_default(),
            ),
            Cause::OutOfMemory => {
                let limit = request.limits.get("memory").map(String::as_str);
                out_of_memory(AttemptEnd::default(), limit)
            }
        }
    }

    async fn pump(&self, output: Option<impl AsyncRead + Unpin>) {
        let Some(mut output) = output else { return };
        let mut chunk = vec![0; CHUNK_BYTES];
        while let Ok(count @ 1..) = output.read(&mut chunk).await {
            self.logs
                .write(self.number, chunk.get(..count).unwrap_or_default());
        }
    }
}

fn signal(group: Option<Pid>, signal: Signal) {
    // A group that is gone needs no signal.
    let _gone = group.map(|group| kill_process_group(group, signal));
}

fn text(path: &Path) -> io::Result<&str> {
    path.to_str()
        .ok_or_else(|| io::Error::other("the job's folder is not valid UTF-8"))
}

fn cannot_start(error: &io::Error) -> AttemptEnd {
    let message = format!("cannot be started: {error}");
    AttemptEnd::default().because(Explanation::new(Reason::Internal, message))
}

/// Waits until that time, or for ever.
pub(crate) async fn until(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time).await,
        None => std::future::pending().await,
    }
}
