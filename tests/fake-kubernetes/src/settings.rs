//! How a server behaves.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::play::{Play, PlayedPod};
use crate::rights::Authorizer;

/// Decides how a pod is played.
pub type Playwright = dyn Fn(&PlayedPod<'_>) -> Play + Send + Sync;

/// How a server behaves. Times are short by default; those of a real cluster are said at each.
#[derive(Clone)]
#[non_exhaustive]
pub struct Settings {
    /// The name of the user that every client is.
    pub user: String,
    /// The namespaces that exist from the start.
    pub namespaces: Vec<String>,
    /// Allows or forbids requests; everything is allowed where there is none.
    pub authorizer: Option<Arc<Authorizer>>,
    /// Time between bookmarks. Really: about a minute.
    pub bookmark_interval: Duration,
    /// Whether a watch may begin with a list (`sendInitialEvents`). Really: since 1.34 by default.
    pub has_watch_lists: bool,
    /// The delay after a pod's first failure. Really: 10 s.
    pub backoff_base: Duration,
    /// The longest delay between pods. Really: 10 min; the documentation says six.
    pub max_backoff: Duration,
    /// How long the Job controller waits after a change of a pod. Really: 1 s.
    pub status_delay: Duration,
    /// How long a second of `activeDeadlineSeconds` is.
    pub deadline_second: Duration,
    /// How long a second of `ttlSecondsAfterFinished` is.
    pub ttl_second: Duration,
    /// How long a second of `terminationGracePeriodSeconds` is.
    pub grace_second: Duration,
    /// How long a kubelet waits before it tries again what it could not do. Really: some seconds.
    pub kubelet_retry: Duration,
    /// The size of a log file, after which a new one begins. Really: 10 MiB; by default nothing rotates.
    pub log_file_bytes: Option<usize>,
    /// Whether following a log ends where its file is rotated, as some kubelets have it (#28369).
    pub ends_follow_at_rotation: bool,
    /// How many Jobs of a queue (`kueue.x-k8s.io/queue-name`) may run at once, where there is a Kueue;
    /// [`set_queue_slots`](crate::FakeKubernetes::set_queue_slots) changes it.
    pub queue_slots: Option<usize>,
    /// Decides how pods are played; they run processes where there is none.
    pub playwright: Option<Arc<Playwright>>,
}

impl Default for Settings {
    fn default() -> Self {
        let second = Duration::from_secs(1);
        Self {
            user: "system:serviceaccount:test:toolhost".to_owned(),
            namespaces: vec!["default".to_owned()],
            authorizer: None,
            bookmark_interval: Duration::from_millis(200),
            has_watch_lists: true,
            backoff_base: Duration::from_millis(10),
            max_backoff: Duration::from_mins(6),
            status_delay: Duration::from_millis(5),
            deadline_second: second,
            ttl_second: second,
            grace_second: second,
            kubelet_retry: Duration::from_millis(20),
            log_file_bytes: None,
            ends_follow_at_rotation: false,
            queue_slots: None,
            playwright: None,
        }
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Settings")
            .field("user", &self.user)
            .field("namespaces", &self.namespaces)
            .field("backoff_base", &self.backoff_base)
            .field("status_delay", &self.status_delay)
            .finish_non_exhaustive()
    }
}
