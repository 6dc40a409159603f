//! The parts of the cluster's objects that this engine reads.
//!
//! The cost of a watch over thousands of jobs is dominated by parsing what is not read: a pod's `managedFields`,
//! volumes and probes are several times the size of what is here. Unknown fields are skipped unparsed, and everything
//! is optional, because another version of Kubernetes may omit it.
//!
//! Field names and meanings: <https://kubernetes.io/docs/reference/kubernetes-api/>.

mod metadata;

use std::borrow::Cow;
use std::collections::BTreeMap;

use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, Time};
use kube::Resource;
use kube::core::ObjectMeta;
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};

/// The annotation of a job that states why a host ended it: it could not start.
pub(crate) const VERDICT: &str = "noetl.io/verdict";

/// A pod.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct PodView {
    /// Without its labels and annotations, which are not read.
    #[serde(deserialize_with = "metadata::without_texts")]
    pub(crate) metadata: ObjectMeta,
    #[serde(deserialize_with = "or_default")]
    pub(crate) spec: PodSpecView,
    #[serde(deserialize_with = "or_default")]
    pub(crate) status: PodStatusView,
}

/// Specification of a pod.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct PodSpecView {
    /// The node that it is bound to; none while it is not scheduled.
    pub(crate) node_name: Option<String>,
    #[serde(deserialize_with = "or_default")]
    pub(crate) containers: Vec<ContainerView>,
    #[serde(deserialize_with = "or_default")]
    pub(crate) init_containers: Vec<ContainerView>,
}

/// Specification of a container.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct ContainerView {
    pub(crate) name: String,
    pub(crate) image: Option<String>,
    #[serde(deserialize_with = "or_default")]
    pub(crate) resources: ResourcesView,
}

/// The resources of a container, as quantities.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ResourcesView {
    #[serde(deserialize_with = "or_default")]
    pub(crate) limits: BTreeMap<String, String>,
    /// The API server sets a missing request to the limit.
    #[serde(deserialize_with = "or_default")]
    pub(crate) requests: BTreeMap<String, String>,
}

/// Status of a pod.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct PodStatusView {
    /// `Pending`, `Running`, `Succeeded`, `Failed` or `Unknown`.
    pub(crate) phase: Option<String>,
    /// The reason for its status, such as `Evicted`; mostly none.
    pub(crate) reason: Option<String>,
    pub(crate) message: Option<String>,
    pub(crate) start_time: Option<Time>,
    #[serde(deserialize_with = "or_default")]
    pub(crate) conditions: Vec<ConditionView>,
    #[serde(deserialize_with = "or_default")]
    pub(crate) container_statuses: Vec<ContainerStatusView>,
    #[serde(deserialize_with = "or_default")]
    pub(crate) init_container_statuses: Vec<ContainerStatusView>,
}

/// Status of a container.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct ContainerStatusView {
    pub(crate) name: String,
    #[serde(rename = "imageID")]
    pub(crate) image_id: Option<String>,
    pub(crate) restart_count: u32,
    #[serde(deserialize_with = "or_default")]
    pub(crate) state: ContainerStateView,
    /// The state before its last restart.
    #[serde(deserialize_with = "or_default")]
    pub(crate) last_state: ContainerStateView,
}

/// State of a container: one of the three at most.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ContainerStateView {
    pub(crate) waiting: Option<ContainerWaitingView>,
    pub(crate) running: Option<ContainerRunningView>,
    pub(crate) terminated: Option<ContainerTerminatedView>,
}

/// State of a container that does not run yet.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ContainerWaitingView {
    pub(crate) reason: Option<String>,
    pub(crate) message: Option<String>,
}

/// State of a container that runs.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct ContainerRunningView {
    pub(crate) started_at: Option<Time>,
}

/// State of a container that ended.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct ContainerTerminatedView {
    pub(crate) exit_code: i32,
    /// The signal, from runtimes that report it separately; containerd uses exit code 128 + signal instead.
    pub(crate) signal: Option<i32>,
    /// `Completed`, `Error`, `OOMKilled`, `StartError`, `ContainerCannotRun`,
    /// `ContainerStatusUnknown`, …
    pub(crate) reason: Option<String>,
    pub(crate) message: Option<String>,
    pub(crate) started_at: Option<Time>,
    pub(crate) finished_at: Option<Time>,
}

