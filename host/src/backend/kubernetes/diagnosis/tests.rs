//! What is said of objects of a real cluster (Kubernetes 1.34, containerd 1.7): see
//! `tests/fixtures/kubernetes`. Names, identifiers and addresses are changed, and parts that nothing here
//! reads are left out.

use std::time::Duration;

use k8s_openapi::jiff::{SignedDuration, Timestamp};
use kube::core::Status;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::*;
use crate::backend::kubernetes::view::{
    ContainerWaitingView, EventView, JobStatusView, JobView, PodStatusView, PodView,
};
use crate::capability::{CapabilityError, JobStatus, Reason};

const PODS: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../tests/fixtures/kubernetes/pods.json"
));
const JOBS: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../tests/fixtures/kubernetes/jobs.json"
));
const EVENTS: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../tests/fixtures/kubernetes/events.json"
));
const STATUSES: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../tests/fixtures/kubernetes/statuses.json"
));

fn fixture<T: DeserializeOwned>(file: &str, name: &str) -> T {
    let mut all: Map<String, Value> = serde_json::from_str(file).unwrap();
    let value = all.remove(name).unwrap_or_else(|| panic!("no `{name}`"));
    serde_json::from_value(value).unwrap()
}

fn text(value: Option<&String>) -> &str {
    value.map_or("", String::as_str)
}

fn now() -> Timestamp {
    "2026-11-24T11:52:00Z".parse().unwrap()
}

fn pod_waits(name: &str) -> Option<Waiting> {
    let pod: PodView = fixture(PODS, name);
    waiting(
        &pod,
        WaitingContext {
            own_objects: &[],
            graces: &Graces::default(),
            now: now(),
        },
    )
}

const CONTEXT: AttemptContext<'_> = AttemptContext {
    container: "job",
    is_gone: false,
    is_cancelled: false,
    is_suspended: false,
    is_past_deadline: false,
    deadline: Some(Duration::from_secs(4)),
    now: Timestamp::UNIX_EPOCH,
};

fn ended(name: &str, context: AttemptContext<'_>) -> AttemptVerdict {
    attempt_end(&fixture(PODS, name), context).unwrap_or_else(|| panic!("{name} runs"))
}

#[test]
fn says_why_a_pod_does_not_start() {
    let graces = Graces::default();
    let (pull, registry) = (Class::Grace(graces.pull), Class::Grace(graces.registry));
    let start = Class::Grace(graces.start);
    let (hopeless, patient) = (Class::Hopeless, Class::Patient);
    #[rustfmt::skip]
    let cases = [
        ("affinity", patient, Reason::Unschedulable, "1 node(s) didn't match Pod's node affinity/selector", "job.nodeSelector"),
        ("bad-image", pull, Reason::ImagePull, "`nosuch/image:1` cannot be pulled: failed to do request: Head", "job.image"),
        ("bad-registry", pull, Reason::ImagePull, "no such host", "job.image"),
        ("bigmem", patient, Reason::Unschedulable, "Insufficient memory (the job asks for 900Gi)", "job.resources.requests.cpu"),
        ("config-env", hopeless, Reason::ConfigMissing, "the ConfigMap `nosuch-config` does not exist", ""),
        ("gates", patient, Reason::Unschedulable, "scheduling gate", ""),
        ("gpu", patient, Reason::Unschedulable, "1 Insufficient nvidia.com/gpu (the job asks for 1)", "job.resources.limits.nvidia.com/gpu"),
        ("host-port", patient, Reason::Unschedulable, "free ports", "job.podTemplate"),
        ("invalid-name", hopeless, Reason::InvalidImage, "`UPPER/CASE` is no valid name", "job.image"),
        ("never-pull", hopeless, Reason::ImagePull, "`nosuch/never:1` is not on the node", "job.imagePullPolicy"),
        ("no-seccomp-profile", start, Reason::StartFailed, "could not be started: cannot load seccomp profile", "job.securityContext"),
        ("nodename", patient, Reason::NodeLost, "`nosuch-node` has not taken the pod for 62 s", ""),
        ("non-root", hopeless, Reason::PolicyDenied, "the image runs as root", "job.securityContext"),
        ("podaffinity", patient, Reason::Unschedulable, "pod affinity rules", "job.affinity"),
        ("pull-basic", hopeless, Reason::ImagePull, "401 Unauthorized", "job.image"),
        ("pull-bearer", hopeless, Reason::ImagePull, "failed to authorize", "job.image"),
        ("pull-broken", registry, Reason::ImagePull, "500 Internal Server Error", "job.image"),
        ("pull-busy", registry, Reason::ImagePull, "429 Too Many Requests", "job.image"),
        ("pull-denied", hopeless, Reason::ImagePull, "403 Forbidden", "job.image"),
        ("pull-forbidden", hopeless, Reason::ImagePull, "does not let the image", "job.image"),
        ("pull-gone", registry, Reason::ImagePull, "503 Service Unavailable", "job.image"),
        ("pull-missing", hopeless, Reason::ImagePull, "missing/x:1` does not exist in its registry", "job.image"),
        ("pull-norepo", hopeless, Reason::ImagePull, "does not exist", "job.image"),
        ("pull-refused", pull, Reason::ImagePull, "connection refused", "job.image"),
        ("pull-tag-empty", hopeless, Reason::InvalidImage, "no valid name", "job.image"),
        ("pvc", start, Reason::ConfigMissing, "the PersistentVolumeClaim `nosuch-claim` does not exist", "job.volumes"),
        ("secret-env", hopeless, Reason::ConfigMissing, "the Secret `nosuch-secret` does not exist", ""),
        ("secret-key", hopeless, Reason::ConfigMissing, "the Secret `have` has no key `nokey`", ""),
        ("selector", patient, Reason::Unschedulable, "the only node cannot take the pod", "job.nodeSelector"),
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
        assert_eq!(text(waiting.cause.field.as_ref()), field, "{name}");
        assert!(waiting.cause.hint.is_some(), "{name} has no hint");
    }
}

