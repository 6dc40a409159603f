use std::fmt::Display;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::process::{Pid, RawPid, Signal, kill_process};

use super::super::limits::Limits;
use super::hierarchy::{Hierarchy, Parent, Version};

/// Prefix of the names of all groups.
const NAME_PREFIX: &str = "toolhost-";
/// The period in which a group may use its share of processor time: the default of the kernel and of Kubernetes.
const CPU_PERIOD_MICROSECONDS: u64 = 100_000;
/// The minimum share that the kernel accepts for a period.
const MIN_CPU_QUOTA_MICROSECONDS: u64 = 1_000;
/// How long a group may stay busy after its last process ended.
const REMOVE_WAIT: Duration = Duration::from_secs(1);
/// Maximum number of groups of one attempt that are searched. It needs none; a script that creates more is malicious.
const MAX_GROUPS: usize = 1_000;
const REMOVE_PAUSE: Duration = Duration::from_millis(2);

/// The groups of one attempt; removed when it is dropped.
///
/// A group that could not be created is missing, and its limits are not enforced.
#[derive(Debug, Default)]
pub(in super::super) struct Group {
    memory: Option<Parent>,
    pids: Option<Parent>,
    cpu: Option<Parent>,
}

impl Group {
    /// Creates the groups of an attempt and sets the limits.
    pub(in super::super) fn create(
        hierarchy: &Hierarchy,
        job_id: &str,
        attempt: u32,
        limits: &Limits,
    ) -> Self {
        let name = format!("{NAME_PREFIX}{job_id}-{attempt}");
        let name = name.as_str();
        let mut group = Self::default();
        group.pids = make(hierarchy.pids.as_ref(), name, |group| {
            write(group, "pids.max", limits.processes)
        });
        // Without a limit, the memory controller serves only to find processes again.
        if limits.memory.is_some() || group.pids.is_none() {
            group.memory = make(hierarchy.memory.as_ref(), name, |group| {
                match &limits.memory {
                    Some(limit) => limit_memory(group, limit.bytes),
                    None => Ok(()),
                }
            });
        }
        if let Some(thousandths) = limits.cpu_thousandths {
            group.cpu = make(hierarchy.cpu.as_ref(), name, |group| {
                limit_cpu(group, thousandths)
            });
        }
        group
    }

    /// Returns the existing groups of the job, one for each controller, whichever host created them.
    pub(in super::super) fn find(hierarchy: &Hierarchy, job_id: &str) -> Vec<Self> {
        let prefix = format!("{NAME_PREFIX}{job_id}-");
        let parents = [&hierarchy.pids, &hierarchy.memory, &hierarchy.cpu];
        let mut found: Vec<Self> = Vec::new();
        for parent in parents.into_iter().flatten() {
            let entries = fs::read_dir(&parent.directory)
                .into_iter()
                .flatten()
                .flatten();
            let names = entries.map(|entry| entry.file_name());
            found.extend(
                names
                    .filter(|name| name.to_string_lossy().starts_with(&prefix))
                    .map(|name| Self {
                        pids: Some(Parent {
                            version: parent.version,
                            directory: parent.directory.join(name),
                        }),
                        memory: None,
                        cpu: None,
                    }),
            );
        }
        found
    }

    /// Moves a process without children into the group. Groups that refuse it are dropped.
    pub(in super::super) fn add(&mut self, pid: Pid) {
        let pid = pid.as_raw_nonzero();
        for slot in [&mut self.pids, &mut self.memory, &mut self.cpu] {
            slot.take_if(|group| {
                let added = write(group, "cgroup.procs", pid);
                if let Err(error) = &added {
                    refused(group, error);
                }
                added.is_err()
            });
        }
    }

    /// Whether any was created.
    #[cfg(test)]
    pub(in super::super) fn is_there(&self) -> bool {
        self.directories().next().is_some()
    }

    pub(in super::super) fn limits_memory(&self) -> bool {
        self.memory.is_some()
    }

    pub(in super::super) fn limits_processes(&self) -> bool {
        self.pids.is_some()
    }

    pub(in super::super) fn limits_cpu(&self) -> bool {
        self.cpu.is_some()
    }

    /// Sends SIGKILL to all processes in it, and returns whether there were any.
    ///
    /// From then on, its processes cannot start others.
    pub(in super::super) fn kill(&self) -> bool {
        for group in self.parents() {
            // Otherwise a program that forks fast enough could outrun the loop. A kernel with `cgroup.kill` (5.14) does
            // all of this atomically; both files are optional.
            drop(write(group, "pids.max", 0));
            if group.version == Version::Two {
                drop(write(group, "cgroup.kill", 1));
            }
        }
        let mut found = false;
        let groups = self.directories().flat_map(with_groups_below);
        for pid in groups.flat_map(|group| processes(&group)) {
            found = true;
            // It may have ended meanwhile.
            let _ = kill_process(pid, Signal::KILL);
        }
        found
    }

