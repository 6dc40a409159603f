use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};

use super::log::{Log, Splitter};
use super::memory;
use super::pod::Pod;
use super::status::End;

/// How much of a pipe is read at once.
const READ_BYTES: usize = 64 << 10;
/// How long a pipe may stay open after its container ended: somebody escaped from the group with it.
const DRAIN: Duration = Duration::from_secs(2);

/// The processes of a container. When this is dropped, they end.
pub(super) struct Container {
    name: String,
    child: Child,
    group: Pid,
    started: Timestamp,
    log: Arc<Log>,
    memory_limit: Option<u64>,
    pumps: JoinSet<()>,
}

/// What to run.
pub(super) struct Launch<'a> {
    pub(super) name: &'a str,
    pub(super) command: &'a [String],
    pub(super) variables: &'a [(String, String)],
    pub(super) directory: &'a Path,
    pub(super) memory_limit: Option<u64>,
    pub(super) log: Arc<Log>,
    pub(super) log_file_bytes: Option<usize>,
}

impl Container {
    pub(super) fn start(launch: Launch<'_>) -> io::Result<Self> {
        let (program, arguments) = launch
            .command
            .split_first()
            .ok_or(io::ErrorKind::InvalidInput)?;
        let mut command = Command::new(program);
        command
            .args(arguments)
            .env_clear()
            .envs(launch.variables.iter().map(|(name, value)| (name, value)))
            .current_dir(launch.directory)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true);
        let mut child = command.spawn()?;
        let group = child
            .id()
            .and_then(|id| i32::try_from(id).ok())
            .and_then(Pid::from_raw);
        let group = group.ok_or(io::ErrorKind::NotFound)?;
        let mut pumps = JoinSet::new();
        let limit = launch.log_file_bytes;
        if let Some(output) = child.stdout.take() {
            pumps.spawn(pump(output, Arc::clone(&launch.log), limit));
        }
        if let Some(output) = child.stderr.take() {
            pumps.spawn(pump(output, Arc::clone(&launch.log), limit));
        }
        Ok(Self {
            name: launch.name.to_owned(),
            child,
            group,
            started: Timestamp::now(),
            log: launch.log,
            memory_limit: launch.memory_limit,
            pumps,
        })
    }

    pub(super) fn started(&self) -> Timestamp {
        self.started
    }

    /// Waits for the end: by itself, for want of memory, or because the pod is deleted.
    pub(super) async fn end(mut self, pod: &Pod) -> End {
        let mut is_out_of_memory = false;
        let status = tokio::select! {
            status = self.child.wait() => status,
            () = memory::until_exceeded(self.group, self.memory_limit) => {
                is_out_of_memory = true;
                self.signal(Signal::KILL);
                self.child.wait().await
            }
            grace = pod.until_deleted() => self.terminate(pod, grace).await,
        };
        let finished = Timestamp::now();
        // The remaining processes end with the first one, as in a separate namespace.
        self.signal(Signal::KILL);
        let drain = async { while self.pumps.join_next().await.is_some() {} };
        let _ = timeout(DRAIN, drain).await;
        self.log.end();
        let code = status.ok().map_or(255, exit_code);
        let reason = match (is_out_of_memory, code) {
            (true, _) => "OOMKilled",
            (false, 0) => "Completed",
            (false, _) => "Error",
        };
        End {
            code,
            reason: reason.to_owned(),
            message: String::new(),
            started: self.started,
            finished,
        }
    }

    /// Asks the processes to end, and ends them after the grace, which a second deletion may shorten.
    async fn terminate(&mut self, pod: &Pod, mut grace: Duration) -> io::Result<ExitStatus> {
        let asked = Instant::now();
        self.signal(Signal::TERM);
        pod.tell(
            false,
            "Killing",
            &format!("Stopping container {}", self.name),
        );
        loop {
            tokio::select! {
                status = self.child.wait() => return status,
                () = sleep_until(asked + grace) => break,
                shorter = pod.until_grace_below(grace) => grace = shorter,
            }
        }
        self.signal(Signal::KILL);
        self.child.wait().await
    }

    fn signal(&self, signal: Signal) {
        // The group is gone when every process of it ended.
        let _ = kill_process_group(self.group, signal);
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}

/// As shells and container runtimes tell a signal.
fn exit_code(status: ExitStatus) -> i32 {
    let by_signal = status.signal().map(|signal| 128 + signal);
    status.code().or(by_signal).unwrap_or(255)
}

async fn pump(mut output: impl AsyncRead + Unpin, log: Arc<Log>, limit: Option<usize>) {
    let mut splitter = Splitter::default();
    let mut buffer = vec![0; READ_BYTES];
    loop {
        let count = match output.read(&mut buffer).await {
            Ok(0) | Err(_) => break,
            Ok(count) => count,
        };
        let bytes = buffer.get(..count).unwrap_or_default();
        log.append(splitter.feed(bytes, Timestamp::now()), limit);
    }
    log.append(splitter.finish(Timestamp::now()), limit);
}