/// A job.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct JobView {
    #[serde(deserialize_with = "metadata::whole")]
    pub(crate) metadata: ObjectMeta,
    #[serde(deserialize_with = "or_default")]
    pub(crate) spec: JobSpecView,
    #[serde(deserialize_with = "or_default")]
    pub(crate) status: JobStatusView,
}

/// Specification of a job.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct JobSpecView {
    pub(crate) suspend: Option<bool>,
    pub(crate) backoff_limit: Option<u32>,
    pub(crate) active_deadline_seconds: Option<u64>,
}

/// Status of a job.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct JobStatusView {
    /// Pods that are pending or running and not being deleted.
    pub(crate) active: Option<u32>,
    pub(crate) ready: Option<u32>,
    pub(crate) succeeded: Option<u32>,
    pub(crate) failed: Option<u32>,
    #[serde(deserialize_with = "or_default")]
    pub(crate) uncounted_terminated_pods: UncountedPodsView,
    /// When it was last resumed: the deadline counts from here.
    pub(crate) start_time: Option<Time>,
    /// When it succeeded; none where it failed.
    pub(crate) completion_time: Option<Time>,
    #[serde(deserialize_with = "or_default")]
    pub(crate) conditions: Vec<ConditionView>,
}

/// Pods that the Job controller is about to count.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct UncountedPodsView {
    /// The uids of those that failed.
    #[serde(deserialize_with = "or_default")]
    pub(crate) failed: Vec<IgnoredAny>,
}

/// A condition of a pod or a job.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct ConditionView {
    #[serde(rename = "type")]
    pub(crate) type_: String,
    /// `True`, `False` or `Unknown`.
    pub(crate) status: String,
    pub(crate) reason: Option<String>,
    pub(crate) message: Option<String>,
    pub(crate) last_transition_time: Option<Time>,
}

/// An event: what a component of the cluster reported about an object.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct EventView {
    #[serde(deserialize_with = "metadata::whole")]
    pub(crate) metadata: ObjectMeta,
    #[serde(deserialize_with = "or_default")]
    pub(crate) involved_object: InvolvedObjectView,
    /// `Normal` or `Warning`.
    #[serde(rename = "type")]
    pub(crate) type_: Option<String>,
    /// The reason, such as `FailedCreate`.
    pub(crate) reason: Option<String>,
    pub(crate) message: Option<String>,
    /// How often it was reported.
    pub(crate) count: Option<u32>,
    pub(crate) first_timestamp: Option<Time>,
    pub(crate) last_timestamp: Option<Time>,
    /// When it was first reported, from components that use the newer API.
    pub(crate) event_time: Option<MicroTime>,
}

/// The part of a Kueue Workload that is read.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct WorkloadView {
    #[serde(deserialize_with = "or_default")]
    pub(crate) status: WorkloadStatusView,
}

/// Status of a Workload.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct WorkloadStatusView {
    #[serde(deserialize_with = "or_default")]
    pub(crate) conditions: Vec<ConditionView>,
}

/// The object that an event is about.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct InvolvedObjectView {
    pub(crate) kind: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) uid: Option<String>,
}

impl ConditionView {
    /// Whether it has this type and is true.
    pub(crate) fn is_true(&self, kind: &str) -> bool {
        self.type_ == kind && self.status == "True"
    }
}

impl JobView {
    /// Returns the condition of this type, if it is true.
    pub(crate) fn condition(&self, kind: &str) -> Option<&ConditionView> {
        let mut conditions = self.status.conditions.iter();
        conditions.find(|condition| condition.is_true(kind))
    }
}

impl PodView {
    /// Returns the condition that a disruption by the cluster sets, if there is one.
    pub(crate) fn disruption(&self) -> Option<&ConditionView> {
        let mut conditions = self.status.conditions.iter();
        conditions.find(|condition| condition.is_true("DisruptionTarget"))
    }

    /// The order of a job's pods, which is that of its attempts.
    pub(crate) fn order(&self) -> impl Ord + use<> {
        let created = self.metadata.creation_timestamp.as_ref();
        (created.map(|time| time.0), self.metadata.name.clone())
    }

    /// Whether its node is lost, and its outcome unknown.
    pub(crate) fn is_lost(&self) -> bool {
        self.status.reason.as_deref() == Some("NodeLost")
    }
}

