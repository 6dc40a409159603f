use k8s_openapi::jiff::SignedDuration;
use toolhost_capability::Reason;

use super::*;
use crate::view::{ContainerWaitingView, EventView, PodStatusView, PodView};

fn pod_waits(name: &str) -> Option<Waiting> {
    let pod: PodView = fixture(PODS, name);
    waiting(
        &pod,
        WaitingContext {
            own_objects: &[],
            wait_policy: &WaitPolicy::default(),
            now: now(),
        },
    )
}

#[test]
fn the_cause_of_a_waiting_pod_is_named() {
    let wait_policy = WaitPolicy::default();
    let (pull, registry) = (
        Class::Grace(wait_policy.pull),
        Class::Grace(wait_policy.registry),
    );
    let start = Class::Grace(wait_policy.start);
    let (hopeless, patient) = (Class::Hopeless, Class::Patient);
    #[rustfmt::skip]
    let cases = [
        ("affinity", patient, Reason::Unschedulable, "1 node(s) didn't match Pod's node affinity/selector", "nodeSelector"),
        ("bad-image", pull, Reason::ImagePull, "`nosuch/image:1` cannot be pulled: failed to do request: Head", "image"),
        ("bad-registry", pull, Reason::ImagePull, "no such host", "image"),
        ("bigmem", patient, Reason::Unschedulable, "Insufficient memory (the job requests 900Gi)", "resources.requests.cpu"),
        ("config-env", hopeless, Reason::ConfigMissing, "the ConfigMap `nosuch-config` does not exist", ""),
        ("gates", patient, Reason::Unschedulable, "scheduling gate", ""),
        ("gpu", patient, Reason::Unschedulable, "1 Insufficient nvidia.com/gpu (the job requests 1)", "resources.limits.nvidia.com/gpu"),
        ("host-port", patient, Reason::Unschedulable, "free ports", "podTemplate"),
        ("invalid-name", hopeless, Reason::InvalidImage, "invalid image name `UPPER/CASE`", "image"),
        ("never-pull", hopeless, Reason::ImagePull, "`nosuch/never:1` is not on the node", "imagePullPolicy"),
        ("no-seccomp-profile", start, Reason::StartFailed, "could not be started: cannot load seccomp profile", "securityContext"),
        ("nodename", patient, Reason::NodeLost, "`nosuch-node` has not taken the pod for 30 s", ""),
        ("non-root", hopeless, Reason::PolicyDenied, "the image runs as root", "securityContext"),
        ("podaffinity", patient, Reason::Unschedulable, "pod affinity rules", "affinity"),
        ("pull-basic", hopeless, Reason::ImagePull, "401 Unauthorized", "image"),
        ("pull-bearer", hopeless, Reason::ImagePull, "failed to authorize", "image"),
        ("pull-broken", registry, Reason::ImagePull, "500 Internal Server Error", "image"),
        ("pull-busy", registry, Reason::ImagePull, "429 Too Many Requests", "image"),
        ("pull-denied", hopeless, Reason::ImagePull, "403 Forbidden", "image"),
        ("pull-forbidden", hopeless, Reason::ImagePull, "denies pulling the image", "image"),
        ("pull-gone", registry, Reason::ImagePull, "503 Service Unavailable", "image"),
        ("pull-missing", hopeless, Reason::ImagePull, "missing/x:1` does not exist in its registry", "image"),
        ("pull-norepo", hopeless, Reason::ImagePull, "does not exist", "image"),
        ("pull-refused", pull, Reason::ImagePull, "connection refused", "image"),
        ("pull-tag-empty", hopeless, Reason::InvalidImage, "invalid image name", "image"),
        ("pvc", start, Reason::ConfigMissing, "the PersistentVolumeClaim `nosuch-claim` does not exist", "volumes"),
        ("secret-env", hopeless, Reason::ConfigMissing, "the Secret `nosuch-secret` does not exist", ""),
        ("secret-key", hopeless, Reason::ConfigMissing, "the Secret `have` has no key `nokey`", ""),
        ("selector", patient, Reason::Unschedulable, "the only node cannot take the pod", "nodeSelector"),
    ];
    for (name, class, reason, message, field) in cases {
        let waiting = pod_waits(name).unwrap_or_else(|| panic!("{name} does not wait"));
        assert_eq!(
            (waiting.class, waiting.cause.reason),
            (class, reason),
            "{name}"
        );
        let said = &waiting.cause.message;
        assert!(said.contains(message), "{name}: {said}");
        assert_eq!(field_of(Some(&waiting.cause)), field, "{name}");
        assert!(waiting.cause.hint.is_some(), "{name} has no hint");
    }
}

