//! What a pod, or a job, waits for, and how long to wait for it.

use std::time::Duration;

use k8s_openapi::jiff::Timestamp;

use toolhost_capability::Explanation;

/// Why a pod does not run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Waiting {
    /// Kubernetes' own reason, such as `ImagePullBackOff`.
    pub(crate) word: String,
    /// Its meaning.
    pub(crate) cause: Explanation,
    /// How long to wait.
    pub(crate) class: Class,
}

/// How long to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// It cannot improve: end the job.
    Hopeless,
    /// It may improve soon: end the job when it lasts this long.
    Grace(Duration),
    /// It may improve at any time: report it, and wait until the deadline.
    Patient,
}

/// How long to wait for causes that may pass soon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WaitPolicy {
    /// A Secret or `ConfigMap` that this engine creates after the pod: one request of its own, and the kubelet checks
    /// again every 1 to 2 seconds.
    pub(crate) own_object: Duration,
    /// A service account: a new namespace gets its `default` a moment later.
    pub(crate) service_account: Duration,
    /// An image that cannot be pulled for a reason that is not clear: the kubelet tries after 0, 10, 30 and 70 seconds,
    /// so there were three tries.
    pub(crate) pull: Duration,
    /// A registry that is busy or down: the kubelet's delay grows to 5 minutes, so that there is one more try after an
    /// outage of 5 minutes.
    pub(crate) registry: Duration,
    /// A container that cannot be created or started: at least three tries of the kubelet, too.
    pub(crate) start: Duration,
    /// Anything else that Kubernetes reports as an error.
    pub(crate) unknown: Duration,
    /// A node that does nothing about a new pod, or has not ended one: report that from here on. A kubelet does either
    /// within some seconds.
    pub(crate) node_silence: Duration,
}

impl Default for WaitPolicy {
    fn default() -> Self {
        Self {
            own_object: Duration::from_secs(15),
            service_account: Duration::from_secs(15),
            pull: Duration::from_mins(1),
            registry: Duration::from_mins(10),
            start: Duration::from_mins(1),
            unknown: Duration::from_mins(1),
            node_silence: Duration::from_secs(30),
        }
    }
}

/// Context of a pod.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WaitingContext<'job> {
    /// The names of every Secret and ConfigMap that this engine creates for the job.
    pub(crate) own_objects: &'job [String],
    /// How long to wait.
    pub(crate) wait_policy: &'job WaitPolicy,
    /// The current time.
    pub(crate) now: Timestamp,
}
