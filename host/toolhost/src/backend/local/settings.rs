use std::path::PathBuf;
use std::time::Duration;

use crate::capability::controller::DEFAULT_BACKOFF_BASE;
use crate::filesystem::temporary_directory;

/// Settings of a [`LocalEngine`](super::LocalEngine).
///
/// ```
/// use toolhost::backend::local::LocalSettings;
///
/// let mut settings = LocalSettings::default();
/// settings.max_processes = 64;
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LocalSettings {
    /// The parent of the directories of jobs: by default `toolhost-UID` in the system's folder for temporary files, UID
    /// being the number of the user, so that users do not conflict. It is created where it does not exist. It must
    /// belong to the user, and other users must not be able to write to it.
    pub work_directory: PathBuf,
    /// The `PATH` of jobs, and where their programs are searched for unless the request sets another; the common
    /// default of containers. Entries that are not absolute are not searched.
    pub search_path: String,
    /// The delay after the first failure; it doubles up to six minutes. 10 s, as in Kubernetes.
    pub backoff_base: Duration,
    /// How long a job may take to end by itself after SIGTERM, before it is killed: 2 s by default, and at most
    /// [`LocalSettings::MAX_GRACE`].
    pub grace: Duration,
    /// Maximum number of concurrent processes and threads of one attempt.
    pub max_processes: u32,
    /// Whether control groups are used where the host may create them, version 1 and version 2.
    ///
    /// Without them, memory is limited by `RLIMIT_DATA` for each process separately, the number of processes by
    /// `RLIMIT_NPROC` (which does not apply to root), `limits.cpu` is not enforced, and whether an attempt ran out of
    /// memory is determined from its output.
    pub use_cgroups: bool,
    /// Whether each attempt has a PID and a mount namespace of its own, where `unshare` of util-linux can create them:
    /// as root, or where the kernel allows any user to create user namespaces.
    ///
    /// Without them, a script sees the processes of its user in `/proc`, and their command lines and environments; and
    /// a process that left its control group, its directory and its environment is not found again. In them, where the
    /// host is not root, programs such as `sudo` do not get another user's rights.
    pub use_namespaces: bool,
}

impl LocalSettings {
    /// The longest [`LocalSettings::grace`]: the default of a pod in Kubernetes.
    pub const MAX_GRACE: Duration = Duration::from_secs(30);
    /// Enough for a script with a pool of workers and the threads of its libraries, and few enough for a fork bomb to
    /// be harmless.
    pub const DEFAULT_MAX_PROCESSES: u32 = 1_024;
    /// The default search path.
    pub const DEFAULT_SEARCH_PATH: &str =
        "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

    /// Returns the grace period within its limits.
    pub(super) fn bounded_grace(&self) -> Duration {
        self.grace.min(Self::MAX_GRACE)
    }
}

impl Default for LocalSettings {
    fn default() -> Self {
        let user = rustix::process::geteuid().as_raw();
        Self {
            work_directory: temporary_directory().join(format!("toolhost-{user}")),
            search_path: Self::DEFAULT_SEARCH_PATH.to_owned(),
            backoff_base: DEFAULT_BACKOFF_BASE,
            grace: Duration::from_secs(2),
            max_processes: Self::DEFAULT_MAX_PROCESSES,
            use_cgroups: true,
            use_namespaces: true,
        }
    }
}
