//! The limits of one call.

mod json;

use std::time::Duration;

pub(crate) use json::json_memory_bytes;

/// The limits of one call. Every guest is considered hostile, so everything has a limit.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Limits {
    /// The maximum linear memory of the guest, in bytes.
    pub memory_bytes: usize,
    /// The maximum number of elements of the guest's tables.
    pub table_elements: usize,
    /// The computation time of the guest. Waiting for a capability does not count.
    pub cpu_time: Duration,
    /// The time limit of the whole call including waiting: from its beginning to the end of the tool,
    /// including fetching secrets and waiting for other calls.
    pub wall_time: Duration,
    /// The time that the guest has after cancellation to report the result of its job.
    pub cancel_grace: Duration,
    /// The time limit for cleaning up what the call left running.
    pub cleanup_time: Duration,
    /// The maximum number of bytes that the guest passes in one call to the host, or returns.
    pub message_bytes: usize,
    /// The maximum number of handles that the guest holds.
    pub handles: usize,
    /// The maximum number of bytes that the host holds for the guest: objects, secrets and job specifications
    /// behind its handles, and the specifications of its running jobs. Parsed JSON counts with its size in
    /// memory.
    pub held_bytes: u64,
    /// The maximum number of jobs of one call.
    pub jobs: usize,
    /// The maximum size of the configuration that is passed to the guest.
    pub config_bytes: usize,
    /// The maximum number of bytes that are kept of the guest's standard error and log.
    pub guest_log_bytes: usize,
}

impl Limits {
    /// 64 MiB: the script tool needs 1.2; a tool in Python or JavaScript starts at about 20.
    pub const DEFAULT_MEMORY_BYTES: usize = 64 << 20;
    /// The tables of compiled Rust, Python and JavaScript have a few thousand elements.
    pub const DEFAULT_TABLE_ELEMENTS: usize = 20_000;
    /// The script tool needs less than a millisecond; an interpreter may need to start.
    pub const DEFAULT_CPU_TIME: Duration = Duration::from_secs(5);
    /// A day: a job's own deadline is `activeDeadlineSeconds`, this is the safety net.
    pub const DEFAULT_WALL_TIME: Duration = Duration::from_hours(24);
    /// Enough for an engine to end a job with its own grace and for the guest to build an outcome.
    pub const DEFAULT_CANCEL_GRACE: Duration = Duration::from_secs(30);
    /// The termination grace period of Kubernetes, with a margin.
    pub const DEFAULT_CLEANUP_TIME: Duration = Duration::from_secs(40);
    /// 8 MiB: more than any configuration, outcome or script of sensible size.
    pub const DEFAULT_MESSAGE_BYTES: usize = 8 << 20;
    /// A tool holds a handful.
    pub const DEFAULT_HANDLES: usize = 1_000;
    /// 64 MiB, as much as the guest has for itself: two scripts of the maximum size, and arguments of the
    /// maximum size in a secret and in the environment of a job, and as much again.
    pub const DEFAULT_HELD_BYTES: u64 = 64 << 20;
    /// A step runs one job; a tool that fans out may run some.
    pub const DEFAULT_JOBS: usize = 64;
    /// 4 MiB: arguments of 1 MiB are known to be in use.
    pub const DEFAULT_CONFIG_BYTES: usize = 4 << 20;
    /// 64 KiB hold a panic message and what led to it.
    pub const DEFAULT_GUEST_LOG_BYTES: usize = 64 << 10;
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory_bytes: Self::DEFAULT_MEMORY_BYTES,
            table_elements: Self::DEFAULT_TABLE_ELEMENTS,
            cpu_time: Self::DEFAULT_CPU_TIME,
            wall_time: Self::DEFAULT_WALL_TIME,
            cancel_grace: Self::DEFAULT_CANCEL_GRACE,
            cleanup_time: Self::DEFAULT_CLEANUP_TIME,
            message_bytes: Self::DEFAULT_MESSAGE_BYTES,
            handles: Self::DEFAULT_HANDLES,
            held_bytes: Self::DEFAULT_HELD_BYTES,
            jobs: Self::DEFAULT_JOBS,
            config_bytes: Self::DEFAULT_CONFIG_BYTES,
            guest_log_bytes: Self::DEFAULT_GUEST_LOG_BYTES,
        }
    }
}