#[test]
fn a_pod_that_is_being_started_or_runs_does_not_wait() {
    for name in [
        "pull-slow",
        "mem-tiny",
        "secret-vol",
        "success",
        "exit3",
        "init-fail",
    ] {
        assert_eq!(pod_waits(name), None, "{name}");
    }
}

#[test]
fn the_engines_own_secret_may_come_after_the_pod() {
    let pod: PodView = fixture(PODS, "secret-env");
    let wait_policy = WaitPolicy::default();
    let own_objects = ["nosuch-secret".to_owned()];
    let context = WaitingContext {
        own_objects: &own_objects,
        wait_policy: &wait_policy,
        now: now(),
    };
    let waiting = waiting(&pod, context).unwrap();
    assert_eq!(waiting.class, Class::Grace(wait_policy.own_object));
    let events: Vec<EventView> = fixture(EVENTS, "secret-vol");
    let waiting = from_pod_events(&events, context).unwrap();
    assert_eq!(waiting.class, Class::Grace(wait_policy.own_object));
}

#[test]
fn a_restarted_kubelet_does_not_end_a_job() {
    let wait_policy = WaitPolicy::default();
    let mut pod: PodView = fixture(PODS, "secret-env");
    let status = &mut pod.status.container_statuses[0];
    let context = WaitingContext {
        own_objects: &[],
        wait_policy: &wait_policy,
        now: now(),
    };
    for (word, text, class) in [
        (
            "CreateContainerConfigError",
            "failed to sync secret cache: timed out waiting for the condition",
            Class::Grace(wait_policy.start),
        ),
        (
            "CreateContainerConfigError",
            "services have not yet been read at least once, cannot construct envvars",
            Class::Grace(wait_policy.start),
        ),
        ("SomethingNewError", "", Class::Grace(wait_policy.unknown)),
        ("SomethingNew", "x", Class::Patient),
    ] {
        status.state.waiting = Some(ContainerWaitingView {
            reason: Some(word.to_owned()),
            message: Some(text.to_owned()),
        });
        let pod = PodView {
            status: PodStatusView {
                container_statuses: vec![status.clone()],
                ..PodStatusView::default()
            },
            ..PodView::default()
        };
        assert_eq!(
            waiting(&pod, context).unwrap().class,
            class,
            "{word} {text}"
        );
    }
}

#[test]
fn a_node_that_does_not_end_a_deleted_pod_is_reported() {
    let pod: PodView = fixture(PODS, "deleting");
    let deletion = pod.metadata.deletion_timestamp.as_ref().unwrap().0;
    let at = |seconds| {
        waiting(
            &pod,
            WaitingContext {
                own_objects: &[],
                wait_policy: &WaitPolicy::default(),
                now: deletion + SignedDuration::from_secs(seconds),
            },
        )
    };
    assert_eq!(at(29), None);
    let waiting = at(31).unwrap();
    assert_eq!(waiting.class, Class::Patient);
    assert!(waiting.cause.message.contains("for 30 s"), "{waiting:?}");
    assert_eq!(attempt_end(&pod, CONTEXT), None);
}

