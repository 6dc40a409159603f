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
/// Limits must hold before the program's first instruction, and for whatever it starts. Setting them
/// between fork and exec would need code in a forked copy of a threaded process, which is unsafe. So a
/// shell is started that touches nothing of the program's: it reads one line, byte by byte, while the
/// host moves it into its control group and sets its resource limits, and then it replaces itself. The
/// arguments stay positional parameters, which no shell looks into. Where the host dies before, the
/// line never comes.
const LAUNCHER: &str = "read -r _toolhost_start || exit 125\nexec \"$@\" </dev/null";
/// How long the end of a namespace is waited for before its processes are killed anew. It mostly takes half a millisecond.
const NAMESPACE_END: Duration = Duration::from_millis(20);
/// The first descriptor that is none of the standard ones.
const FIRST_OTHER_DESCRIPTOR: i32 = 3;

/// What to start. It has no `Debug`: the arguments may be secrets.
pub(super) struct Launch {
    pub(super) job_directory: Arc<JobDirectory>,
    pub(super) attempt: u32,
    pub(super) program: PathBuf,
    /// What follows the program on the command line.
    pub(super) arguments: Vec<Zeroizing<String>>,
    pub(super) search_path: String,
    pub(super) environment: Vec<(String, SecretString)>,
    pub(super) hierarchy: Hierarchy,
    /// None where it shall have no namespaces of its own.
    pub(super) namespaces: Option<Namespaces>,
    pub(super) limits: Limits,
}

/// The processes of one attempt. When it is dropped, nothing of them is left.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    /// The main process, which is also the number of its group. Nobody else can get this number until
    /// the process is waited for, which happens last.
    pid: Pid,
    /// None where the system does not let the host make any. The main process is in it, or outside, where
    /// it waits for the program inside and ends as that did.
    namespace: Option<Namespace>,
    group: Group,
    mark: Mark,
    directory: Option<AttemptDirectory>,
    /// Dropped after the processes, so that nothing writes into it while it is removed.
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
    /// How many of them the kernel ended for want of memory; none where no control group knows.
    pub(super) oom_kills: Option<u64>,
    /// How many it refused to start.
    pub(super) refused_processes: u64,
}

/// Why a program could not be started.
#[derive(Debug, thiserror::Error)]
pub(super) enum StartError {
    /// Its directory could not be made.
    #[error("its working directory could not be made")]
    Directory(#[source] io::Error),
    /// The command and the environment are too long for the kernel.
    #[error("its arguments and environment together are longer than the system allows")]
    TooLong,
    /// The process could not be made.
    #[error("the process could not be made")]
    Spawn(#[source] io::Error),
    /// Its namespaces could not be made.
    #[error("its namespaces could not be made")]
    Namespace(#[source] io::Error),
    /// Its limits could not be set.
    #[error("its limits could not be set")]
    Limits(#[source] io::Error),
}

impl Process {
    /// Starts the program, with its limits in place, and returns what it writes.
    ///
    /// Blocks for some milliseconds.
    pub(super) fn start(launch: Launch) -> Result<(Self, PipeReader), StartError> {
        let id = launch.job_directory.id();
        let directory = launch
            .job_directory
            .attempt(launch.attempt)
            .map_err(StartError::Directory)?;
        // What some library of this process, or whoever started it, left open is not for scripts.
        close_fds::set_fds_cloexec_threadsafe(FIRST_OTHER_DESCRIPTOR, &[]);
        // It is made while everything else is.
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
        // The command has the writing ends of the pipe: it must be gone for the pipe to end.
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

    /// The control groups, which tell what is limited.
    pub(super) fn group(&self) -> &Group {
        &self.group
    }

    /// Waits until the main process ended. It is not waited for in the sense of the kernel: its number
    /// stays its own.
    pub(super) async fn exited(&self) -> io::Result<()> {
        // Listening comes first, so that no change after the look is missed.
        let mut changes = signal(SignalKind::child())?;
        let look = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
        while waitid(WaitId::Pid(self.pid), look)?.is_none() {
            if changes.recv().await.is_none() {
                return Err(io::Error::other("signals are not delivered any more"));
            }
        }
        Ok(())
    }

    /// Asks the program and its process group to end.
    pub(super) fn terminate(&self) {
        match &self.namespace {
            Some(namespace) => namespace.terminate(self.pid),
            None => drop(kill_process_group(self.pid, Signal::TERM)),
        }
    }

    /// Kills what is left of the attempt, removes its directory and tells how it ended.
    ///
    /// Blocks until everything is gone, at most for some seconds.
    pub(super) fn end(mut self) -> ProcessEnd {
        // The kill itself must not change what the control group counted.
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
        // A core file would hold the environment, hence secrets. One byte is less than any core file,
        // and makes the kernel skip a program that collects them as well; see core(5).
        set_limit(self.pid, Resource::Core, 1)?;
        if let Some(limit) = &limits.memory
            && !self.group.limits_memory()
        {
            // Not RLIMIT_AS: Go, Java and JavaScript reserve far more address space than they use and
            // would not start. RLIMIT_DATA counts what is private and writable (since Linux 4.7).
            set_limit(self.pid, Resource::Data, limit.bytes)?;
        }
        if !self.group.limits_processes() {
            // The kernel counts all tasks of the user, so those that exist come on top.
            let existing = count_tasks_of_user();
            let most = existing.saturating_add(u64::from(limits.processes));
            set_limit(self.pid, Resource::Nproc, most)?;
        }
        Ok(())
    }

    /// Lets the launcher become the program.
    fn release(&mut self) -> io::Result<()> {
        match self.child.stdin.take() {
            Some(mut stdin) => stdin.write_all(b"\n"),
            None => Err(io::Error::other("the launcher has no standard input")),
        }
    }

    /// Kills everything, and then waits for the main process.
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

    /// Kills what can be found, and says whether anything was there.
    fn kill_once(&mut self) -> bool {
        // First what is inside: a main process that is outside has to see the program end, and nobody else
        // would wait for that.
        if let Some(namespace) = &mut self.namespace
            && namespace.kill()
        {
            if namespace.has_main_process() {
                // The namespace is not gone before it was waited for.
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
        // What may write to control groups can leave its own, and whatever can do neither leaves no
        // namespace.
        let found = in_group || (self.namespace.is_none() && self.mark.kill());
        if found {
            return true;
        }
        // Only now, when the group's number is not needed any more.
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
