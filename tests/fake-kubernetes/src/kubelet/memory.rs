//! The memory of a container: what a control group would do, done by looking often.

use std::fs;
use std::time::Duration;

use rustix::process::Pid;

/// How often it is looked at. A process may get that far beyond its limit.
const INTERVAL: Duration = Duration::from_millis(5);

/// Waits until a process and its children have more resident memory than that.
///
/// A child whose parent ended is not counted: nothing tells whose it was.
pub(super) async fn until_exceeded(root: Pid, limit: Option<u64>) {
    let Some(limit) = limit else {
        return std::future::pending().await;
    };
    loop {
        if resident_bytes(root) > limit {
            return;
        }
        tokio::time::sleep(INTERVAL).await;
    }
}

fn resident_bytes(root: Pid) -> u64 {
    let mut processes = vec![root.as_raw_nonzero().get()];
    let mut bytes = 0_u64;
    while let Some(process) = processes.pop() {
        bytes = bytes.saturating_add(resident_bytes_of(process).unwrap_or(0));
        let children = fs::read_to_string(format!("/proc/{process}/task/{process}/children"));
        let children = children.unwrap_or_default();
        processes.extend(
            children
                .split_whitespace()
                .filter_map(|child| child.parse::<i32>().ok()),
        );
    }
    bytes
}

/// `VmRSS` of one process; nothing where it is over.
fn resident_bytes_of(process: i32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kibibytes.saturating_mul(1024))
}