    /// Returns the number of processes that the kernel killed for lack of memory.
    pub(in super::super) fn oom_kills(&self) -> u64 {
        self.memory.as_ref().map_or(0, |group| {
            let file = match group.version {
                Version::One => "memory.oom_control",
                Version::Two => "memory.events",
            };
            counter(&group.directory.join(file), "oom_kill")
        })
    }

    /// Returns the number of processes that were not started because of the limit.
    pub(in super::super) fn refused_processes(&self) -> u64 {
        let file = |group: &Parent| group.directory.join("pids.events");
        self.pids
            .as_ref()
            .map_or(0, |group| counter(&file(group), "max"))
    }

    /// Iterates over the groups; in version 2 they are the same one.
    fn parents(&self) -> impl Iterator<Item = &Parent> {
        [&self.pids, &self.memory, &self.cpu].into_iter().flatten()
    }

    fn directories(&self) -> impl Iterator<Item = &Path> {
        let mut seen: Vec<&Path> = Vec::new();
        self.parents().filter_map(move |group| {
            let directory = group.directory.as_path();
            let is_new = !seen.contains(&directory);
            seen.push(directory);
            is_new.then_some(directory)
        })
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let give_up = Instant::now() + REMOVE_WAIT;
        let directories: Vec<PathBuf> = self.directories().flat_map(with_groups_below).collect();
        for directory in directories {
            // The kernel releases processes some time after they ended.
            while let Err(error) = fs::remove_dir(&directory) {
                if error.kind() == io::ErrorKind::NotFound {
                    break;
                }
                if Instant::now() > give_up {
                    let path = directory.display();
                    tracing::warn!(%path, %error, "a control group could not be removed");
                    break;
                }
                std::thread::sleep(REMOVE_PAUSE);
            }
        }
    }
}

/// Creates a group and sets it up; none where that is not possible.
fn make(
    parent: Option<&Parent>,
    name: &str,
    set_up: impl FnOnce(&Parent) -> io::Result<()>,
) -> Option<Parent> {
    let parent = parent?;
    let group = Parent {
        version: parent.version,
        directory: parent.directory.join(name),
    };
    let made = match fs::create_dir(&group.directory) {
        // In version 2 another controller has created it already.
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    };
    match made.and_then(|()| set_up(&group)) {
        Ok(()) => Some(group),
        Err(error) => {
            refused(&group, &error);
            None
        }
    }
}

fn refused(group: &Parent, error: &io::Error) {
    let path = group.directory.display();
    tracing::debug!(%path, %error, "a limit is not enforced by a control group");
    // Where it has processes, or is another controller's as well, it stays.
    drop(fs::remove_dir(&group.directory));
}

fn limit_memory(group: &Parent, bytes: u64) -> io::Result<()> {
    match group.version {
        Version::One => {
            write(group, "memory.limit_in_bytes", bytes)?;
            // Memory and swap together; the file exists only where swap is accounted for.
            drop(write(group, "memory.memsw.limit_in_bytes", bytes));
        }
        Version::Two => {
            write(group, "memory.max", bytes)?;
            drop(write(group, "memory.swap.max", 0));
            // The whole group is killed together, as in a pod, and not some child whose end is not noticed.
            drop(write(group, "memory.oom.group", 1));
        }
    }
    Ok(())
}

fn limit_cpu(group: &Parent, thousandths: u64) -> io::Result<()> {
    let quota = (thousandths.saturating_mul(CPU_PERIOD_MICROSECONDS) / 1_000)
        .max(MIN_CPU_QUOTA_MICROSECONDS);
    match group.version {
        Version::One => {
            write(group, "cpu.cfs_period_us", CPU_PERIOD_MICROSECONDS)?;
            write(group, "cpu.cfs_quota_us", quota)
        }
        Version::Two => write(
            group,
            "cpu.max",
            format!("{quota} {CPU_PERIOD_MICROSECONDS}"),
        ),
    }
}

fn write(group: &Parent, file: &str, value: impl Display) -> io::Result<()> {
    fs::write(group.directory.join(file), value.to_string())
}

/// Returns the group and those that a script has created below it, which only root can: the lowest first.
fn with_groups_below(directory: &Path) -> Vec<PathBuf> {
    let mut groups = vec![directory.to_owned()];
    let mut next = 0;
    while let Some(group) = groups.get(next).filter(|_| groups.len() < MAX_GROUPS) {
        let entries = fs::read_dir(group).into_iter().flatten().flatten();
        let folders = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
        let below: Vec<PathBuf> = folders.map(|folder| folder.path()).collect();
        groups.extend(below);
        next += 1;
    }
    groups.reverse();
    groups
}