impl EventView {
    /// When it was last reported.
    pub(crate) fn last_seen(&self) -> Option<k8s_openapi::jiff::Timestamp> {
        let last = self
            .last_timestamp
            .as_ref()
            .or(self.first_timestamp.as_ref());
        last.map(|time| time.0)
            .or_else(|| self.event_time.as_ref().map(|time| time.0))
            .or_else(|| self.metadata.creation_timestamp.as_ref().map(|time| time.0))
    }
}

/// Reads `null` as a missing value: the API server writes some empty lists like that.
fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// Implements the API path of such objects.
macro_rules! resource {
    ($view:ty, $group:literal, $kind:literal, $plural:literal) => {
        impl Resource for $view {
            type DynamicType = ();
            type Scope = NamespaceResourceScope;

            fn kind((): &()) -> Cow<'_, str> {
                $kind.into()
            }

            fn group((): &()) -> Cow<'_, str> {
                $group.into()
            }

            fn version((): &()) -> Cow<'_, str> {
                "v1".into()
            }

            fn plural((): &()) -> Cow<'_, str> {
                $plural.into()
            }

            fn meta(&self) -> &ObjectMeta {
                &self.metadata
            }

            fn meta_mut(&mut self) -> &mut ObjectMeta {
                &mut self.metadata
            }
        }
    };
}

resource!(PodView, "", "Pod", "pods");
resource!(JobView, "batch", "Job", "jobs");
resource!(EventView, "", "Event", "events");

#[cfg(test)]
mod tests {
    use std::fmt::Debug;

    use serde::de::DeserializeOwned;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_pod_is_read_and_unused_fields_are_skipped() {
        let pod: PodView = serde_json::from_value(json!({
            "metadata": {
                "name": "a", "namespace": "n", "uid": "u", "resourceVersion": "7",
                "creationTimestamp": "2026-01-02T03:04:05Z", "managedFields": "not even a list",
                "ownerReferences": [{"uid": "j", "kind": "Job", "name": "job", "controller": true}],
            },
            "spec": {
                "containers": [{"name": "job", "image": "i", "resources": {"limits": {"memory": "1Gi", "cpu": "1"}}}],
                "volumes": 3,
            },
            "status": {"phase": "Failed", "conditions": null, "containerStatuses": [{
                "name": "job", "imageID": "sha256:1", "restartCount": 0, "lastState": {},
                "state": {"terminated": {"exitCode": 3, "reason": "Error", "startedAt": null}},
            }]},
        }))
        .unwrap();
        assert_eq!(pod.meta().owner_references.as_ref().unwrap()[0].uid, "j");
        assert_eq!(pod.meta().managed_fields, None);
        let container = &pod.spec.containers[0];
        assert_eq!(container.resources.limits["memory"], "1Gi");
        let status = &pod.status.container_statuses[0];
        assert_eq!(status.image_id.as_deref(), Some("sha256:1"));
        assert_eq!(status.state.terminated.as_ref().unwrap().exit_code, 3);
    }

    #[test]
    fn a_pod_of_a_cluster_is_read() {
        let pod: PodView = serde_json::from_str(include_str!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../tests/fixtures/kubernetes/whole_pod.json"
        )))
        .unwrap();
        assert_eq!(pod.spec.node_name.as_deref(), Some("node-a"));
        assert_eq!(pod.status.phase.as_deref(), Some("Failed"));
        let status = &pod.status.container_statuses[0];
        let ended = status.state.terminated.as_ref().unwrap();
        assert_eq!(ended.message.as_deref(), Some("why it failed\n"));
        assert!(ended.started_at <= ended.finished_at);
    }

    #[test]
    fn every_field_is_optional() {
        fn reads<T: DeserializeOwned + Debug>() {
            serde_json::from_value::<T>(json!({})).unwrap();
            serde_json::from_value::<T>(json!({"metadata": {}, "spec": null, "status": {}}))
                .unwrap();
        }
        reads::<PodView>();
        reads::<JobView>();
        reads::<EventView>();
    }

    #[test]
    fn the_paths_are_those_of_the_api_server() {
        let path = |namespace| JobView::url_path(&(), namespace);
        assert_eq!(path(Some("n")), "/apis/batch/v1/namespaces/n/jobs");
        assert_eq!(PodView::url_path(&(), None), "/api/v1/pods");
        let event = EventView {
            first_timestamp: Some(Time("2026-01-02T03:04:05Z".parse().unwrap())),
            ..EventView::default()
        };
        assert_eq!(event.last_seen().unwrap().as_second(), 1_767_323_045);
    }
}
