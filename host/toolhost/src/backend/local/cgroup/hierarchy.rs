use std::fs;
use std::path::{Path, PathBuf};

use rustix::fs::getxattr;

/// Parents of the groups of attempts, for each available controller.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in super::super) struct Hierarchy {
    pub(super) memory: Option<Parent>,
    pub(super) pids: Option<Parent>,
    pub(super) cpu: Option<Parent>,
}

/// A group below which groups are created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Parent {
    pub(super) version: Version,
    pub(super) directory: PathBuf,
}

/// The version of the interface, which determines the names of files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    One,
    Two,
}

impl Hierarchy {
    /// Finds the groups of this process. Whether it may create groups there shows when it does.
    pub(in super::super) fn find() -> Self {
        let read = |path| fs::read_to_string(path).unwrap_or_default();
        let memberships = read("/proc/self/cgroup");
        let mounts = read("/proc/self/mountinfo");
        let second = own_group(&memberships, &mounts, None).and_then(|own| delegated_group(&own));
        let find = |controller| {
            if let Some(directory) = own_group(&memberships, &mounts, Some(controller)) {
                let version = Version::One;
                return Some(Parent { version, directory });
            }
            let directory = second.as_deref()?;
            lists(directory, "cgroup.subtree_control", controller).then(|| Parent {
                version: Version::Two,
                directory: directory.to_owned(),
            })
        };
        Self {
            memory: find("memory"),
            pids: find("pids"),
            cpu: find("cpu"),
        }
    }
}

#[cfg(test)]
impl Hierarchy {
    pub(in super::super) fn directories(&self) -> impl Iterator<Item = &Path> {
        let parents = [&self.memory, &self.pids, &self.cpu].into_iter().flatten();
        parents.map(|parent| parent.directory.as_path())
    }

    /// Whether a group that limits processes could be created.
    pub(in super::super) fn limits_processes(&self) -> bool {
        self.pids.as_ref().is_some_and(Parent::is_writable)
    }

    /// Whether a group of version 1 that limits memory could be created.
    pub(in super::super) fn is_first_version_for_memory(&self) -> bool {
        self.memory
            .as_ref()
            .is_some_and(|parent| parent.version == Version::One && parent.is_writable())
    }
}

#[cfg(test)]
impl Parent {
    fn is_writable(&self) -> bool {
        rustix::fs::access(&self.directory, rustix::fs::Access::WRITE_OK).is_ok()
    }
}

/// Returns the directory of this process's group: for a controller of version 1, or of version 2.
///
/// `memberships` has lines `ID:CONTROLLER,…:PATH`, where version 2 has no controller. `mounts` has
/// lines `ID PARENT DEVICE ROOT MOUNT-POINT OPTIONS … - TYPE SOURCE SUPER-OPTIONS`.
fn own_group(memberships: &str, mounts: &str, controller: Option<&str>) -> Option<PathBuf> {
    let path = memberships.lines().find_map(|line| {
        let (controllers, path) = line.split_once(':')?.1.split_once(':')?;
        let matches = match controller {
            Some(controller) => controllers.split(',').any(|name| name == controller),
            None => controllers.is_empty(),
        };
        matches.then_some(path)
    })?;
    let (root, mount_point) = mounts.lines().find_map(|line| {
        let (mount, filesystem) = line.split_once(" - ")?;
        let mut mount = mount.split(' ').skip(3);
        let mut filesystem = filesystem.split(' ');
        let kind = filesystem.next()?;
        let options = filesystem.nth(1)?;
        let matches = match controller {
            Some(controller) => {
                kind == "cgroup" && options.split(',').any(|name| name == controller)
            }
            None => kind == "cgroup2",
        };
        matches.then_some((mount.next()?, mount.next()?))
    })?;
    // In a container the mount may show a part of the hierarchy, while the path is from its top.
    let below = Path::new(path).strip_prefix(root).ok()?;
    Some(Path::new(mount_point).join(below))
}

