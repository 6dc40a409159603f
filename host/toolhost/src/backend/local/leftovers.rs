//! Finds and ends processes, including those in no known control group.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, RawPid, Signal, geteuid, getpid, kill_process};

/// The environment variable that identifies the processes of a job.
pub(super) const JOB_ID_VARIABLE: &str = "NOETL_JOB_ID";

/// How long the kernel may take to end killed processes. A process that waits for hardware does not end.
const KILL_WAIT: Duration = Duration::from_secs(5);
/// The first delay between two searches for remaining processes: short, since most end immediately.
const FIRST_PAUSE: Duration = Duration::from_micros(250);
const LONGEST_PAUSE: Duration = Duration::from_millis(20);

/// Kills repeatedly until no process is found, and returns whether that succeeded.
///
/// `kill_once` kills the processes that it finds, and returns whether it found any.
pub(super) fn kill_until_gone(mut kill_once: impl FnMut() -> bool) -> bool {
    let give_up = Instant::now() + KILL_WAIT;
    let mut pause = FIRST_PAUSE;
    while kill_once() {
        if Instant::now() > give_up {
            return false;
        }
        thread::sleep(pause);
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
    true
}

/// What identifies the processes of a job, wherever they are.
#[derive(Debug)]
pub(super) struct Mark {
    /// `NAME=value` in their environment, which is inherited.
    entry: Vec<u8>,
    /// Their working directory, unless they changed it.
    directory: PathBuf,
}

impl Mark {
    pub(super) fn new(job_id: &str, directory: &Path) -> Self {
        Self {
            entry: format!("{JOB_ID_VARIABLE}={job_id}").into_bytes(),
            directory: directory.to_owned(),
        }
    }

    /// Kills the processes that have it, and returns whether there were any. Zombies have no environment, and are not
    /// among them.
    pub(super) fn kill(&self) -> bool {
        let own = getpid();
        let mut found = false;
        let others = all_processes().filter(|(pid, _)| *pid != own);
        for (pid, _) in others.filter(|(_, path)| self.is_borne_by(path)) {
            found = true;
            // It may have ended meanwhile.
            let _ = kill_process(pid, Signal::KILL);
        }
        found
    }

    fn is_borne_by(&self, process: &Path) -> bool {
        let bears_entry = fs::read(process.join("environ")).is_ok_and(|environment| {
            environment
                .split(|byte| *byte == 0)
                .any(|entry| entry == self.entry)
        });
        bears_entry
            || fs::read_link(process.join("cwd"))
                .is_ok_and(|directory| directory.starts_with(&self.directory))
    }
}

/// Returns the number of processes and threads of this user.
pub(super) fn count_tasks_of_user() -> u64 {
    let user = geteuid().as_raw();
    all_processes()
        .filter(|(_, path)| fs::metadata(path).is_ok_and(|metadata| metadata.uid() == user))
        .filter_map(|(_, path)| fs::read_to_string(path.join("status")).ok())
        .filter_map(|status| {
            let threads = status
                .lines()
                .find_map(|line| line.strip_prefix("Threads:"))?;
            threads.trim().parse::<u64>().ok()
        })
        .sum()
}

/// Iterates over every visible process, and its directory in `/proc`.
fn all_processes() -> impl Iterator<Item = (Pid, PathBuf)> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| {
        let pid: RawPid = entry.file_name().to_str()?.parse().ok()?;
        Some((Pid::from_raw(pid)?, entry.path()))
    })
}
