//! The kinds of object that the server knows.

/// One kind of object.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Kind {
    pub(crate) resource: &'static str,
    pub(crate) name: &'static str,
    pub(crate) singular: &'static str,
    pub(crate) group: &'static str,
    pub(crate) is_namespaced: bool,
}

impl Kind {
    /// `batch/v1`, or `v1`.
    pub(crate) fn api_version(&self) -> &'static str {
        match self.group {
            "" => "v1",
            "batch" => "batch/v1",
            _ => "kueue.x-k8s.io/v1beta2",
        }
    }
}

const fn core(resource: &'static str, name: &'static str, singular: &'static str) -> Kind {
    Kind {
        resource,
        name,
        singular,
        group: "",
        is_namespaced: true,
    }
}

pub(crate) static JOBS: Kind = Kind {
    group: "batch",
    ..core("jobs", "Job", "job")
};
/// Of Kueue, which is there where [`Settings::queue_slots`](crate::Settings::queue_slots) says so.
pub(crate) static WORKLOADS: Kind = Kind {
    group: "kueue.x-k8s.io",
    ..core("workloads", "Workload", "workload")
};
pub(crate) static PODS: Kind = core("pods", "Pod", "pod");
pub(crate) static SECRETS: Kind = core("secrets", "Secret", "secret");
pub(crate) static CONFIG_MAPS: Kind = core("configmaps", "ConfigMap", "configmap");
pub(crate) static EVENTS: Kind = core("events", "Event", "event");
pub(crate) static SERVICE_ACCOUNTS: Kind =
    core("serviceaccounts", "ServiceAccount", "serviceaccount");
pub(crate) static NAMESPACES: Kind = Kind {
    is_namespaced: false,
    ..core("namespaces", "Namespace", "namespace")
};

/// Every kind.
pub(crate) static KINDS: [&Kind; 8] = [
    &JOBS,
    &WORKLOADS,
    &PODS,
    &SECRETS,
    &CONFIG_MAPS,
    &EVENTS,
    &SERVICE_ACCOUNTS,
    &NAMESPACES,
];

pub(crate) fn find(group: &str, resource: &str) -> Option<&'static Kind> {
    KINDS
        .into_iter()
        .find(|kind| kind.group == group && kind.resource == resource)
}
