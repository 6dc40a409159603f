//! Whatever goes wrong with one request, the run comes to the same end.

use std::collections::BTreeMap;
use std::time::Duration;

use fake_kubernetes::{Fault, Match, Planned, Play, Refusal, Step, When};
use jiff::Timestamp;
use toolhost::capability::{JobEvent, JobEventKind, JobRequest, JobStatus};
use toolhost_kubernetes::KubernetesEngine;

use super::{Cluster, Ran, all_hold, run, start};

/// How long a request may take where one of them stalls.
const SHORT_TIMEOUT: Duration = Duration::from_secs(1);
/// How a script says that it is under way.
const BEGUN: &str = "attempt";

/// A job that fails once and then succeeds.
fn job(cluster: &Cluster) -> JobRequest {
    let counter = cluster.folder.path().join("attempts");
    let counter = counter.display();
    let script = format!(
        "echo >> {counter}; n=$(wc -l < {counter}); n=$((n))\n\
         printf 'same\\nsame\\n\\nsame\\n'; echo attempt $n; printf 'no end'; [ $n -eq 2 ]\n"
    );
    Cluster::request("job", &script)
}

fn log(attempt: u32) -> String {
    format!("same\nsame\n\nsame\nattempt {attempt}\nno end")
}

/// Checks everything that is to be said of a run of [`job`].
async fn assert_right(cluster: &Cluster, ran: &Ran) {
    let shown = format!("{ran:#?}\n{:#?}", cluster.requests());
    assert_eq!(ran.end.status, JobStatus::Succeeded, "{shown}");
    assert_eq!((ran.end.succeeded, ran.end.failed), (1, 1), "{shown}");
    assert_eq!(ran.logs, [log(1), log(2)], "{shown}");
    let codes: Vec<_> = ran.attempts().iter().map(|end| end.exit_code).collect();
    assert_eq!(codes, [Some(1), Some(0)], "{shown}");
    assert_eq!(
        (cluster.ever("Job"), cluster.ever("Pod")),
        (1, 2),
        "{shown}"
    );
    let attempts = std::fs::read_to_string(cluster.folder.path().join("attempts")).unwrap();
    assert_eq!(attempts, "\n\n", "{shown}");
    assert!(!ran.identity.adopted, "{shown}");
    let is_clean = |server: &fake_kubernetes::FakeKubernetes| server.existing("secrets").is_empty();
    cluster.until("a Secret is left", is_clean).await;
}

/// Runs with a fault, which is returned.
async fn run_with(fault: impl FnOnce(&Cluster) -> Planned) -> Planned {
    run_with_timeout(None, fault).await
}

async fn run_with_timeout(
    limit: Option<Duration>,
    fault: impl FnOnce(&Cluster) -> Planned,
) -> Planned {
    let cluster = Cluster::new().await;
    let mut settings = cluster.settings();
    if let Some(limit) = limit {
        settings.cluster.request_timeout = limit;
    }
    let engine = KubernetesEngine::new(settings).await.unwrap();
    let planned = fault(&cluster);
    let ran = match run(&engine, job(&cluster)).await {
        Ok(ran) => ran,
        Err(error) => panic!("refused: {error:?}\n{:#?}", cluster.requests()),
    };
    assert_right(&cluster, &ran).await;
    planned
}

/// Every request of a run without faults: verb, resource, and which of these it is.
async fn requests_of_a_run() -> Vec<(String, String, usize)> {
    let cluster = Cluster::new().await;
    let engine = cluster.engine().await;
    let ran = run(&engine, job(&cluster)).await.unwrap();
    assert_right(&cluster, &ran).await;
    let mut counts = BTreeMap::new();
    let requests = cluster.server.requests().all();
    let numbered = requests.iter().map(|request| {
        let call = &request.call;
        let key = (call.verb.clone(), call.full_resource());
        let count: &mut usize = counts.entry(key.clone()).or_default();
        *count += 1;
        (key.0, key.1, *count)
    });
    numbered.collect()
}

