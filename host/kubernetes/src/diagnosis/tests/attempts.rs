use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::SignedDuration;
use toolhost_capability::Reason;

use super::*;
use crate::view::PodView;

#[test]
fn the_end_of_an_attempt_follows_from_its_pod() {
    let (script, start) = (Reason::ScriptError, Reason::StartFailed);
    let memory = "resources.limits.memory";
    #[rustfmt::skip]
    let cases = [
        ("badmount", start, None, "could not be started: error during container init: error mounting", "volumeMounts"),
        ("child9", Reason::Signalled, Some(137), "was ended by signal 9 (SIGKILL), and not for lack of memory", ""),
        ("drained", Reason::Evicted, Some(137), "was evicted: the node `node-a` is being drained", ""),
        ("ephemeral", Reason::Evicted, Some(137), "than its limit of 10Mi", "resources.limits.ephemeral-storage"),
        ("exit3", script, Some(3), "exited with code 3", ""),
        ("init-fail", start, None, "failed: its container `prepare` exited with code 4", ""),
        ("init-oom", Reason::OomKilled, None, "its container `prepare` used more memory than its limit of 32Mi", ""),
        ("msg", script, Some(7), "exited with code 7", ""),
        ("no-exec", start, None, "permission denied", "command[0]"),
        ("no-interp", Reason::InterpreterMissing, None, "could not be started: the program `python3` is not in the image", "image"),
        ("no-interp-abs", Reason::InterpreterMissing, None, "`/usr/bin/python3` does not exist in the image", "image"),
        ("oom", Reason::OomKilled, Some(137), "used more memory than its limit of 32Mi", memory),
        ("oom-child", Reason::OomKilled, Some(5), "used more memory than its limit of 32Mi", memory),
        ("outofcpu", Reason::Unschedulable, None, "not have enough cpu: 500000m requested, 0m used of 2000m", "resources.requests.cpu"),
        ("poddeadline", Reason::DeadlineExceeded, Some(137), "its own `activeDeadlineSeconds`", "podTemplate"),
        ("rejected-affinity", Reason::Unschedulable, None, "was refused by the node `node-a`: Predicate NodeAffinity failed", ""),
        ("segv", Reason::Signalled, Some(139), "was ended by signal 11 (SIGSEGV)", ""),
        ("sh-126", script, Some(126), "exited with code 126", ""),
        ("sh-notfound", script, Some(127), "exited with code 127", ""),
        ("workdir", start, None, "mkdir /etc/passwd: not a directory", ""),
        ("deleted", Reason::Deleted, Some(137), "was ended: its pod was deleted", ""),
    ];
    for (name, reason, code, message, field) in cases {
        let AttemptVerdict { end, counts } = ended(name, CONTEXT);
        assert_eq!(
            (end.reason(), end.exit_code),
            (Some(reason), code),
            "{name}"
        );
        let said = message_of(end.explanation.as_ref());
        assert!(said.contains(message), "{name}: {said}");
        assert_eq!(field_of(end.explanation.as_ref()), field, "{name}");
        assert_eq!(counts, name != "drained", "{name}");
    }
    let success = ended("success", CONTEXT);
    assert_eq!(
        (success.end.reason(), success.end.exit_code),
        (None, Some(0))
    );
}

#[test]
fn the_duration_is_that_of_the_container() {
    assert_eq!(ended("ephemeral", CONTEXT).end.duration.as_secs(), 14);
    // It did not start: the runtime reports 1970.
    assert_eq!(ended("no-interp", CONTEXT).end.duration, Duration::ZERO);
}

#[test]
fn the_cause_takes_precedence_over_the_reaction_of_the_program() {
    let past = AttemptContext {
        job_stop: Some(JobStop::Deadline(Duration::from_secs(4))),
        ..CONTEXT
    };
    for (name, code) in [("deadline", 137), ("deadline-with-code", 9)] {
        let AttemptVerdict { end, counts } = ended(name, past);
        assert_eq!(end.reason(), Some(Reason::DeadlineExceeded));
        assert!(
            message_of(end.explanation.as_ref()).contains("its deadline of 4s"),
            "{end:?}"
        );
        assert_eq!((end.exit_code, counts), (Some(code), true));
    }
    let suspended = AttemptContext {
        job_stop: Some(JobStop::Suspended),
        ..CONTEXT
    };
    let verdict = ended("suspended", suspended);
    assert_eq!(
        (verdict.end.reason(), verdict.counts),
        (Some(Reason::Preempted), false)
    );
    let cancelled = AttemptContext {
        job_stop: Some(JobStop::Cancelled),
        ..CONTEXT
    };
    assert_eq!(
        ended("deleted", cancelled).end.reason(),
        Some(Reason::Cancelled)
    );
    // A program that succeeded in time succeeded.
    assert_eq!(ended("success", past).end.reason(), None);
}

