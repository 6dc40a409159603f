//! What an hour costs in which nothing happens to a job.

use std::sync::Arc;
use std::time::Duration;

use fake_kubernetes::{Play, Step};
use tokio::time::sleep;

use super::{Cluster, start};
use crate::virtual_time::{in_virtual_time, wake_ups};

const HOUR: Duration = Duration::from_hours(1);
/// The requests of an hour in which nothing is requested: two watches are restarted after 290 s each.
const WATCHES_PER_HOUR: usize = 28;
/// Those for events, where only they say why a job waits: after 5, 10, 20, 40, 80 and then each 120 s.
const EVENTS_PER_HOUR: usize = 36;
/// Those for the log of a node that does not give it.
const LOGS_PER_HOUR: usize = 120;
/// How often the thread wakes up that the engine and the server share: for these requests, on both sides of the
/// connections, for what the server says on its watches each minute, and for the controller's own tries: 400 to 1,800 were
/// seen. A timer of each second would make 3,600 of it.
const WAKE_UPS_PER_HOUR: u64 = 2_500;

fn waiting(reason: &str, message: &str) -> Play {
    Play::waiting(reason, message)
}

fn steps(steps: impl IntoIterator<Item = Step>) -> Play {
    Play::Steps(steps.into_iter().collect())
}

fn warning(reason: &str, message: &str) -> Step {
    Step::Event {
        is_warning: true,
        reason: reason.to_owned(),
        message: message.to_owned(),
    }
}

/// Lets an hour pass after the job has been waiting for a minute, in which there are at most so many requests.
fn an_hour_of(play: Play, requests: usize) {
    let play = move |_: &fake_kubernetes::PlayedPod<'_>| play.clone();
    an_hour_with(play, requests, |_| {}, |_| {});
}

