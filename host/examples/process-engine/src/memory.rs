use std::fs;
use std::time::Duration;

use rustix::param::page_size;
use rustix::process::Pid;

/// How often the memory of a job with a limit is measured. What uses more for a shorter time is not seen.
const PAUSE: Duration = Duration::from_millis(20);
/// Where `stat` of a process has its group and its resident pages, counted behind its name (proc(5)).
const GROUP_FIELD: usize = 2;
const PAGES_FIELD: usize = 21;

/// Waits until the processes of the group use more memory than the limit, in bytes; for ever without one.
pub(crate) async fn exceeds(limit: Option<u64>, group: Option<Pid>) {
    let (Some(limit), Some(group)) = (limit, group) else {
        return std::future::pending().await;
    };
    while used(group) <= limit {
        tokio::time::sleep(PAUSE).await;
    }
}

/// The memory that the processes of a group use, in bytes.
fn used(group: Pid) -> u64 {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let statuses =
        processes.filter_map(|process| fs::read_to_string(process.path().join("stat")).ok());
    let pages: u64 = statuses.filter_map(|status| pages(&status, group)).sum();
    pages.saturating_mul(u64::try_from(page_size()).unwrap_or(u64::MAX))
}

/// The resident pages of a process, if it belongs to the group.
fn pages(status: &str, group: Pid) -> Option<u64> {
    // The name may hold anything, and stands in parentheses.
    let (_, fields) = status.rsplit_once(") ")?;
    let field = |index: usize| fields.split(' ').nth(index);
    let is_member = field(GROUP_FIELD)?.parse() == Ok(group.as_raw_nonzero().get());
    is_member
        .then(|| field(PAGES_FIELD)?.parse().ok())
        .flatten()
}
