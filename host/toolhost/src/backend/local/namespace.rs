//! A PID and a mount namespace for each attempt, where the system allows the host to create them.
//!
//! Their processes see only themselves in `/proc`, so neither the host's environment nor that of another job; and none
//! of them can leave. The kernel kills all of them with the first one, which waits at a pipe of the host, and ends when
//! the host does, however that happens.
//!
//! `unshare` of util-linux creates them. As root, a thread of the host enters them while it starts a program. A host
//! that is not root creates a user namespace with them, in which the user stays the same and set-user-ID programs have
//! no effect; a thread of a multithreaded process may not enter that, so `nsenter` does.
//!
//! Sources: `pid_namespaces(7)`, `user_namespaces(7)`, `unshare(1)`, `nsenter(1)`.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::CWD;
use rustix::mount::{MoveMountFlags, OpenTreeFlags, UnmountFlags, move_mount, open_tree, unmount};
use rustix::process::{
    Pid, PidfdFlags, RawPid, Signal, geteuid, kill_process, kill_process_group, pidfd_open,
    pidfd_send_signal,
};
#[expect(deprecated, reason = "see `enter`")]
use rustix::thread::unshare;
use rustix::thread::{LinkNameSpaceType, UnshareFlags, move_into_link_name_space};

use super::leftovers::kill_until_gone;
use super::search::find_program;
use super::settings::LocalSettings;

/// The first process: reports that it runs, and waits until it is killed or the host is gone. Orphaned processes become
/// its children; as it ignores their ends, the kernel removes them.
const FIRST_PROCESS: &str = "trap '' CHLD; echo; exec >&-; read -r _";
/// The mount point of the process file system.
const PROC: &str = "/proc";
/// Maximum number of file systems mounted there, one over the other; commonly there are two.
const MAX_MOUNTS: usize = 16;
/// What must work in a namespace.
const CHECK: &str = "test \"$PPID\" = 0 && test -d /proc/self";

/// How namespaces are created on this machine.
#[derive(Debug, Clone)]
pub(super) struct Namespaces {
    unshare: PathBuf,
    /// None where threads of this process can enter by themselves.
    enter: Option<Enter>,
    /// Whether a namespace could be entered; tried once.
    is_usable: Arc<OnceLock<bool>>,
}

/// The programs that enter a namespace.
#[derive(Debug, Clone)]
struct Enter {
    nsenter: PathBuf,
    setsid: PathBuf,
}

impl Namespaces {
    /// Finds the programs on this machine; none where one is missing. Whether they may be used shows when they are.
    pub(super) fn find() -> Option<Self> {
        // Not by a variable of the environment: these programs are not chosen by the user.
        let find = |name| find_program(name, LocalSettings::DEFAULT_SEARCH_PATH).ok();
        let enter = if geteuid().is_root() {
            None
        } else {
            Some(Enter {
                nsenter: find("nsenter")?,
                setsid: find("setsid")?,
            })
        };
        Some(Self {
            unshare: find("unshare")?,
            enter,
            is_usable: Arc::default(),
        })
    }

    /// Starts to create a namespace; none where the system allows no user to create any.
    ///
    /// # Errors
    ///
    /// It could not be created, although one was before.
    pub(super) fn begin(&self) -> io::Result<Option<StartingNamespace>> {
        if self.is_usable.get() == Some(&false) {
            return Ok(None);
        }
        let mut command = Command::new(&self.unshare);
        if self.enter.is_some() {
            command.args(["--user", "--map-current-user"]);
        }
        // Mounts and unmounts outside take effect inside as well.
        command
            .args(["--pid", "--mount", "--propagation", "slave", "--mount-proc"])
            .args(["--fork", "--kill-child", "/bin/sh", "-c", FIRST_PROCESS])
            .current_dir("/")
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            // Signals of a terminal are only for the host.
            .process_group(0);
        let keeper = command.spawn().map(Keeper);
        self.unless_unusable(keeper.map(|keeper| StartingNamespace {
            is_entered_by_threads: self.enter.is_none(),
            keeper,
        }))
    }

