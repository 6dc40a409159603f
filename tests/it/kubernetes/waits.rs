//! A job that is ended while nothing of it could start says what it waited for.

use std::sync::Arc;
use std::time::Duration;

use fake_kubernetes::{Play, PlayedPod, Step};
use toolhost::capability::{JobEventKind, JobStatus, Reason};

use super::{Cluster, Ran, all_hold, run, start};

/// How long a second of a deadline is here: more than the host needs to look at events.
const DEADLINE_SECOND: Duration = Duration::from_secs(8);

fn cases() -> Vec<(&'static str, Play, Reason)> {
    let condition = |reason: &str| Step::Condition {
        kind: "PodScheduled".to_owned(),
        is_true: false,
        reason: reason.to_owned(),
        message: "0/1 nodes are available: 1 Insufficient cpu.".to_owned(),
    };
    vec![
        ("unschedulable", Play::Steps(vec![condition("Unschedulable")]), Reason::Unschedulable),
        ("gated", Play::Steps(vec![condition("SchedulingGated")]), Reason::Unschedulable),
        (
            "image",
            Play::image_pull_back_off("x/y:1", "dial tcp: i/o timeout"),
            Reason::ImagePull,
        ),
        (
            "quota",
            Play::NotCreated(
                "pods \"job-\" is forbidden: exceeded quota: team, requested: pods=1, used: pods=1, limited: pods=1"
                    .to_owned(),
            ),
            Reason::Quota,
        ),
        ("creating", Play::Steps(vec![Step::Schedule]), Reason::StartFailed),
    ]
}

async fn cluster_of(play: Play) -> Cluster {
    Cluster::with(|settings| {
        settings.playwright = Some(Arc::new(move |_: &PlayedPod<'_>| play.clone()));
        settings.deadline_second = DEADLINE_SECOND;
    })
    .await
}

fn assert_waited(ran: &Ran, status: JobStatus, reason: Reason, ended_by: &str) {
    assert_eq!(
        (ran.end.status, ran.end.reason()),
        (status, Some(reason)),
        "{ran:#?}"
    );
    assert_eq!((ran.end.succeeded, ran.end.failed), (0, 0), "{ran:#?}");
    assert!(ran.attempts().is_empty() && ran.logs.is_empty(), "{ran:#?}");
    let why = ran.end.explanation.as_ref().unwrap();
    assert!(why.message.contains(ended_by), "{}", why.message);
    assert_ne!(why.hint, None, "{ran:#?}");
    assert_ne!(
        why.field_text().as_deref(),
        Some("activeDeadlineSeconds"),
        "{ran:#?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_deadline_of_a_job_that_could_not_start_names_its_wait_and_no_attempt() {
    let case = |play: Play, reason: Reason| async move {
        let cluster = cluster_of(play).await;
        let mut request = Cluster::request("job", "true");
        request.active_deadline = Some(Duration::from_secs(1));
        let ran = run(&cluster.engine().await, request).await.unwrap();
        assert_waited(&ran, JobStatus::TimedOut, reason, "activeDeadlineSeconds");
    };
    all_hold(
        cases()
            .into_iter()
            .map(|(name, play, reason)| (name.to_owned(), case(play, reason))),
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_is_cancelled_while_it_could_not_start_names_its_wait_and_no_attempt() {
    let case = |play: Play, reason: Reason| async move {
        let cluster = cluster_of(play).await;
        let engine = cluster.engine().await;
        let mut running = start(&engine, Cluster::request("job", "true"))
            .await
            .unwrap();
        while !matches!(
            running.next_event().await.kind,
            JobEventKind::Waiting { .. }
        ) {}
        running.handle.request_cancel();
        assert_waited(
            &running.finish().await,
            JobStatus::Cancelled,
            reason,
            "cancelled",
        );
    };
    // Nothing is reported about a pod whose container is being created.
    let cases = cases().into_iter().filter(|(name, ..)| *name != "creating");
    all_hold(cases.map(|(name, play, reason)| (name.to_owned(), case(play, reason)))).await;
}

/// The first attempt ran and failed; the second one fits no node.
#[tokio::test(flavor = "multi_thread")]
async fn an_attempt_that_ran_counts_although_the_next_one_could_not_start() {
    let play = |pod: &PlayedPod<'_>| match pod.attempt {
        1 => Play::exits("first\n", 3),
        _ => Play::unschedulable("0/1 nodes are available: 1 Insufficient cpu."),
    };
    let cluster = Cluster::with(|settings| settings.playwright = Some(Arc::new(play))).await;
    let mut request = Cluster::request("job", "true");
    request.active_deadline = Some(Duration::from_secs(2));
    let ran = run(&cluster.engine().await, request).await.unwrap();
    assert_eq!(ran.end.reason(), Some(Reason::Unschedulable), "{ran:#?}");
    assert_eq!(
        (ran.end.status, ran.end.failed),
        (JobStatus::TimedOut, 1),
        "{ran:#?}"
    );
    let codes: Vec<_> = ran.attempts().iter().map(|end| end.exit_code).collect();
    assert_eq!(codes, [Some(3)], "{ran:#?}");
    assert_eq!(ran.logs, ["first\n"], "{ran:#?}");
}

/// A hopeless job is ended by the host, and its pod is not an attempt either.
#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_is_given_up_before_it_started_has_no_attempt() {
    let cluster = cluster_of(Play::invalid_image_name("UPPER/CASE")).await;
    let ran = run(&cluster.engine().await, Cluster::request("job", "true"))
        .await
        .unwrap();
    assert_eq!(
        (ran.end.status, ran.end.reason()),
        (JobStatus::Failed, Some(Reason::InvalidImage)),
        "{ran:#?}"
    );
    assert_eq!((ran.end.failed, ran.attempts().len()), (0, 0), "{ran:#?}");
}
