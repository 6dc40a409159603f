use std::io::{self, PipeReader, Write};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use rustix::process::{
    Pid, Resource, Rlimit, Signal, WaitId, WaitIdOptions, getrlimit, kill_process,
    kill_process_group, prlimit, waitid,
};
use secrecy::{ExposeSecret, SecretString};
use tokio::signal::unix::{SignalKind, signal};
use zeroize::Zeroizing;

use super::cgroup::{Group, Hierarchy};
use super::directory::{AttemptDirectory, JobDirectory};
use super::leftovers::{JOB_ID_VARIABLE, Mark, count_tasks_of_user, kill_until_gone};
use super::limits::Limits;
use super::namespace::{Namespace, Namespaces};

/// Waits for a line before it becomes the program.
///
/// Limits must apply before the program's first instruction, and to all processes that it starts. Setting them between
/// fork and exec would need code in a forked copy of a multithreaded process, which is unsafe. Therefore a shell is
/// started that accesses nothing of the program's: it reads one line, byte by byte, while the host moves it to its
/// control group and sets its resource limits, and then it replaces itself. The arguments stay positional parameters,
/// which no shell interprets. If the host dies before, the line never arrives.
const LAUNCHER: &str = "read -r _toolhost_start || exit 125\nexec \"$@\" </dev/null";
/// How long the end of a namespace is waited for before its processes are killed again. It usually takes half a
/// millisecond.
const NAMESPACE_END: Duration = Duration::from_millis(20);
/// The first descriptor after the standard ones.
const FIRST_OTHER_DESCRIPTOR: i32 = 3;

/// What to start. It has no `Debug`: the arguments may be secrets.
pub(super) struct Launch {
    pub(super) job_directory: Arc<JobDirectory>,
    pub(super) attempt: u32,
    pub(super) program: PathBuf,
    /// The arguments after the program on the command line.
    pub(super) arguments: Vec<Zeroizing<String>>,
    pub(super) search_path: String,
    pub(super) environment: Vec<(String, SecretString)>,
    pub(super) hierarchy: Hierarchy,
    /// None where it is to have no namespaces of its own.
    pub(super) namespaces: Option<Namespaces>,
    pub(super) limits: Limits,
}

/// The processes of one attempt. When it is dropped, none of them is left.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    /// The main process, which is also the ID of its group. This ID cannot be reused until the process is reaped, which
    /// happens last.
    pid: Pid,
    /// None where the system does not allow the host to create any. The main process is in it, or outside, where it
    /// waits for the program inside and ends with the same status.
    namespace: Option<Namespace>,
    group: Group,
    mark: Mark,
    directory: Option<AttemptDirectory>,
    /// Dropped after the processes, so that nothing writes to it while it is removed.
    _job_directory: Arc<JobDirectory>,
    status: Option<ExitStatus>,
    /// Whether it was killed already.
    is_over: bool,
}

/// How the processes of an attempt ended.
#[derive(Debug)]
pub(super) struct ProcessEnd {
    /// None where even SIGKILL did not end it.
    pub(super) status: Option<ExitStatus>,
    /// The number of processes that the kernel killed for lack of memory; none where no control group counts them.
    pub(super) oom_kills: Option<u64>,
    /// The number of processes that it refused to start.
    pub(super) refused_processes: u64,
}