fn processes(directory: &Path) -> Vec<Pid> {
    let listed = fs::read_to_string(directory.join("cgroup.procs")).unwrap_or_default();
    listed
        .lines()
        .filter_map(|line| line.parse::<RawPid>().ok())
        // 0 stands for a process that is not visible to this one.
        .filter(|pid| *pid > 0)
        .filter_map(Pid::from_raw)
        .collect()
}

/// Returns the number after that name in a file of lines `NAME NUMBER`.
fn counter(file: &Path, name: &str) -> u64 {
    let content = fs::read_to_string(file).unwrap_or_default();
    let mut pairs = content.lines().filter_map(|line| line.split_once(' '));
    pairs
        .find(|(known, _)| *known == name)
        .and_then(|(_, number)| number.trim().parse().ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::super::super::limits::MemoryLimit;
    use super::*;

    fn limits() -> Limits {
        Limits {
            memory: Some(MemoryLimit {
                bytes: 1 << 20,
                text: "1Mi".to_owned(),
            }),
            cpu_thousandths: Some(1_500),
            processes: 7,
        }
    }

    fn hierarchy(version: Version, directories: [&Path; 3]) -> Hierarchy {
        let [memory, pids, cpu] = directories.map(|directory| {
            Some(Parent {
                version,
                directory: directory.to_owned(),
            })
        });
        Hierarchy { memory, pids, cpu }
    }

    fn content(directory: &Path, file: &str) -> String {
        fs::read_to_string(directory.join(file)).unwrap()
    }

    /// A folder accepts the files that the kernel would offer in a group.
    #[test]
    fn the_files_of_version_2_are_written_to_one_group() {
        let parent = tempfile::tempdir().unwrap();
        let hierarchy = hierarchy(Version::Two, [parent.path(); 3]);
        let group = Group::create(&hierarchy, "job", 1, &limits());
        let directory = parent.path().join("toolhost-job-1");
        assert_eq!(content(&directory, "memory.max"), "1048576");
        assert_eq!(content(&directory, "memory.swap.max"), "0");
        assert_eq!(content(&directory, "memory.oom.group"), "1");
        assert_eq!(content(&directory, "pids.max"), "7");
        assert_eq!(content(&directory, "cpu.max"), "150000 100000");
        assert_eq!(group.directories().count(), 1);

        fs::write(directory.join("memory.events"), "oom 3\noom_kill 2\n").unwrap();
        fs::write(directory.join("pids.events"), "max 4\n").unwrap();
        assert_eq!((group.oom_kills(), group.refused_processes()), (2, 4));
        assert!(!group.kill());
        assert_eq!(content(&directory, "cgroup.kill"), "1");
        fs::remove_dir_all(&directory).unwrap();
    }

    #[test]
    fn the_files_of_version_1_are_written_to_a_group_for_each_controller() {
        let parents = [(); 3].map(|()| tempfile::tempdir().unwrap());
        let [memory, pids, cpu] = parents.each_ref().map(tempfile::TempDir::path);
        let hierarchy = hierarchy(Version::One, [memory, pids, cpu]);
        let group = Group::create(&hierarchy, "job", 1, &limits());
        let memory = memory.join("toolhost-job-1");
        assert_eq!(content(&memory, "memory.limit_in_bytes"), "1048576");
        assert_eq!(content(&memory, "memory.memsw.limit_in_bytes"), "1048576");
        assert_eq!(content(&pids.join("toolhost-job-1"), "pids.max"), "7");
        assert_eq!(
            content(&cpu.join("toolhost-job-1"), "cpu.cfs_quota_us"),
            "150000"
        );
        assert_eq!(group.directories().count(), 3);

        let verdict = "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n";
        fs::write(memory.join("memory.oom_control"), verdict).unwrap();
        assert_eq!(group.oom_kills(), 1);
        for parent in &parents {
            fs::remove_dir_all(parent.path().join("toolhost-job-1")).unwrap();
        }
    }

    #[test]
    fn groups_that_a_script_created_below_are_found() {
        let parent = tempfile::tempdir().unwrap();
        let deep = parent.path().join("a/b");
        fs::create_dir_all(&deep).unwrap();
        fs::create_dir(parent.path().join("c")).unwrap();
        let groups = with_groups_below(parent.path());
        assert_eq!(groups.len(), 4);
        assert_eq!(groups.first(), Some(&deep));
        assert_eq!(groups.last().map(PathBuf::as_path), Some(parent.path()));
    }

    #[test]
    fn a_group_that_cannot_be_created_is_missing() {
        let nowhere = Path::new("/proc/no-such-folder");
        let group = Group::create(&hierarchy(Version::One, [nowhere; 3]), "job", 1, &limits());
        assert!(!group.is_there() && !group.limits_memory());
        assert_eq!(group.oom_kills(), 0);
    }
}
