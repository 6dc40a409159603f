//! Finds processes where there is no control group that knows them.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::process::{Pid, RawPid, geteuid};

/// What the processes of an attempt have in common, wherever they went.
#[derive(Debug)]
pub(super) struct Mark {
    /// `NAME=value` in their environment, which they inherit.
    entry: Vec<u8>,
    /// The directory that they work in, if they did not leave it.
    directory: PathBuf,
}

impl Mark {
    pub(super) fn new(variable: &str, value: &str, directory: &Path) -> Self {
        Self {
            entry: format!("{variable}={value}").into_bytes(),
            directory: directory.to_owned(),
        }
    }

    /// The processes that bear it. Those that ended and were not waited for have no environment, and are
    /// not among them.
    pub(super) fn processes(&self) -> Vec<Pid> {
        let own = rustix::process::getpid();
        all_processes()
            .filter(|(pid, path)| *pid != own && self.is_borne_by(path))
            .map(|(pid, _)| pid)
            .collect()
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
