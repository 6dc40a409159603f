use std::fmt::Display;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::process::{Pid, RawPid, Signal, kill_process};

use super::super::limits::Limits;
use super::hierarchy::{Hierarchy, Parent, Version};

/// What the names of all groups begin with.
const NAME_PREFIX: &str = "toolhost-";
/// The period in which a group may use its share of processor time: the kernel's and Kubernetes' default.
const CPU_PERIOD_MICROSECONDS: u64 = 100_000;
/// The least share that the kernel takes for a period.
const MIN_CPU_QUOTA_MICROSECONDS: u64 = 1_000;
/// How long a group may stay busy after its last process ended.
const REMOVE_WAIT: Duration = Duration::from_secs(1);
/// The most groups of one attempt that are looked through. It needs none; what makes more is up to no good.
const MAX_GROUPS: usize = 1_000;
const REMOVE_PAUSE: Duration = Duration::from_millis(2);

/// The groups of one attempt; removed when it is dropped.
///
/// What could not be made is not there, and the limits that it would have enforced are not enforced.
#[derive(Debug, Default)]
pub(in super::super) struct Group {
    memory: Option<Parent>,
    pids: Option<Parent>,
    cpu: Option<Parent>,
}

impl Group {
    /// Makes the groups of an attempt and sets the limits.
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
        // Without a limit, memory is of use only to find processes again.
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

    /// The groups of the job that exist, one for each controller, whoever made them.
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

    /// Moves a process that has no children into it. What it cannot be moved into is not there any more.
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

    /// Whether any was made.
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

    /// Sends SIGKILL to everything in it, and says whether there was anything.
    ///
    /// Nothing in it can start a process any more.
    pub(in super::super) fn kill(&self) -> bool {
        for group in self.parents() {
            // Otherwise a program that forks fast enough could outrun the loop. Where the kernel knows
            // `cgroup.kill` (5.14) that does the same at once; neither has to be there.
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

    /// How many processes the kernel ended for want of memory.
    pub(in super::super) fn oom_kills(&self) -> u64 {
        self.memory.as_ref().map_or(0, |group| {
            let file = match group.version {
                Version::One => "memory.oom_control",
                Version::Two => "memory.events",
            };
            counter(&group.directory.join(file), "oom_kill")
        })
    }

    /// How many processes were not started because there were too many.
    pub(in super::super) fn refused_processes(&self) -> u64 {
        let file = |group: &Parent| group.directory.join("pids.events");
        self.pids
            .as_ref()
            .map_or(0, |group| counter(&file(group), "max"))
    }

    /// Each group; in version 2 they are one and the same.
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
            // The kernel lets go of processes some time after they ended.
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

/// Makes a group and sets it up; none where that is not possible.
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
        // In version 2 another controller's turn came first.
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
            // Memory and swap together; the file is there only where swap is accounted for.
            drop(write(group, "memory.memsw.limit_in_bytes", bytes));
        }
        Version::Two => {
            write(group, "memory.max", bytes)?;
            drop(write(group, "memory.swap.max", 0));
            // All of it ends at once, as in a pod, and not some child whose end nobody notices.
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

/// The group and those that a script has made below it, which only root can: the lowest first.
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
        // 0 stands for a process that this one cannot see.
        .filter(|pid| *pid > 0)
        .filter_map(Pid::from_raw)
        .collect()
}

/// The number behind that name in a file of lines `NAME NUMBER`.
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

    /// A folder takes the files that the kernel would offer in a group.
    #[test]
    fn writes_the_files_of_version_2_into_one_group() {
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
    fn writes_the_files_of_version_1_into_a_group_for_each_controller() {
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
    fn has_the_groups_that_a_script_made_below_it() {
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
    fn is_not_there_where_no_group_can_be_made() {
        let nowhere = Path::new("/proc/no-such-folder");
        let group = Group::create(&hierarchy(Version::One, [nowhere; 3]), "job", 1, &limits());
        assert!(!group.is_there() && !group.limits_memory());
        assert_eq!(group.oom_kills(), 0);
    }
}