#[test]
fn the_cause_of_a_job_without_a_pod_is_named() {
    let wait_policy = WaitPolicy::default();
    let context = WaitingContext {
        own_objects: &[],
        wait_policy: &wait_policy,
        now: now(),
    };
    #[rustfmt::skip]
    let cases = [
        ("blank-image", Class::Hopeless, Reason::InvalidRequest, "must not have leading or trailing whitespace", "image"),
        ("limit-range", Class::Hopeless, Reason::PolicyDenied, "maximum memory usage per Container is 512Mi, but limit is 800Mi", "resources.limits.memory"),
        ("no-sa", Class::Grace(wait_policy.service_account), Reason::ServiceAccountMissing, "`nosuch-account`", "serviceAccountName"),
        ("noruntime", Class::Hopeless, Reason::ConfigMissing, "no RuntimeClass `nosuch-runtime`", "runtimeClassName"),
        ("pod-security", Class::Hopeless, Reason::PolicyDenied, "`restricted:latest` refuses the job: allowPrivilegeEscalation != false", "securityContext"),
        ("priority", Class::Hopeless, Reason::ConfigMissing, "no PriorityClass `nosuch-priority`", "priorityClassName"),
        ("quota-never", Class::Hopeless, Reason::Quota, "requests.cpu=2 requested", "resources.requests.cpu"),
    ];
    for (name, class, reason, message, field) in cases {
        let events: Vec<EventView> = fixture(EVENTS, name);
        let waiting = failed_create(&events, context).unwrap();
        assert_eq!(
            (waiting.class, waiting.cause.reason),
            (class, reason),
            "{name}"
        );
        assert!(waiting.cause.message.contains(message), "{waiting:?}");
        assert_eq!(field_of(Some(&waiting.cause)), field, "{name}");
    }
    // In the end the quota had capacity.
    let mut events: Vec<EventView> = fixture(EVENTS, "quota");
    assert_eq!(failed_create(&events, context), None);
    events.retain(|event| event.reason.as_deref() == Some("FailedCreate"));
    let waiting = failed_create(&events, context).unwrap();
    assert_eq!(
        (waiting.class, waiting.cause.reason),
        (Class::Patient, Reason::Quota)
    );
    assert_eq!(failed_create(&[], context), None);
}

#[test]
fn the_cause_of_a_pod_that_its_node_does_not_start_is_named() {
    let wait_policy = WaitPolicy::default();
    let context = WaitingContext {
        own_objects: &[],
        wait_policy: &wait_policy,
        now: now(),
    };
    let start = Class::Grace(wait_policy.start);
    #[rustfmt::skip]
    let cases = [
        ("config-vol", Class::Hopeless, "the ConfigMap `nosuch-config` does not exist", ""),
        ("secret-vol", Class::Hopeless, "the Secret `nosuch-secret` does not exist", ""),
        ("key-vol", Class::Hopeless, "has no key `nokey`", ""),
        ("hostpath-vol", start, "the volume `v` cannot be mounted: hostPath type check failed", "volumes"),
        ("mem-tiny", start, "no space left on device", "resources.limits.memory"),
    ];
    for (name, class, message, field) in cases {
        let events: Vec<EventView> = fixture(EVENTS, name);
        let waiting = from_pod_events(&events, context).unwrap();
        assert_eq!(waiting.class, class, "{name}");
        assert_eq!(waiting.cause.reason, Reason::ConfigMissing, "{name}");
        assert!(waiting.cause.message.contains(message), "{waiting:?}");
        assert_eq!(field_of(Some(&waiting.cause)), field, "{name}");
    }
    let events: Vec<EventView> = fixture(EVENTS, "pull-secret");
    assert_eq!(from_pod_events(&events, context), None);
    let waiting = with_pull_secrets(pod_waits("pull-basic").unwrap(), &events);
    assert!(text(waiting.cause.hint_text().as_ref()).contains("`nosuch-pull`"));
    let other = pod_waits("secret-env").unwrap();
    assert_eq!(with_pull_secrets(other.clone(), &events), other);
}