/// Why a program could not be started.
#[derive(Debug, thiserror::Error)]
pub(super) enum StartError {
    /// Its directory could not be created.
    #[error("cannot create its working directory")]
    Directory(#[source] io::Error),
    /// The command and the environment are too long for the kernel.
    #[error("its arguments and environment together are longer than the system allows")]
    TooLong,
    /// The process could not be created.
    #[error("cannot create the process")]
    Spawn(#[source] io::Error),
    /// Its namespaces could not be created.
    #[error("cannot create its namespaces")]
    Namespace(#[source] io::Error),
    /// Its limits could not be set.
    #[error("cannot set its limits")]
    Limits(#[source] io::Error),
}

impl Process {
    /// Starts the program, with its limits set, and returns its output.
    ///
    /// Blocks for some milliseconds.
    pub(super) fn start(launch: Launch) -> Result<(Self, PipeReader), StartError> {
        let id = launch.job_directory.id();
        let directory = launch
            .job_directory
            .attempt(launch.attempt)
            .map_err(StartError::Directory)?;
        // Descriptors that a library of this process, or its parent, left open are not for scripts.
        close_fds::set_fds_cloexec_threadsafe(FIRST_OTHER_DESCRIPTOR, &[]);
        // It is created in parallel to everything else.
        let namespaces = launch.namespaces.as_ref();
        let starting = match namespaces {
            Some(all) => all.begin().map_err(StartError::Namespace)?,
            None => None,
        };
        let mark = Mark::new(&id, launch.job_directory.path());
        let group = Group::create(&launch.hierarchy, &id, launch.attempt, &launch.limits);
        let (output, writer) = io::pipe().map_err(StartError::Spawn)?;
        let inside = match namespaces.zip(starting) {
            Some((all, starting)) => all
                .finish(starting, &directory.work())
                .map_err(StartError::Namespace)?
                .map(|namespace| (all, namespace)),
            None => None,
        };
        // The command has the writing ends of the pipe: it must be dropped for the pipe to end.
        let mut command = command(&launch, inside.as_ref(), &directory, &id);
        command
            .stdout(writer.try_clone().map_err(StartError::Spawn)?)
            .stderr(writer);
        let (child, namespace) =
            spawn(&mut command, inside).map_err(|error| match error.kind() {
                io::ErrorKind::ArgumentListTooLong => StartError::TooLong,
                _ => StartError::Spawn(error),
            })?;
        let mut process = Self {
            pid: Pid::from_child(&child),
            child,
            namespace,
            group,
            mark,
            directory: Some(directory),
            _job_directory: launch.job_directory,
            status: None,
            is_over: false,
        };
        process.limit(&launch.limits).map_err(StartError::Limits)?;
        process.release().map_err(StartError::Spawn)?;
        Ok((process, output))
    }

    /// Returns the control groups, which show what is limited.
    pub(super) fn group(&self) -> &Group {
        &self.group
    }

    /// Waits until the main process ended. The process is not reaped: its PID stays reserved.
    pub(super) async fn exited(&self) -> io::Result<()> {
        // The signal handler comes first, so that no change after the check is missed.
        let mut changes = signal(SignalKind::child())?;
        let look = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
        while waitid(WaitId::Pid(self.pid), look)?.is_none() {
            if changes.recv().await.is_none() {
                return Err(io::Error::other("signals are not delivered any more"));
            }
        }
        Ok(())
    }

    /// Sends SIGTERM to the program and its process group.
    pub(super) fn terminate(&self) {
        match &self.namespace {
            Some(namespace) => namespace.terminate(self.pid),
            None => drop(kill_process_group(self.pid, Signal::TERM)),
        }
    }

    /// Kills the remaining processes of the attempt, removes its directory and returns how it ended.
    ///
    /// Blocks until everything is gone, at most for some seconds.
    pub(super) fn end(mut self) -> ProcessEnd {
        // The kill itself must not change the counters of the control group.
        let oom_kills = self.group.limits_memory().then(|| self.group.oom_kills());
        let refused_processes = self.group.refused_processes();
        self.kill();
        if let Some(directory) = self.directory.take() {
            directory.remove();
        }
        ProcessEnd {
            status: self.status,
            oom_kills,
            refused_processes,
        }
    }

    fn limit(&mut self, limits: &Limits) -> io::Result<()> {
        self.group.add(self.pid);
        // A core file would contain the environment, and therefore secrets. One byte is less than any core file, and
        // makes the kernel skip a program that collects them as well; see core(5).
        set_limit(self.pid, Resource::Core, 1)?;
        if let Some(limit) = &limits.memory
            && !self.group.limits_memory()
        {
            // Not RLIMIT_AS: Go, Java and JavaScript reserve far more address space than they use and would not start.
            // RLIMIT_DATA counts private and writable memory (since Linux 4.7).
            set_limit(self.pid, Resource::Data, limit.bytes)?;
        }
        if !self.group.limits_processes() {
            // The kernel counts all tasks of the user, so the existing ones are added.
            let existing = count_tasks_of_user();
            let most = existing.saturating_add(u64::from(limits.processes));
            set_limit(self.pid, Resource::Nproc, most)?;
        }
        Ok(())
    }

    /// Makes the launcher become the program.
    fn release(&mut self) -> io::Result<()> {
        match self.child.stdin.take() {
            Some(mut stdin) => stdin.write_all(b"\n"),
            None => Err(io::Error::other("the launcher has no standard input")),
        }
    }

    /// Kills everything, and then reaps the main process.
    fn kill(&mut self) {
        self.is_over = true;
        if !kill_until_gone(|| self.kill_once()) {
            let _ = kill_process_group(self.pid, Signal::KILL);
            let pid = self.pid.as_raw_nonzero().get();
            tracing::warn!(
                pid,
                "processes of a job do not end although they were killed"
            );
        }
    }

    /// Kills the processes that are found, and returns whether there were any.
    fn kill_once(&mut self) -> bool {
        // First the processes inside: a main process that is outside has to see the program end, which no other process
        // would reap.
        if let Some(namespace) = &mut self.namespace
            && namespace.kill()
        {
            if namespace.has_main_process() {
                // The namespace is not gone before its parent was reaped.
                self.status = self.status.or_else(|| self.child.try_wait().ok()?);
            } else {
                // It stops itself when the program does.
                let _ = kill_process(self.pid, Signal::CONT);
            }
            if !namespace.is_gone_within(NAMESPACE_END) {
                return true;
            }
        }
        if self.status.is_none() {
            let _ = kill_process_group(self.pid, Signal::KILL);
        }
        let in_group = self.group.kill();
        // A process that may write to control groups can leave its own, but none can leave the namespace.
        let found = in_group || (self.namespace.is_none() && self.mark.kill());
        if found {
            return true;
        }
        // Only now, when the ID of the group is not needed any more.
        if self.status.is_none() {
            self.status = self.child.try_wait().unwrap_or_default();
        }
        self.status.is_none()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if !self.is_over {
            self.kill();
        }
    }
}

/// Starts the command, in the namespace where that can be entered.
fn spawn(
    command: &mut Command,
    inside: Option<(&Namespaces, Namespace)>,
) -> io::Result<(Child, Option<Namespace>)> {
    if let Some((all, namespace)) = inside
        && let Some(child) = all.spawn(&namespace, command)?
    {
        return Ok((child, Some(namespace)));
    }
    Ok((command.spawn()?, None))
}

fn command(
    launch: &Launch,
    inside: Option<&(&Namespaces, Namespace)>,
    directory: &AttemptDirectory,
    id: &str,
) -> Command {
    let words = inside.map(|(all, namespace)| all.words(namespace, &directory.work()));
    let mut command = Command::new("/bin/sh");
    command
        .args(["-c", LAUNCHER, "sh"])
        .args(words.unwrap_or_default())
        .arg(&launch.program)
        .args(launch.arguments.iter().map(|argument| argument.as_str()))
        .current_dir(directory.work())
        .env_clear()
        .env("PATH", &launch.search_path)
        .env("HOME", directory.work())
        .env("TMPDIR", directory.temporary())
        .env("LANG", "C.UTF-8")
        .envs(
            launch
                .environment
                .iter()
                .map(|(name, value)| (name, value.expose_secret())),
        )
        .env(JOB_ID_VARIABLE, id)
        .stdin(Stdio::piped())
        .process_group(0);
    command
}

/// Sets both values of a limit, no higher than the host's own.
fn set_limit(pid: Pid, resource: Resource, value: u64) -> io::Result<()> {
    let most = getrlimit(resource).maximum.unwrap_or(u64::MAX);
    let value = Some(value.min(most));
    let limit = Rlimit {
        current: value,
        maximum: value,
    };
    prlimit(Some(pid), resource, limit)?;
    Ok(())
}