/// The conditions and statuses of nodes that fail, as Kubernetes documents them
/// (<https://kubernetes.io/docs/concepts/workloads/pods/disruptions/>): no node was lost for this.
#[test]
fn the_cause_of_a_disruption_is_named() {
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
        assert_eq!((end.reason(), counts), (Some(reason), false), "{word}");
        assert!(
            message_of(end.explanation.as_ref()).contains(message),
            "{end:?}"
        );
    }
}

/// Texts from the kubelet's sources (`pkg/kubelet/eviction`, `lifecycle`, `nodeshutdown`).
#[test]
fn the_cause_of_an_eviction_by_the_node_is_named() {
    #[rustfmt::skip]
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
            "was preempted",
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
        assert_eq!(end.reason(), Some(reason), "{word}");
        assert!(
            message_of(end.explanation.as_ref()).contains(message),
            "{end:?}"
        );
        assert!(
            end.explanation.unwrap().hint.is_some(),
            "{word} has no hint"
        );
    }
}

#[test]
fn the_exit_code_is_lost_with_the_container() {
    let mut pod: PodView = fixture(PODS, "exit3");
    let ended = pod.status.container_statuses[0]
        .state
        .terminated
        .as_mut()
        .unwrap();
    ended.exit_code = 137;
    ended.reason = Some("ContainerStatusUnknown".to_owned());
    let end = attempt_end(&pod, CONTEXT).unwrap().end;
    assert_eq!(
        (end.reason(), end.exit_code),
        (Some(Reason::NodeLost), None)
    );
}

#[test]
fn exit_codes_of_programs_are_not_taken_for_signals() {
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
            (end.reason(), end.exit_code),
            (Some(Reason::ScriptError), Some(code))
        );
    }
}

/// A host that adopts the jobs of another one sees pods that ended long before.
#[test]
fn a_program_that_ended_before_the_pod_was_deleted_keeps_its_own_end() {
    let mut pod: PodView = fixture(PODS, "exit3");
    let status = &pod.status.container_statuses[0];
    let finished = status
        .state
        .terminated
        .as_ref()
        .unwrap()
        .finished_at
        .clone();
    let later = |seconds| Time(finished.as_ref().unwrap().0 + SignedDuration::from_secs(seconds));
    let stops = [
        None,
        Some(JobStop::Cancelled),
        Some(JobStop::Suspended),
        Some(JobStop::Deadline(Duration::from_secs(4))),
    ];
    for job_stop in stops {
        let context = AttemptContext {
            job_stop,
            ..CONTEXT
        };
        // The kubelet deletes a pod that it ended a second time, with a grace period of 0.
        for grace in [30, 0] {
            pod.metadata.deletion_grace_period_seconds = Some(grace);
            pod.metadata.deletion_timestamp = Some(later(31));
            let AttemptVerdict { end, counts } = attempt_end(&pod, context).unwrap();
            let before = (end.reason(), counts);
            assert_eq!(before, (Some(Reason::ScriptError), true), "{job_stop:?}");
            pod.metadata.deletion_timestamp = Some(later(29));
            let after = attempt_end(&pod, context).unwrap().end.reason();
            assert_ne!(after, Some(Reason::ScriptError), "{job_stop:?}");
        }
    }
}

#[test]
fn a_sidecar_is_not_blamed_for_the_script() {
    let mut pod: PodView = fixture(PODS, "exit3");
    let mut sidecar = pod.status.container_statuses[0].clone();
    sidecar.name = "proxy".to_owned();
    sidecar.state.terminated.as_mut().unwrap().exit_code = 143;
    pod.status.init_container_statuses.push(sidecar.clone());
    pod.status.container_statuses.insert(0, sidecar);
    let end = attempt_end(&pod, CONTEXT).unwrap().end;
    assert_eq!(
        (end.reason(), end.exit_code),
        (Some(Reason::ScriptError), Some(3))
    );
}
