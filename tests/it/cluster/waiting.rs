//! What a wait costs, and containers that would make one without end.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::time::{sleep, timeout};

use super::Place;
use super::step::{Run, STUCK, run};

/// How long a wait is looked at, and how much processor time it may take meanwhile.
const WAIT: Duration = Duration::from_secs(30);
const MOST_PROCESSOR_TIME: Duration = Duration::from_millis(300);
/// What Linux counts processor time in for `/proc` (`USER_HZ`), on each architecture that this host is built for.
const TICKS_PER_SECOND: u64 = 100;
/// The grace of sidecars, and how much later the step is over.
const SIDECAR_GRACE: Duration = Duration::from_secs(10);
const AFTER_GRACE: Duration = Duration::from_secs(5);

/// The processor time that a process has taken, with its system calls.
fn processor_time(process: u32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    // The name may have blanks and brackets in it; what follows are numbers, of which these are the 14th and 15th.
    let (_, numbers) = stat.rsplit_once(") ").unwrap();
    let numbers: Vec<_> = numbers.split(' ').collect();
    let ticks: u64 = numbers[11].parse::<u64>().unwrap() + numbers[12].parse::<u64>().unwrap();
    Duration::from_millis(ticks * 1_000 / TICKS_PER_SECOND)
}

/// What a run takes of the processor while it waits, from when it says why.
async fn cost_of_waiting(place: &Place, step: &str, job: Value) -> Duration {
    let run = Run::new(place, step, ("a.sh", "true"), json!({"job": job}));
    let (_workspace, mut child) = run.spawn();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let waits = async {
        while let Some(line) = lines.next_line().await.unwrap() {
            if line.contains("waiting: ") {
                return;
            }
        }
        panic!("it does not wait");
    };
    timeout(STUCK, waits)
        .await
        .expect("it does not say why it waits");
    let process = child.id().unwrap();
    let before = processor_time(process);
    sleep(WAIT).await;
    let took = processor_time(process).saturating_sub(before);
    // Its job goes with the namespace.
    child.kill().await.unwrap();
    eprintln!("{step}: {took:?} of the processor in {WAIT:?}");
    took
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a cluster: TOOLHOST_TEST_KUBECONFIG"]
async fn a_job_that_waits_takes_next_to_nothing_of_the_processor() {
    let place = Place::new("waiting").await;
    let unschedulable = json!({"image": "busybox:1", "resources": {"requests": {"cpu": "640"}}});
    // A name that does not resolve may be a passing fault: it is tried for a minute.
    let image = json!({"image": "nowhere.invalid/nothing:1"});
    let (unschedulable, image) = tokio::join!(
        cost_of_waiting(&place, "unschedulable", unschedulable),
        cost_of_waiting(&place, "image", image),
    );
    assert!(
        unschedulable <= MOST_PROCESSOR_TIME,
        "unschedulable: {unschedulable:?}"
    );
    assert!(image <= MOST_PROCESSOR_TIME, "image: {image:?}");
    place.delete().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a cluster: TOOLHOST_TEST_KUBECONFIG"]
async fn a_sidecar_that_never_ends_keeps_a_step_no_longer_than_its_grace() {
    let place = Place::new("sidecar").await;
    let sidecar = json!({"name": "proxy", "image": "busybox:1", "command": ["sleep", "1000"]});
    let template = json!({"spec": {"containers": [sidecar]}});
    let job = json!({"image": "busybox:1", "backoffLimit": 1, "podTemplate": template});
    let success = run(
        &place,
        "works",
        ("a.sh", "sleep 1; echo end"),
        json!({"job": job}),
    );
    let failure = run(
        &place,
        "fails",
        ("a.sh", "echo no; exit 3"),
        json!({"job": job}),
    );
    let (success, failure) = tokio::join!(success, failure);
    let shown = format!("{:#}\n{}", success.outcome, success.stderr);
    assert_eq!(success.code, Some(0), "{shown}");
    assert_eq!(success.outcome["status"], "completed", "{shown}");
    assert_eq!(success.outcome["output"], "end\n", "{shown}");
    assert_eq!(
        (&success.outcome["succeeded"], &success.outcome["failed"]),
        (&json!(1), &json!(0))
    );
    let warning = success.outcome["warnings"].to_string();
    assert!(warning.contains("`proxy`"), "{shown}");
    // From the start of the script, which took one second of it.
    let took = success.outcome["execution_time"].as_f64().unwrap();
    let most = (SIDECAR_GRACE + AFTER_GRACE).as_secs_f64() + 1.0;
    eprintln!("a sidecar: {took} s after the start of its script");
    assert!(took <= most, "{took} s: {shown}");

    let shown = format!("{:#}\n{}", failure.outcome, failure.stderr);
    assert_eq!(failure.outcome["reason"], "ScriptError", "{shown}");
    assert_eq!(failure.outcome["failed"], 2, "{shown}");
    let attempts = failure.outcome["attempts"].as_array().unwrap();
    let codes: Vec<_> = attempts
        .iter()
        .map(|attempt| &attempt["exit_code"])
        .collect();
    assert_eq!(codes, [&json!(3), &json!(3)], "{shown}");
    place.delete().await;
}