    /// Waits until it exists; none where the system refuses it, or refuses to enter it.
    ///
    /// # Errors
    ///
    /// The same as those of [`begin`](Self::begin).
    pub(super) fn finish(
        &self,
        starting: StartingNamespace,
        directory: &Path,
    ) -> io::Result<Option<Namespace>> {
        self.unless_unusable(starting.finish().and_then(|namespace| {
            let Some(enter) = &self.enter else {
                return Ok(namespace);
            };
            let can_enter = || enter.can_enter(&namespace, directory);
            if *self.is_usable.get_or_init(can_enter) {
                Ok(namespace)
            } else {
                Err(io::Error::other("it cannot be entered"))
            }
        }))
    }

    /// Returns the words before a command that is run in a namespace, in that directory; there may be none.
    pub(super) fn words(&self, namespace: &Namespace, directory: &Path) -> Vec<OsString> {
        let enter = self.enter.as_ref();
        enter.map_or_else(Vec::new, |enter| enter.words(namespace, directory))
    }

    /// Starts a command that begins with [`words`](Self::words) in a namespace; none where this process cannot enter
    /// any.
    ///
    /// # Errors
    /// The same as those of [`begin`](Self::begin), and those of the start.
    /// The same as those of [`begin`](Self::begin), and those of the start.
    pub(super) fn spawn(
        &self,
        namespace: &Namespace,
        command: &mut Command,
    ) -> io::Result<Option<Child>> {
        if self.enter.is_some() {
            return command.spawn().map(Some);
        }
        let entered = namespace.open()?;
        thread::scope(|scope| {
            let spawning = thread::Builder::new()
                .name("spawn".to_owned())
                .spawn_scoped(scope, || match self.unless_unusable(enter(&entered))? {
                    Some(()) => {
                        let _known = self.is_usable.set(true);
                        command.spawn().map(Some)
                    }
                    None => Ok(None),
                })?;
            let spawned = spawning.join();
            spawned.unwrap_or_else(|_| Err(io::Error::other("the thread that starts it panicked")))
        })
    }

    /// Where it has worked before, a script without a namespace would see more than the previous one: that is an error.
    fn unless_unusable<T>(&self, made: io::Result<T>) -> io::Result<Option<T>> {
        match made {
            Ok(made) => Ok(Some(made)),
            Err(error) if self.is_usable.get() == Some(&true) => Err(error),
            Err(error) => {
                let _known = self.is_usable.set(false);
                tracing::info!(%error, "jobs have no namespaces of their own here");
                Ok(None)
            }
        }
    }
}

impl Enter {
    /// In a session of its own, so that no signal for it reaches the process that has entered and waits for it.
    fn words(&self, namespace: &Namespace, directory: &Path) -> Vec<OsString> {
        let mut working_directory = OsString::from("--wdns=");
        working_directory.push(directory);
        let mut words = vec![OsString::from(&self.nsenter)];
        words.extend(["--target", &namespace.target()].map(OsString::from));
        words.extend(["--user", "--preserve-credentials", "--pid", "--mount"].map(OsString::from));
        words.extend([working_directory, "--".into(), (&self.setsid).into()]);
        words
    }

    fn can_enter(&self, namespace: &Namespace, directory: &Path) -> bool {
        let words = self.words(namespace, directory);
        let status = Command::new(&self.nsenter)
            .args(words.iter().skip(1))
            .args(["/bin/sh", "-c", CHECK])
            .current_dir("/")
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .status();
        status.is_ok_and(|status| status.success())
    }
}

/// Enters a namespace: this thread its mounts, and the processes that it starts its PID namespace.
#[expect(
    deprecated,
    reason = "what is unsafe is to share no descriptors any more, which is not asked for"
)]
fn enter(entered: &[File; 2]) -> io::Result<()> {
    let [mounts, processes] = entered;
    // Otherwise the root and the working directory are those of all threads.
    unshare(UnshareFlags::FS)?;
    move_into_link_name_space(mounts.as_fd(), Some(LinkNameSpaceType::Mount))?;
    remove_covered_proc()?;
    move_into_link_name_space(processes.as_fd(), Some(LinkNameSpaceType::ProcessID))?;
    Ok(())
}

/// Unmounts the machine's `/proc` below that of the namespace, which root could unmount.
fn remove_covered_proc() -> io::Result<()> {
    let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
    let own = open_tree(CWD, PROC, flags)?;
    for _ in 0..MAX_MOUNTS {
        // It fails where nothing is mounted there any more.
        if unmount(PROC, UnmountFlags::DETACH).is_err() {
            break;
        }
    }
    let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH;
    move_mount(&own, "", CWD, PROC, flags)?;
    Ok(())
}