/// What a server, and the way to it, may do with a request.
fn faults() -> Vec<(&'static str, Option<Duration>, Fault)> {
    use When::{AfterWork, BeforeWork};
    let conflict = "Operation cannot be fulfilled on jobs.batch \"job\": the object has been modified; please \
                    apply your changes to the latest version and try again";
    let expired = "The provided continue parameter is too old to display a consistent list result";
    let slow =
        "Timeout: request did not complete within requested timeout - context deadline exceeded";
    let busy = Refusal::of_code(429, "too many requests, please try again later").retry_after(1);
    let refuse = Fault::Refuse;
    vec![
        (
            "409",
            None,
            refuse(BeforeWork, Refusal::of_code(409, conflict)),
        ),
        (
            "410",
            None,
            refuse(BeforeWork, Refusal::of_code(410, expired)),
        ),
        ("429", None, refuse(BeforeWork, busy)),
        (
            "500",
            None,
            refuse(
                BeforeWork,
                Refusal::of_code(500, "etcdserver: leader changed"),
            ),
        ),
        (
            "500, done",
            None,
            refuse(
                AfterWork,
                Refusal::of_code(500, "etcdserver: request timed out"),
            ),
        ),
        ("504", None, refuse(BeforeWork, Refusal::of_code(504, slow))),
        (
            "504, done",
            None,
            refuse(AfterWork, Refusal::of_code(504, slow)),
        ),
        ("reset", None, Fault::Close(BeforeWork)),
        ("reset, done", None, Fault::Close(AfterWork)),
        ("stall", Some(SHORT_TIMEOUT), Fault::Stall(BeforeWork, None)),
        (
            "stall, done",
            Some(SHORT_TIMEOUT),
            Fault::Stall(AfterWork, None),
        ),
        ("cut", None, Fault::Cut { bytes: 1 }),
        ("silence", Some(SHORT_TIMEOUT), Fault::Silence { bytes: 1 }),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn any_request_may_fail_once_in_any_way() {
    let mut cases = Vec::new();
    for (verb, resource, number) in requests_of_a_run().await {
        for (name, limit, fault) in faults() {
            let matching = Match::new(&verb, &resource).nth(number);
            // How often a log or a watch is begun is a matter of time.
            let is_sure = number == 1 || (resource != "pods/log" && verb != "watch");
            let title = format!("{verb} {resource} {number}, {name}");
            cases.push((title, async move {
                let plan = |cluster: &Cluster| cluster.server.faults().plan(matching, fault);
                let planned = run_with_timeout(limit, plan).await;
                assert!(
                    planned.matched() >= number || !is_sure,
                    "it was never asked for"
                );
            }));
        }
    }
    all_hold(cases).await;
}

/// A restarted kubelet gives this answer for a pod that it does not know yet, and the API server passes it on.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_does_not_know_its_pod_yet_is_asked_again() {
    let message = "the server could not find the requested resource ( pods/log job-abcde)";
    let unknown = Refusal::of_code(404, message).with("kind", "pods/log");
    let cases = (1..=4).map(|number| {
        let fault = Fault::Refuse(When::BeforeWork, unknown.clone());
        let matching = Match::new("get", "pods/log").nth(number);
        let case = async move {
            run_with(|cluster| cluster.server.faults().plan(matching, fault)).await;
        };
        (format!("log {number}"), case)
    });
    all_hold(cases).await;
}

/// A kubelet whose runtime has lost a log answers with a success, and with a message instead of the log.
#[tokio::test(flavor = "multi_thread")]
async fn a_message_of_a_node_instead_of_a_log_is_reported() {
    let cluster = Cluster::new().await;
    let engine = cluster.engine().await;
    let said = "unable to retrieve container logs for containerd://0123";
    let matching = Match::new("get", "pods/log").from(1);
    cluster.server.faults().plan(matching, Fault::Say(said));
    let request = Cluster::request("job", "echo lost");
    let ran = run(&engine, request).await.unwrap();
    assert_eq!(ran.end.status, JobStatus::Succeeded, "{ran:#?}");
    assert_eq!(ran.logs, [""], "{ran:#?}");
    let is_reported = |event: &JobEvent| match &event.kind {
        JobEventKind::Warning { message } => message.contains(said),
        _ => false,
    };
    assert!(ran.events.iter().any(is_reported), "{ran:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_may_break_off_after_any_byte() {
    let lines = "a\n\nsame\nsame\nsame\nlast\nno end";
    let second = Timestamp::from_second(1_700_000_000).unwrap();
    let steps = move || {
        let mut steps = vec![Step::Schedule, Step::Start];
        for (index, line) in lines.split_inclusive('\n').enumerate() {
            // Some lines share their nanosecond, others only their second.
            let after = Duration::from_nanos(u64::try_from(index / 3).unwrap());
            steps.push(Step::LogAt(second + after, line.to_owned()));
            if index == 3 {
                steps.push(Step::Wait(Duration::from_millis(30)));
            }
        }
        steps.push(Step::Exit {
            code: 0,
            reason: "Completed".to_owned(),
        });
        Play::Steps(steps)
    };
    let bytes = lines.len() + 7 * "2023-11-14T22:13:20.000000000Z ".len();
    let case = |bytes: usize, streams: usize| async move {
        let cluster = Cluster::with(|settings| {
            settings.playwright = Some(std::sync::Arc::new(move |_| steps()));
        })
        .await;
        let engine = cluster.engine().await;
        let cut = Match::new("get", "pods/log").times(streams);
        cluster.server.faults().plan(cut, Fault::Cut { bytes });
        let ran = run(&engine, Cluster::request("job", "true")).await.unwrap();
        assert_eq!(ran.logs, [lines], "{ran:#?}\n{:#?}", cluster.requests());
        assert_eq!(ran.end.status, JobStatus::Succeeded, "{ran:#?}");
    };
    let cases = (0..=bytes).map(|bytes| {
        let streams = 1 + bytes % 3;
        (
            format!("{streams} streams cut after {bytes} bytes"),
            case(bytes, streams),
        )
    });
    all_hold(cases).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn watches_may_break_off_anywhere() {
    let mut cases = Vec::new();
    for resource in ["jobs", "pods"] {
        for bytes in [0, 1, 7, 100, 900, 1_500, 3_000, 5_000] {
            let title = format!("watches of {resource} cut after {bytes} bytes");
            cases.push((title, async move {
                let cut = Match::new("watch", resource).times(4);
                let plan =
                    |cluster: &Cluster| cluster.server.faults().plan(cut, Fault::Cut { bytes });
                let planned = run_with(plan).await;
                assert!(planned.matched() >= 2);
            }));
        }
    }
    all_hold(cases).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn watches_may_fall_silent_anywhere() {
    let case = |(resource, bytes): (&'static str, usize)| {
        let case = async move {
            let silent = Match::new("watch", resource);
            let silence = Fault::Silence { bytes };
            let planned = run_with(|cluster| cluster.server.faults().plan(silent, silence)).await;
            assert!(planned.matched() >= 1);
        };
        (
            format!("watches of {resource} silent after {bytes} bytes"),
            case,
        )
    };
    let bytes = [0, 1_000, 2_000, 4_000, 8_000, 16_000];
    let cases = ["jobs", "pods"].map(|resource| bytes.map(|bytes| (resource, bytes)));
    all_hold(cases.into_iter().flatten().map(case)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_asks_for_time_is_given_it() {
    let cluster = Cluster::new().await;
    let busy = Refusal::of_code(429, "too many requests").retry_after(2);
    let creation = Match::new("create", "jobs").nth(1);
    let faults = cluster.server.faults();
    faults.plan(creation, Fault::Refuse(When::BeforeWork, busy));
    let ran = run(&cluster.engine().await, job(&cluster)).await.unwrap();
    assert_right(&cluster, &ran).await;
    let requests = cluster.server.requests().all();
    let mut creations = requests
        .iter()
        .filter(|request| request.summary() == "create jobs");
    let (first, second) = (creations.next().unwrap(), creations.next().unwrap());
    let between = second.started.duration_since(first.started);
    assert!(between.as_secs() >= 2, "{between:?}");
}

/// A job of two attempts that waits for a file in each.
fn waiting_job(cluster: &Cluster) -> JobRequest {
    let signal = cluster.folder.path().join("go");
    let mut request = job(cluster);
    let script = request.script.as_mut().unwrap();
    let text = String::from_utf8(script.content.to_vec()).unwrap();
    let wait = format!(
        "; while ! [ -e {} ]; do sleep 0.02; done; [ $n -eq 2 ]",
        signal.display()
    );
    script.content = text.replace("; [ $n -eq 2 ]", &wait).into();
    request
}

async fn run_while(breaking: impl AsyncFnOnce(&Cluster)) {
    let cluster = Cluster::new().await;
    let engine = cluster.engine().await;
    let running = start(&engine, waiting_job(&cluster)).await.unwrap();
    running.logs.until(BEGUN).await;
    breaking(&cluster).await;
    std::fs::write(cluster.folder.path().join("go"), "").unwrap();
    let ran = running.finish().await;
    assert_right(&cluster, &ran).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn watches_that_are_too_old_are_restarted() {
    run_while(async |cluster| {
        cluster.server.expire_watches();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_may_be_away_while_a_job_runs() {
    run_while(async |cluster| {
        cluster.server.go_down();
        cluster.server.compact();
        cluster.server.come_up();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_may_end_while_the_server_is_away() {
    let cluster = Cluster::new().await;
    let engine = cluster.engine().await;
    let running = start(&engine, waiting_job(&cluster)).await.unwrap();
    running.logs.until(BEGUN).await;
    cluster.server.go_down();
    std::fs::write(cluster.folder.path().join("go"), "").unwrap();
    cluster
        .until("the job does not end", |server| {
            !server.is_running("default", "job")
        })
        .await;
    cluster.server.compact();
    cluster.server.come_up();
    let ran = running.finish().await;
    assert_right(&cluster, &ran).await;
}

/// Breaks the cluster while a job runs, waits until that is reported, and repairs it. Returns the warning.
async fn warning_of(breaking: impl FnOnce(&Cluster), repairing: impl FnOnce(&Cluster)) -> String {
    let cluster = Cluster::new().await;
    let mut settings = cluster.settings();
    settings.silence = Duration::from_millis(500);
    let engine = KubernetesEngine::new(settings).await.unwrap();
    let mut running = start(&engine, waiting_job(&cluster)).await.unwrap();
    running.logs.until(BEGUN).await;
    breaking(&cluster);
    let told = running.until_warned("no events were received").await;
    repairing(&cluster);
    std::fs::write(cluster.folder.path().join("go"), "").unwrap();
    let ran = running.finish().await;
    assert_right(&cluster, &ran).await;
    let warnings = ran.events.iter().filter(|event| {
        matches!(&event.kind, JobEventKind::Warning { message } if message.contains("no events were received"))
    });
    assert_eq!(warnings.count(), 1, "{ran:#?}");
    told
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stays_away_is_reported_while_the_job_runs() {
    let told = warning_of(
        |cluster| cluster.server.go_down(),
        |cluster| cluster.server.come_up(),
    )
    .await;
    assert!(told.contains("does not answer"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn rights_that_are_taken_away_are_reported_while_the_job_runs() {
    let told = warning_of(
        |cluster| {
            cluster.server.deny("watch", "pods");
            cluster.server.deny("watch", "jobs");
            cluster.server.expire_watches();
        },
        |cluster| {
            cluster.server.allow("watch", "pods");
            cluster.server.allow("watch", "jobs");
        },
    )
    .await;
    assert!(told.contains("is not allowed to watch"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_that_are_refused_repeatedly_are_reported_too() {
    let told = warning_of(
        |cluster| {
            cluster.server.deny("list", "pods");
            cluster.server.deny("list", "jobs");
            cluster.server.compact();
            cluster.server.expire_watches();
        },
        |cluster| {
            cluster.server.allow("list", "pods");
            cluster.server.allow("list", "jobs");
        },
    )
    .await;
    assert!(told.contains("is not allowed to list"), "{told}");
}