/// Returns the group of version 2 below which this process may create groups with limits.
fn delegated_group(own: &Path) -> Option<PathBuf> {
    let gives = |group: &Path| {
        ["memory", "pids"]
            .iter()
            .all(|controller| lists(group, "cgroup.subtree_control", controller))
    };
    if gives(own) || (enable_controllers(own) && gives(own)) {
        return Some(own.to_owned());
    }
    let parent = own.parent()?;
    (is_delegated(parent) && gives(parent)).then(|| parent.to_owned())
}

/// Works only at the root, and is refused without an effect elsewhere.
fn enable_controllers(group: &Path) -> bool {
    let wanted: Vec<String> = ["memory", "pids", "cpu"]
        .into_iter()
        .filter(|controller| lists(group, "cgroup.controllers", controller))
        .map(|controller| format!("+{controller}"))
        .collect();
    fs::write(group.join("cgroup.subtree_control"), wanted.join(" ")).is_ok()
}

/// Whether systemd delegated the group to its processes.
fn is_delegated(group: &Path) -> bool {
    ["user.delegate", "trusted.delegate"].iter().any(|name| {
        let mut value = [0_u8; 1];
        getxattr(group, *name, &mut value[..]).is_ok_and(|length| length == 1) && value == *b"1"
    })
}

fn lists(group: &Path, file: &str, controller: &str) -> bool {
    fs::read_to_string(group.join(file))
        .is_ok_and(|names| names.split_whitespace().any(|name| name == controller))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS_1: &str = "\
31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct
35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
";
    const MEMBERSHIPS_1: &str = "5:memory:/user/a:b\n4:cpu,cpuacct:/\n0::/leaf\n";

    fn check(memberships: &str, mounts: &str, controller: Option<&str>, expected: Option<&str>) {
        let found = own_group(memberships, mounts, controller);
        assert_eq!(found.as_deref(), expected.map(Path::new), "{controller:?}");
    }

    #[test]
    fn the_group_of_each_controller_is_found() {
        for (controller, expected) in [
            (Some("memory"), Some("/sys/fs/cgroup/memory/user/a:b")),
            (Some("cpu"), Some("/sys/fs/cgroup/cpu,cpuacct")),
            (Some("pids"), None),
            (None, Some("/sys/fs/cgroup/unified/leaf")),
        ] {
            check(MEMBERSHIPS_1, MOUNTS_1, controller, expected);
        }
    }

    #[test]
    fn the_root_of_a_mount_is_taken_into_account() {
        let mounts = "35 31 0:32 /docker/1 /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n";
        let group = Some("/sys/fs/cgroup/memory/job");
        check("5:memory:/docker/1/job\n", mounts, Some("memory"), group);
        check("5:memory:/docker/2\n", mounts, Some("memory"), None);
    }

    #[test]
    fn malformed_files_have_no_group() {
        for text in ["", "\n", "::", "a - b", "0::/\n"] {
            check(text, text, None, None);
            check(text, text, Some("memory"), None);
        }
    }

    #[test]
    fn a_group_of_version_2_with_delegated_controllers_is_used() {
        let directory = tempfile::tempdir().unwrap();
        let own = directory.path();
        let controllers = |file: &str, names| fs::write(own.join(file), names).unwrap();
        controllers("cgroup.controllers", "cpu io memory pids\n");
        controllers("cgroup.subtree_control", "memory pids\n");
        assert_eq!(delegated_group(own).as_deref(), Some(own));
        assert!(!lists(own, "cgroup.subtree_control", "cpu"));
    }

    #[test]
    fn a_parent_that_was_not_delegated_is_not_used() {
        let parent = tempfile::tempdir().unwrap();
        let own = parent.path().join("own");
        fs::create_dir(&own).unwrap();
        fs::write(parent.path().join("cgroup.subtree_control"), "memory pids").unwrap();
        assert_eq!(delegated_group(&own), None);
    }
}