fn an_hour_with(
    play: impl Fn(&fake_kubernetes::PlayedPod<'_>) -> Play + Send + Sync + 'static,
    most_requests: usize,
    settings: impl FnOnce(&mut fake_kubernetes::Settings) + Send + 'static,
    prepare: impl FnOnce(&Cluster) + Send + 'static,
) {
    in_virtual_time(move || async move {
        let cluster = Cluster::with(|known| {
            known.playwright = Some(Arc::new(play));
            known.bookmark_interval = Duration::from_mins(1);
            known.backoff_base = Duration::from_secs(10);
            settings(known);
        })
        .await;
        let engine = cluster.engine().await;
        let mut request = Cluster::request("job", "true");
        request.labels = labels(&cluster);
        let running = start(&engine, request).await.unwrap();
        prepare(&cluster);
        tokio::time::pause();
        sleep(Duration::from_mins(1)).await;

        let (wake_ups_before, requests_before) =
            (wake_ups(), cluster.server.requests().all().len());
        sleep(HOUR).await;
        let woken = wake_ups() - wake_ups_before;
        let requests = cluster.server.requests().all();
        let shown: Vec<_> = requests[requests_before..]
            .iter()
            .map(fake_kubernetes::RequestRecord::summary)
            .collect();
        eprintln!("{woken} wake-ups, {} requests", shown.len());
        assert!(shown.len() <= most_requests, "{shown:#?}");
        assert!(woken <= WAKE_UPS_PER_HOUR, "{woken} wake-ups");
        // Its handle is dropped, which ends it.
        drop(running);
    });
}

/// Where the server has a queue, the job belongs to it.
fn labels(cluster: &Cluster) -> std::collections::BTreeMap<String, String> {
    let has_queue = cluster.server.has_queue();
    let label = ("kueue.x-k8s.io/queue-name".to_owned(), "jobs".to_owned());
    has_queue.then_some(label).into_iter().collect()
}

#[test]
fn that_no_node_has_capacity_for() {
    an_hour_of(
        Play::unschedulable(
            "0/1 nodes are available: 1 Insufficient cpu. preemption: not helpful.",
        ),
        WATCHES_PER_HOUR,
    );
}

#[test]
fn whose_image_cannot_be_pulled_and_may_be_later() {
    let message = "dial tcp: lookup registry: i/o timeout";
    an_hour_of(
        Play::image_pull_back_off("x/y:1", message),
        WATCHES_PER_HOUR + EVENTS_PER_HOUR,
    );
}

#[test]
fn that_waits_in_a_way_that_is_not_known() {
    an_hour_of(waiting("SomethingNew", "for something"), WATCHES_PER_HOUR);
}

#[test]
fn that_a_scheduling_gate_holds_back() {
    an_hour_of(
        steps([Step::Condition {
            kind: "PodScheduled".to_owned(),
            is_true: false,
            reason: "SchedulingGated".to_owned(),
            message: "Scheduling is blocked due to non-empty scheduling gates".to_owned(),
        }]),
        WATCHES_PER_HOUR,
    );
}

#[test]
fn whose_quota_is_used_up() {
    an_hour_of(Play::NotCreated(
        "pods \"job-\" is forbidden: exceeded quota: team, requested: pods=1, used: pods=1, limited: pods=1"
            .to_owned(),
    ), WATCHES_PER_HOUR + EVENTS_PER_HOUR);
}

#[test]
fn that_no_webhook_admits() {
    an_hour_of(Play::NotCreated(
        "Internal error occurred: failed calling webhook \"x.example.com\": failed to call webhook: no endpoints"
            .to_owned(),
    ), WATCHES_PER_HOUR + EVENTS_PER_HOUR);
}

#[test]
fn whose_container_is_being_created() {
    an_hour_of(steps([Step::Schedule]), WATCHES_PER_HOUR + EVENTS_PER_HOUR);
}

#[test]
fn whose_volume_cannot_be_attached() {
    let message = "Multi-Attach error for volume \"x\"";
    an_hour_of(
        steps([Step::Schedule, warning("FailedAttachVolume", message)]),
        WATCHES_PER_HOUR + EVENTS_PER_HOUR,
    );
}

#[test]
fn that_runs_and_is_silent() {
    an_hour_of(steps([Step::Schedule, Step::Start]), WATCHES_PER_HOUR);
}

#[test]
fn whose_node_is_lost_while_its_pod_is_deleted() {
    an_hour_of(
        steps([Step::Schedule, Step::Start, Step::LoseNode, Step::Delete]),
        WATCHES_PER_HOUR + EVENTS_PER_HOUR + LOGS_PER_HOUR,
    );
}

#[test]
fn that_waits_for_its_next_attempt() {
    let play = |_: &fake_kubernetes::PlayedPod<'_>| Play::exits("", 1);
    let settings = |settings: &mut fake_kubernetes::Settings| {
        settings.backoff_base = 3 * HOUR;
        settings.max_backoff = 3 * HOUR;
    };
    an_hour_with(play, WATCHES_PER_HOUR + EVENTS_PER_HOUR, settings, |_| {});
}

#[test]
fn that_a_queue_holds_back() {
    let settings = |settings: &mut fake_kubernetes::Settings| settings.queue_slots = Some(0);
    an_hour_with(|_| Play::Processes, WATCHES_PER_HOUR, settings, |_| {});
}

#[test]
fn that_somebody_suspended() {
    let suspend = |cluster: &Cluster| cluster.server.suspend("default", "job", true);
    let play = |_: &fake_kubernetes::PlayedPod<'_>| steps([Step::Schedule]);
    an_hour_with(play, WATCHES_PER_HOUR, |_| {}, suspend);
}

#[test]
fn whose_events_may_not_be_read() {
    let deny = |cluster: &Cluster| cluster.server.deny("list", "events");
    let play = |_: &fake_kubernetes::PlayedPod<'_>| steps([Step::Schedule]);
    an_hour_with(play, WATCHES_PER_HOUR + EVENTS_PER_HOUR, |_| {}, deny);
}
