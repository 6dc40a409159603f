use std::fs;
use std::path::Path;

use super::cgroup::{Group, Hierarchy};
use super::directory::JobDirectory;
use super::leftovers::{Mark, kill_until_gone};

/// Ends the jobs of hosts that were killed, and removes what they left in the work directory.
///
/// A host that ends in any other way leaves nothing.
pub(super) fn sweep(work_directory: &Path, hierarchy: &Hierarchy) {
    let entries = fs::read_dir(work_directory).into_iter().flatten().flatten();
    for directory in entries.filter_map(|entry| JobDirectory::abandoned(&entry.path())) {
        let id = directory.id();
        tracing::info!(job = id, "ending a job whose host was killed");
        let mark = Mark::new(&id, directory.path());
        let groups = Group::find(hierarchy, &id);
        let is_gone = kill_until_gone(|| {
            let marked = mark.kill();
            groups
                .iter()
                .fold(marked, |found, group| group.kill() || found)
        });
        if !is_gone {
            tracing::warn!(
                job = id,
                "processes of a job do not end although they were killed"
            );
        }
    }
}
