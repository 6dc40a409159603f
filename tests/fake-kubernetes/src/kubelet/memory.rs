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
        let pages = fs::read_to_string(format!("/proc/{process}/statm"))
            .ok()
            .and_then(|statm| statm.split(' ').nth(1)?.parse::<u64>().ok());
        let page = u64::try_from(rustix::param::page_size()).unwrap_or(4096);
        bytes = bytes.saturating_add(pages.unwrap_or(0).saturating_mul(page));
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
