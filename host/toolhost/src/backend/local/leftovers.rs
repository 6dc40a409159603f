//! Finds and ends processes, also where there is no control group that knows them.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, RawPid, Signal, geteuid, getpid, kill_process};

/// Says in the environment whose process it is.
pub(super) const JOB_ID_VARIABLE: &str = "NOETL_JOB_ID";

/// How long the kernel may take to end what was killed. A process that waits for hardware does not end.
const KILL_WAIT: Duration = Duration::from_secs(5);
/// The pauses between two looks at what is left: short, for most things end at once.
const FIRST_PAUSE: Duration = Duration::from_micros(250);
const LONGEST_PAUSE: Duration = Duration::from_millis(20);

/// Kills again and again until nothing is found any more, and says whether it came to that.
///
/// `kill_once` kills what it finds, and says whether it found anything.
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

/// What the processes of a job have in common, wherever they went.
#[derive(Debug)]
pub(super) struct Mark {
    /// `NAME=value` in their environment, which they inherit.
    entry: Vec<u8>,
    /// The directory that they work in, if they did not leave it.
    directory: PathBuf,
}

impl Mark {
    pub(super) fn new(job_id: &str, directory: &Path) -> Self {
        Self {
            entry: format!("{JOB_ID_VARIABLE}={job_id}").into_bytes(),
            directory: directory.to_owned(),
        }
    }

    /// Kills the processes that bear it, and says whether there were any. Those that ended and were not
    /// waited for have no environment, and are not among them.
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

/// How many processes and threads this user has.
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

/// Every process that is visible, and its directory in `/proc`.
fn all_processes() -> impl Iterator<Item = (Pid, PathBuf)> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| {
        let pid: RawPid = entry.file_name().to_str()?.parse().ok()?;
        Some((Pid::from_raw(pid)?, entry.path()))
    })
}
