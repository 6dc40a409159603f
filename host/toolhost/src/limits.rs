//! What one call may use.

mod json;

use std::time::Duration;

pub use json::json_memory_bytes;

/// The bounds of one call. Every guest is taken to be hostile, so nothing is without a bound.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Limits {
    /// The most linear memory of the guest, in bytes.
    pub memory_bytes: usize,
    /// The most elements of the guest's tables.
    pub table_elements: usize,
    /// How long the guest may compute. Time that it spends waiting for a capability is free.
    pub cpu_time: Duration,
    /// How long the whole call may take, with everything that it waits for: from its beginning to the end of
    /// the tool, including secrets that are fetched and other calls that have to end first.
    pub wall_time: Duration,
    /// How long the guest may go on after it was told to end, to report what became of its job.
    pub cancel_grace: Duration,
    /// How long the clean-up of what the call left running may take.
    pub cleanup_time: Duration,
    /// The most bytes that the guest hands over in one call to the host, or returns.
    pub message_bytes: usize,
    /// The most handles that the guest holds at once.
    pub handles: usize,
    /// The most bytes that the host holds for the guest at once: objects, secrets and specifications of jobs
    /// behind its handles, and what its running jobs were created from. Parsed JSON counts as what it takes in
    /// memory.
    pub held_bytes: u64,
    /// The most jobs of one call.
    pub jobs: usize,
    /// The most bytes of configuration that are handed to the guest.
    pub config_bytes: usize,
    /// The most bytes of what the guest writes to its standard error and log that are kept.
    pub guest_log_bytes: usize,
}

impl Limits {
    /// 64 MiB: the script tool needs 1.2; a tool in Python or JavaScript starts at about 20.
    pub const DEFAULT_MEMORY_BYTES: usize = 64 << 20;
    /// The tables of compiled Rust, Python and JavaScript have a few thousand elements.
    pub const DEFAULT_TABLE_ELEMENTS: usize = 20_000;
    /// The script tool needs less than a millisecond; an interpreter may need to start.
    pub const DEFAULT_CPU_TIME: Duration = Duration::from_secs(5);
    /// A day: a job's own deadline is `activeDeadlineSeconds`, this is the net below it.
    pub const DEFAULT_WALL_TIME: Duration = Duration::from_hours(24);
    /// Enough for an engine to end a job with its own grace and for the guest to build an outcome.
    pub const DEFAULT_CANCEL_GRACE: Duration = Duration::from_secs(30);
    /// As long as Kubernetes gives a pod to end, with some room.
    pub const DEFAULT_CLEANUP_TIME: Duration = Duration::from_secs(40);
    /// 8 MiB: more than any configuration, outcome or script of sensible size.
    pub const DEFAULT_MESSAGE_BYTES: usize = 8 << 20;
    /// A tool holds a handful.
    pub const DEFAULT_HANDLES: usize = 1_000;
    /// 64 MiB, as much as the guest has for itself: two scripts of the largest size that is accepted, and
    /// arguments of the largest size in a secret and in the environment of a job, and as much room.
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