/// A namespace that may not exist yet.
#[derive(Debug)]
pub(super) struct StartingNamespace {
    is_entered_by_threads: bool,
    keeper: Keeper,
}

impl StartingNamespace {
    fn finish(mut self) -> io::Result<Namespace> {
        let mut output = self.keeper.0.stdout.take();
        let output = output.as_mut().ok_or(io::ErrorKind::BrokenPipe)?;
        // No byte arrives where the program was refused something.
        output.read_exact(&mut [0])?;
        let first = only_child(Pid::from_child(&self.keeper.0))?;
        Ok(Namespace {
            // Its PID cannot be reused yet: its parent waits for this process.
            first: pidfd_open(first, PidfdFlags::empty())?,
            first_pid: first,
            has_main_process: self.is_entered_by_threads,
            keeper: self.keeper,
        })
    }
}

/// A namespace; its processes are killed when it is dropped.
#[derive(Debug)]
pub(super) struct Namespace {
    first: OwnedFd,
    first_pid: Pid,
    has_main_process: bool,
    keeper: Keeper,
}

impl Namespace {
    /// Opens its mounts and its processes.
    fn open(&self) -> io::Result<[File; 2]> {
        let open = |name| File::open(format!("/proc/{}/ns/{name}", self.target()));
        Ok([open("mnt")?, open("pid")?])
    }

    /// Returns the first process, through which the namespace is entered.
    fn target(&self) -> String {
        self.first_pid.as_raw_nonzero().to_string()
    }

    /// Whether the main process is in it, and not a process outside that waits for the program.
    pub(super) fn has_main_process(&self) -> bool {
        self.has_main_process
    }

    /// Sends SIGTERM to the program and its process group.
    pub(super) fn terminate(&self, main_process: Pid) {
        if self.has_main_process {
            let _ = kill_process_group(main_process, Signal::TERM);
        } else {
            terminate_child(main_process);
        }
    }

    /// Kills all processes in it, and returns whether there were any.
    pub(super) fn kill(&mut self) -> bool {
        // Its parent reaps it when the kernel has removed everything else, and not before.
        if self.keeper.has_ended() {
            return false;
        }
        let _ = pidfd_send_signal(&self.first, Signal::KILL);
        true
    }

    /// Whether it is gone within `patience`; returns as soon as it is.
    pub(super) fn is_gone_within(&mut self, patience: Duration) -> bool {
        self.keeper.ends_within(patience)
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        if !kill_until_gone(|| self.kill()) {
            tracing::warn!("processes of a job do not end although they were killed");
        }
    }
}

/// The parent of the first process; each ends with the other.
#[derive(Debug)]
struct Keeper(Child);

impl Keeper {
    fn has_ended(&mut self) -> bool {
        matches!(self.0.try_wait(), Ok(Some(_)) | Err(_))
    }

    fn ends_within(&mut self, patience: Duration) -> bool {
        let waited = pidfd_open(Pid::from_child(&self.0), PidfdFlags::empty());
        if let (Ok(pidfd), Ok(patience)) = (waited, Timespec::try_from(patience)) {
            let mut events = [PollFd::new(&pidfd, PollFlags::IN)];
            // Whatever the result, whether it has ended is checked again.
            let _ = poll(&mut events, Some(&patience));
        }
        self.has_ended()
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        if !self.has_ended() {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }
}

/// Sends SIGTERM to the program in a namespace: to the process group of the program that was started by `entered`,
/// which waits for it.
fn terminate_child(entered: Pid) {
    let Ok(program) = only_child(entered) else {
        return;
    };
    // It has no group of its own yet when it has just been started.
    if kill_process_group(program, Signal::TERM).is_err() {
        let _ = kill_process(program, Signal::TERM);
    }
}

/// Returns the child of a process that has one thread and one child.
fn only_child(parent: Pid) -> io::Result<Pid> {
    let parent = parent.as_raw_nonzero();
    let children = fs::read_to_string(format!("/proc/{parent}/task/{parent}/children"))?;
    let child = children.split_whitespace().next();
    let child = child.and_then(|child| child.parse::<RawPid>().ok());
    child
        .and_then(Pid::from_raw)
        .ok_or_else(|| io::Error::other("it has no child"))
}