#[test]
fn says_nothing_of_a_pod_that_is_being_started_or_runs() {
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
fn gives_the_engines_own_secret_a_moment() {
    let pod: PodView = fixture(PODS, "secret-env");
    let graces = Graces::default();
    let own_objects = ["nosuch-secret".to_owned()];
    let context = WaitingContext {
        own_objects: &own_objects,
        graces: &graces,
        now: now(),
    };
    let waiting = waiting(&pod, context).unwrap();
    assert_eq!(waiting.class, Class::Grace(graces.own_object));
    let events: Vec<EventView> = fixture(EVENTS, "secret-vol");
    let waiting = from_pod_events(&events, context).unwrap();
    assert_eq!(waiting.class, Class::Grace(graces.own_object));
}

#[test]
fn does_not_give_up_for_a_kubelet_that_was_restarted() {
    let graces = Graces::default();
    let mut pod: PodView = fixture(PODS, "secret-env");
    let status = &mut pod.status.container_statuses[0];
    let context = WaitingContext {
        own_objects: &[],
        graces: &graces,
        now: now(),
    };
    for (word, text, class) in [
        (
            "CreateContainerConfigError",
            "failed to sync secret cache: timed out waiting for the condition",
            Class::Grace(graces.start),
        ),
        (
            "CreateContainerConfigError",
            "services have not yet been read at least once, cannot construct envvars",
            Class::Grace(graces.start),
        ),
        ("SomethingNewError", "", Class::Grace(graces.unknown)),
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
fn tells_of_a_node_that_does_not_end_a_deleted_pod() {
    let pod: PodView = fixture(PODS, "deleting");
    let deletion = pod.metadata.deletion_timestamp.as_ref().unwrap().0;
    let at = |seconds| {
        waiting(
            &pod,
            WaitingContext {
                own_objects: &[],
                graces: &Graces::default(),
                now: deletion + SignedDuration::from_secs(seconds),
            },
        )
    };
    assert_eq!(at(29), None);
    let waiting = at(31).unwrap();
    assert_eq!(waiting.class, Class::Patient);
    assert!(waiting.cause.message.contains("for 31 s"), "{waiting:?}");
    assert_eq!(attempt_end(&pod, CONTEXT), None);
}

#[test]
fn says_how_an_attempt_ended() {
    let (script, start) = (Reason::ScriptError, Reason::StartFailed);
    let memory = "job.resources.limits.memory";
    #[rustfmt::skip]
    let cases = [
        ("badmount", start, None, "could not be started: error during container init: error mounting", "job.volumeMounts"),
        ("child9", Reason::Signalled, Some(137), "was ended by signal 9 (SIGKILL), and not for want of memory", ""),
        ("drained", Reason::Evicted, Some(137), "was evicted: somebody clears the node `node-a`", ""),
        ("ephemeral", Reason::Evicted, Some(137), "than its limit of 10Mi", "job.resources.limits.ephemeral-storage"),
        ("exit3", script, Some(3), "exited with code 3", ""),
        ("init-fail", start, None, "failed: its container `prepare` exited with code 4", ""),
        ("init-oom", Reason::OomKilled, None, "its container `prepare` used more memory than its limit of 32Mi", ""),
        ("msg", script, Some(7), "exited with code 7", ""),
        ("no-exec", start, None, "permission denied", "script.interpreter"),
        ("no-interp", Reason::InterpreterMissing, None, "could not be started: the program `python3` is not in the image", "job.image"),
        ("no-interp-abs", Reason::InterpreterMissing, None, "`/usr/bin/python3` does not exist in the image", "job.image"),
        ("oom", Reason::OomKilled, Some(137), "used more memory than its limit of 32Mi", memory),
        ("oom-child", Reason::OomKilled, Some(5), "used more memory than its limit of 32Mi", memory),
        ("outofcpu", Reason::Unschedulable, None, "not enough cpu: 500000m requested, 0m used of 2000m", "job.resources.requests.cpu"),
        ("poddeadline", Reason::DeadlineExceeded, Some(137), "the `activeDeadlineSeconds` of its own", "job.podTemplate"),
        ("rejected-affinity", Reason::Unschedulable, None, "was refused by the node `node-a`: Predicate NodeAffinity failed", ""),
        ("segv", Reason::Signalled, Some(139), "was ended by signal 11 (SIGSEGV)", ""),
        ("sh-126", script, Some(126), "exited with code 126", ""),
        ("sh-notfound", script, Some(127), "exited with code 127", ""),
        ("workdir", start, None, "mkdir /etc/passwd: not a directory", ""),
        ("deleted", Reason::Signalled, Some(137), "was ended: somebody deleted its pod", ""),
    ];
    for (name, reason, code, message, field) in cases {
        let AttemptVerdict { end, counts } = ended(name, CONTEXT);
        assert_eq!((end.reason, end.exit_code), (Some(reason), code), "{name}");
        let said = text(end.message.as_ref());
        assert!(said.contains(message), "{name}: {said}");
        assert_eq!(text(end.field.as_ref()), field, "{name}");
        assert_eq!(counts, name != "drained", "{name}");
    }
    let success = ended("success", CONTEXT);
    assert_eq!((success.end.reason, success.end.exit_code), (None, Some(0)));
}

#[test]
fn takes_the_time_that_the_container_took() {
    assert_eq!(ended("ephemeral", CONTEXT).end.duration.as_secs(), 14);
    // It did not start: the runtime says 1970.
    assert_eq!(ended("no-interp", CONTEXT).end.duration, Duration::ZERO);
}

#[test]
fn puts_the_cause_before_what_the_program_made_of_it() {
    let past = AttemptContext {
        is_past_deadline: true,
        ..CONTEXT
    };
    for (name, code) in [("deadline", 137), ("deadline-with-code", 9)] {
        let AttemptVerdict { end, counts } = ended(name, past);
        assert_eq!(end.reason, Some(Reason::DeadlineExceeded));
        assert!(
            text(end.message.as_ref()).contains("its deadline of 4s"),
            "{end:?}"
        );
        assert_eq!((end.exit_code, counts), (Some(code), true));
    }
    let suspended = AttemptContext {
        is_suspended: true,
        ..CONTEXT
    };
    let verdict = ended("suspended", suspended);
    assert_eq!(
        (verdict.end.reason, verdict.counts),
        (Some(Reason::Preempted), false)
    );
    let cancelled = AttemptContext {
        is_cancelled: true,
        ..CONTEXT
    };
    assert_eq!(
        ended("deleted", cancelled).end.reason,
        Some(Reason::Cancelled)
    );
    // A program that succeeded in time succeeded.
    assert_eq!(ended("success", past).end.reason, None);
}

/// The conditions and statuses of nodes that fail, as Kubernetes documents them
/// (<https://kubernetes.io/docs/concepts/workloads/pods/disruptions/>): no node was lost for this.
#[test]
fn says_who_needed_the_pod_away() {
    let cases = [
        (
            "PreemptionByScheduler",
            Reason::Preempted,
            "of higher priority",
        ),
        (
            "DeletionByTaintManager",
            Reason::NodeLost,
            "was lost with its node `node-a`",
        ),
        (
            "DeletionByPodGC",
            Reason::NodeLost,
            "was lost with its node",
        ),
        (
            "TerminationByKubelet",
            Reason::Evicted,
            "was evicted by the node `node-a`: x",
        ),
        ("SomethingNew", Reason::Evicted, "SomethingNew: x"),
    ];
    for (word, reason, message) in cases {
        let mut pod: PodView = fixture(PODS, "drained");
        pod.status.phase = Some("Running".to_owned());
        let condition = pod
            .status
            .conditions
            .iter_mut()
            .find(|it| it.type_ == "DisruptionTarget");
        let condition = condition.unwrap();
        condition.reason = Some(word.to_owned());
        condition.message = Some("x".to_owned());
        assert_eq!(attempt_end(&pod, CONTEXT), None, "{word}: not yet");
        let gone = AttemptContext {
            is_gone: true,
            ..CONTEXT
        };
        let AttemptVerdict { end, counts } = attempt_end(&pod, gone).unwrap();
        assert_eq!((end.reason, counts), (Some(reason), false), "{word}");
        assert!(text(end.message.as_ref()).contains(message), "{end:?}");
    }
    let cases = [
        (
            "Evicted",
            "The node was low on resource: memory. Threshold quantity: 100Mi, available: 90Mi. Container job was using 2Gi, request is 0, has larger consumption of memory. ",
            Reason::Evicted,
            "the node was low on memory",
        ),
        (
            "Evicted",
            "The node was low on resource: pids. ",
            Reason::Evicted,
            "low on pids",
        ),
        (
            "Evicted",
            "Usage of EmptyDir volume \"v\" exceeds the limit \"1Mi\". ",
            Reason::Evicted,
            "EmptyDir",
        ),
        (
            "Evicted",
            "Container job exceeded its local ephemeral storage limit \"10Mi\". ",
            Reason::Evicted,
            "its limit of 10Mi",
        ),
        (
            "NodeLost",
            "Node x which was running pod y is unresponsive",
            Reason::NodeLost,
            "with its node `node-a`",
        ),
        (
            "Preempting",
            "Preempted in order to admit critical pod",
            Reason::Preempted,
            "make room",
        ),
        (
            "Terminated",
            "Pod was terminated in response to imminent node shutdown.",
            Reason::NodeLost,
            "was shut down",
        ),
        (
            "UnexpectedAdmissionError",
            "Allocate failed due to no healthy devices present; cannot allocate unhealthy devices nvidia.com/gpu, which is unexpected",
            Reason::Unschedulable,
            "no healthy devices",
        ),
        (
            "OutOfmemory",
            "Node didn't have enough resource: memory, requested: 8589934592, used: 0, capacity: 4089446400",
            Reason::Unschedulable,
            "8589934592 requested, 0 used of 4089446400",
        ),
    ];
    for (word, said, reason, message) in cases {
        let mut pod: PodView = fixture(PODS, "exit3");
        pod.status.reason = Some(word.to_owned());
        pod.status.message = Some(said.to_owned());
        let end = attempt_end(&pod, CONTEXT).unwrap().end;
        assert_eq!(end.reason, Some(reason), "{word}");
        assert!(text(end.message.as_ref()).contains(message), "{end:?}");
        assert!(end.hint.is_some(), "{word} has no hint");
    }
}

#[test]
fn loses_the_exit_code_with_the_container() {
    let mut pod: PodView = fixture(PODS, "exit3");
    let ended = pod.status.container_statuses[0]
        .state
        .terminated
        .as_mut()
        .unwrap();
    ended.exit_code = 137;
    ended.reason = Some("ContainerStatusUnknown".to_owned());
    let end = attempt_end(&pod, CONTEXT).unwrap().end;
    assert_eq!((end.reason, end.exit_code), (Some(Reason::NodeLost), None));
}

#[test]
fn leaves_a_program_its_own_exit_codes() {
    // git, for one, has 128 and 129.
    for code in [128, 129, 200, 255] {
        let mut pod: PodView = fixture(PODS, "exit3");
        pod.status.container_statuses[0]
            .state
            .terminated
            .as_mut()
            .unwrap()
            .exit_code = code;
        let end = attempt_end(&pod, CONTEXT).unwrap().end;
        assert_eq!(
            (end.reason, end.exit_code),
            (Some(Reason::ScriptError), Some(code))
        );
    }
}

#[test]
fn says_how_a_job_ended() {
    let retries = [ended("retry", CONTEXT), ended("retry-2", CONTEXT)];
    let cases: [(&str, &[AttemptVerdict], Reason, u32, &str); 6] = [
        (
            "exit3",
            &[ended("exit3", CONTEXT)],
            Reason::ScriptError,
            1,
            "the only attempt exited with code 3",
        ),
        (
            "retry",
            &retries,
            Reason::ScriptError,
            2,
            "all 2 attempts failed (backoffLimit 1); the last one exited with code 3",
        ),
        (
            "deadline",
            &[],
            Reason::DeadlineExceeded,
            1,
            "took longer than its deadline of 4s",
        ),
        (
            "failure-policy",
            &[ended("failpolicy", CONTEXT)],
            Reason::ScriptError,
            1,
            "exited with code 42, after which `podFailurePolicy`",
        ),
        (
            "deleted",
            &[ended("deleted", CONTEXT)],
            Reason::Signalled,
            1,
            "somebody deleted its pod",
        ),
        (
            "exit3",
            &[],
            Reason::BackoffLimitExceeded,
            1,
            "nothing is left of them to say why",
        ),
    ];
    for (name, attempts, reason, failed, message) in cases {
        let end = job_end(&fixture(JOBS, name), attempts).unwrap();
        assert_eq!(
            (end.status, end.reason),
            (JobStatus::Failed, Some(reason)),
            "{name}"
        );
        assert_eq!((end.succeeded, end.failed), (0, failed), "{name}");
        let said = text(end.message.as_ref());
        assert!(said.contains(message), "{name}: {said}");
    }
    let end = job_end(&fixture(JOBS, "success"), &[]).unwrap();
    assert_eq!((end.status, end.succeeded), (JobStatus::Succeeded, 1));
    for name in ["bad-image", "no-sa", "suspended", "drained"] {
        assert_eq!(job_end(&fixture(JOBS, name), &[]), None, "{name}");
    }
}

#[test]
fn does_not_wait_for_the_job_controller() {
    let mut job: JobView = fixture(JOBS, "retry");
    job.status = JobStatusView::default();
    let (first, second) = (ended("retry", CONTEXT), ended("retry-2", CONTEXT));
    assert_eq!(job_end(&job, std::slice::from_ref(&first)), None);
    // What the cluster is to blame for does not count.
    assert_eq!(
        job_end(&job, &[first.clone(), ended("drained", CONTEXT)]),
        None
    );
    let end = job_end(&job, &[first.clone(), second]).unwrap();
    assert_eq!((end.reason, end.failed), (Some(Reason::ScriptError), 2));
    let end = job_end(&job, &[first, ended("success", CONTEXT)]).unwrap();
    assert_eq!(
        (end.status, end.succeeded, end.failed),
        (JobStatus::Succeeded, 1, 1)
    );
}

#[test]
fn knows_when_the_pods_are_behind_the_job() {
    let job: JobView = fixture(JOBS, "retry");
    let first = ended("retry", CONTEXT);
    assert!(attempts_missing(&job, std::slice::from_ref(&first)));
    assert!(!attempts_missing(&job, &[first, ended("retry-2", CONTEXT)]));
    assert!(attempts_missing(&fixture(JOBS, "success"), &[]));
}

#[test]
fn says_why_a_job_gets_no_pod() {
    let graces = Graces::default();
    let context = WaitingContext {
        own_objects: &[],
        graces: &graces,
        now: now(),
    };
    #[rustfmt::skip]
    let cases = [
        ("blank-image", Class::Hopeless, Reason::InvalidRequest, "must not have leading or trailing whitespace", "job.image"),
        ("limit-range", Class::Hopeless, Reason::PolicyDenied, "maximum memory usage per Container is 512Mi, but limit is 800Mi", "job.resources.limits.memory"),
        ("no-sa", Class::Grace(graces.service_account), Reason::ServiceAccountMissing, "`nosuch-account`", "job.serviceAccountName"),
        ("noruntime", Class::Hopeless, Reason::ConfigMissing, "no RuntimeClass `nosuch-runtime`", "job.runtimeClassName"),
        ("pod-security", Class::Hopeless, Reason::PolicyDenied, "`restricted:latest` refuses the job: allowPrivilegeEscalation != false", "job.securityContext"),
        ("priority", Class::Hopeless, Reason::ConfigMissing, "no PriorityClass `nosuch-priority`", "job.priorityClassName"),
        ("quota-never", Class::Hopeless, Reason::Quota, "requests.cpu=2 requested", "job.resources.requests.cpu"),
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
        assert_eq!(text(waiting.cause.field.as_ref()), field, "{name}");
    }
    // In the end there was room.
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
fn says_why_a_node_does_not_start_a_pod() {
    let graces = Graces::default();
    let context = WaitingContext {
        own_objects: &[],
        graces: &graces,
        now: now(),
    };
    let start = Class::Grace(graces.start);
    #[rustfmt::skip]
    let cases = [
        ("config-vol", Class::Hopeless, "the ConfigMap `nosuch-config` does not exist", ""),
        ("secret-vol", Class::Hopeless, "the Secret `nosuch-secret` does not exist", ""),
        ("key-vol", Class::Hopeless, "has no key `nokey`", ""),
        ("hostpath-vol", start, "the volume `v` cannot be mounted: hostPath type check failed", "job.volumes"),
        ("mem-tiny", start, "no space left on device", "job.resources.limits.memory"),
    ];
    for (name, class, message, field) in cases {
        let events: Vec<EventView> = fixture(EVENTS, name);
        let waiting = from_pod_events(&events, context).unwrap();
        assert_eq!(waiting.class, class, "{name}");
        assert_eq!(waiting.cause.reason, Reason::ConfigMissing, "{name}");
        assert!(waiting.cause.message.contains(message), "{waiting:?}");
        assert_eq!(text(waiting.cause.field.as_ref()), field, "{name}");
    }
    let events: Vec<EventView> = fixture(EVENTS, "pull-secret");
    assert_eq!(from_pod_events(&events, context), None);
    let waiting = with_pull_secrets(pod_waits("pull-basic").unwrap(), &events);
    assert!(text(waiting.cause.hint.as_ref()).contains("`nosuch-pull`"));
    let other = pod_waits("secret-env").unwrap();
    assert_eq!(with_pull_secrets(other.clone(), &events), other);
}

fn refused(kind: &'static str, status: Status) -> CapabilityError {
    creation_refused(
        &kube::Error::Api(status.boxed()),
        Creating { kind, job: "load" },
    )
}

#[test]
fn says_why_the_cluster_does_not_take_an_object() {
    #[rustfmt::skip]
    let cases = [
        ("bad-label", Reason::InvalidRequest, false, "`job.labels`: Invalid value: \"x y\"", "job.labels"),
        ("bad-name", Reason::InvalidRequest, false, "`metadata.name`: Invalid value: \"Bad_Name\"", ""),
        ("empty-image", Reason::InvalidRequest, false, "`job.image`: Required value", "job.image"),
        ("exists", Reason::Conflict, true, "a job named `load` is running", ""),
        ("forbidden", Reason::Denied, false, "`system:serviceaccount:team:limited` may not create jobs in the namespace `team`", ""),
        ("forbidden-secret", Reason::Denied, false, "may not create secrets", ""),
        ("invalid-quantity", Reason::InvalidRequest, false, "quantities must match", "job.resources"),
        ("job-too-large", Reason::TooLarge, false, "larger than 1.5 MiB", ""),
        ("many", Reason::InvalidRequest, false, "and 4 more", "job.activeDeadlineSeconds"),
        ("namespace", Reason::NamespaceMissing, false, "`nosuch-namespace` does not exist", "job.namespace"),
        ("policy", Reason::PolicyDenied, false, "the cluster's policy `no-foreign-images` refuses the job: images must come from registry.example.com", ""),
        ("psa-pod", Reason::PolicyDenied, false, "`restricted:latest`", "job.securityContext"),
        ("quota-jobs", Reason::Quota, true, "quota `team` is used up: count/jobs.batch=1 requested, count/jobs.batch=2 used, count/jobs.batch=2 allowed", ""),
        ("quota-secret", Reason::Quota, true, "count/secrets=1", ""),
        ("request-over-limit", Reason::InvalidRequest, false, "must be less than or equal to memory limit of 1Mi", "job.resources.requests"),
        ("secret-too-large", Reason::TooLarge, false, "Secret is larger than 1 MiB", "args"),
        ("terminating", Reason::NamespaceMissing, false, "is being deleted", "job.namespace"),
        ("too-large", Reason::TooLarge, false, "larger than", ""),
        ("unknown-quantity", Reason::InvalidRequest, false, "must be a standard resource", "job.resources.limits.foo"),
        ("webhook-down", Reason::EngineUnavailable, true, "`validation.down.example.com` does not answer", ""),
        ("webhook-err", Reason::EngineUnavailable, true, "does not answer", ""),
        ("webhook-gate", Reason::PolicyDenied, false, "`validation.gate.example.com` refuses the job: [container-must-have-limits]", ""),
        ("webhook-kyverno", Reason::PolicyDenied, false, "The label `team` is required", ""),
        ("wrong-type", Reason::InvalidRequest, false, "cannot unmarshal string", "job.volumeMounts"),
    ];
    for (name, reason, retryable, message, field) in cases {
        let kind = if name.contains("secret") {
            "Secret"
        } else {
            "Job"
        };
        let error = refused(kind, fixture(STATUSES, name));
        assert_eq!(
            (error.reason, error.retryable),
            (reason, retryable),
            "{name}"
        );
        assert!(error.message.contains(message), "{name}: {}", error.message);
        assert_eq!(text(error.field.as_ref()), field, "{name}");
    }
    let forbidden = refused("Job", fixture(STATUSES, "forbidden"));
    let rule = "`apiGroups: [\"batch\"], resources: [\"jobs\"], verbs: [\"create\"]`";
    assert!(text(forbidden.hint.as_ref()).contains(rule));
}

#[test]
fn tells_what_may_pass_from_what_will_not() {
    let cases = [
        (
            401,
            "Unauthorized",
            "Unauthorized",
            Reason::CredentialExpired,
            false,
        ),
        (
            429,
            "TooManyRequests",
            "too many requests, please try again later",
            Reason::EngineUnavailable,
            true,
        ),
        (
            500,
            "InternalError",
            "etcdserver: leader changed",
            Reason::EngineUnavailable,
            true,
        ),
        (
            503,
            "ServiceUnavailable",
            "x",
            Reason::EngineUnavailable,
            true,
        ),
        (
            504,
            "Timeout",
            "request did not complete within requested timeout",
            Reason::EngineUnavailable,
            true,
        ),
        (
            409,
            "Conflict",
            "Operation cannot be fulfilled on resourcequotas \"q\": the object has been modified",
            Reason::EngineUnavailable,
            true,
        ),
        (
            404,
            "NotFound",
            "the server could not find the requested resource",
            Reason::EngineUnavailable,
            false,
        ),
        (
            403,
            "Forbidden",
            "jobs.batch \"x\" is forbidden: something new",
            Reason::Denied,
            false,
        ),
    ];
    for (code, word, message, reason, retryable) in cases {
        let error = refused("Job", Status::failure(message, word).with_code(code));
        assert_eq!(
            (error.reason, error.retryable),
            (reason, retryable),
            "{code} {message}"
        );
    }
    let refused = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
    let error = kube::Error::Service(Box::new(refused));
    let error = creation_refused(
        &error,
        Creating {
            kind: "Job",
            job: "load",
        },
    );
    assert_eq!(
        (error.reason, error.retryable),
        (Reason::EngineUnavailable, true)
    );
    assert!(
        error.message.contains("connection refused"),
        "{}",
        error.message
    );
    let error = kube::Error::Service("invalid peer certificate: UnknownIssuer".into());
    let error = creation_refused(
        &error,
        Creating {
            kind: "Job",
            job: "load",
        },
    );
    assert_eq!((error.reason, error.retryable), (Reason::TlsFailed, false));
}

#[test]
fn repeats_nothing_of_a_secret_that_the_cluster_does_not_take() {
    let mut status: Status = fixture(STATUSES, "empty-image");
    let cause = &mut status.details.as_mut().unwrap().causes[0];
    cause.message = "Invalid value: \"hunter2\"".to_owned();
    cause.field = "data[key]".to_owned();
    status.message = "Secret \"s\" is invalid: data[key]: Invalid value: \"hunter2\"".to_owned();
    let error = refused("Secret", status);
    assert!(!format!("{error:?}").contains("hunter2"));
    assert!(error.message.contains("`data[key]`"));
}
