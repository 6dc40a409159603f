//! A run: a server, its hosts, and everyone else, in virtual time.

mod body;
mod counters;
mod host;
mod network;
mod people;
mod pods;
mod switch;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fake_kubernetes::{FakeKubernetes, RequestRecord, Settings, Version, use_virtual_time};
use futures_util::future::join_all;
use jiff::Timestamp;
use serde_json::Value;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};
use toolhost_kubernetes::{KubernetesEngine, KubernetesSettings, SweepOptions};

use self::counters::Counters;
pub use self::host::{AttemptLog, Fate, Finished, HostReport};
use self::network::{Link, State};
use self::switch::Switch;
use crate::random::Random;
use crate::scenario::{Edit, HostPlan, NetworkPlan, Scenario};

/// The name of the job.
pub const JOB: &str = "job";
/// Its namespace.
pub const NAMESPACE: &str = "default";
/// The value of its secret, which must be found nowhere but in the Secret.
pub const SECRET: &str = "hunter2-4f1c9a7e";
/// The time of the server when a run begins, so that runs are the same each time: not a whole second.
const BEGINNING: (i64, i32) = (1_800_000_000, 600_000_000);
/// How long the deletion of Secrets may take after the last report, without faults.
const TIDY_TIME: Duration = Duration::from_secs(30);
/// How long everything else takes to go after a sweep.
const SWEEP_TIME: Duration = Duration::from_mins(5);

/// What happened, as it was seen from outside.
#[derive(Debug)]
pub struct Observation {
    /// The hosts, in the order of the scenario.
    pub hosts: Vec<HostReport>,
    /// Every version of every object.
    pub history: Vec<Version>,
    /// Every request.
    pub requests: Vec<RequestRecord>,
    /// What the pods wrote, by their UIDs.
    pub written: BTreeMap<String, Vec<u8>>,
    /// Secrets that were there when the last host had reported.
    pub secrets_left: usize,
    /// Objects that were there after a sweep.
    pub left: Vec<String>,
    /// Why the sweep failed.
    pub sweep_error: Option<String>,
    /// What happened, and how often.
    pub counts: BTreeMap<&'static str, u64>,
    /// How often the thread of the run woke up.
    pub wake_ups: u64,
    /// How long the run took in virtual time.
    pub length: Duration,
}

/// Runs a scenario.
///
/// # Errors
///
/// Where the runtime or the server cannot be started.
pub fn run(scenario: &Scenario) -> std::io::Result<Observation> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()?;
    runtime.block_on(observe(scenario))
}

async fn observe(scenario: &Scenario) -> std::io::Result<Observation> {
    let beginning = Timestamp::new(BEGINNING.0, BEGINNING.1).unwrap_or(Timestamp::UNIX_EPOCH);
    use_virtual_time(beginning);
    let begun = Instant::now();
    let server = Arc::new(FakeKubernetes::without_network(settings(scenario))?);
    if !scenario.job.may_patch {
        server.deny("patch", "jobs");
    }
    let counters = Arc::new(Counters::default());
    let is_up = Arc::new(Switch::default());
    let mut random = Random::new(scenario.seed ^ 0x5eed);
    let mut link = |host: Option<&HostPlan>| {
        Arc::new(Link {
            server: Arc::clone(&server),
            plan: host.map_or_else(no_faults, |_| scenario.network.clone()),
            kill: host.and_then(|host| host.kill),
            begun,
            is_up: Arc::clone(&is_up),
            counters: Arc::clone(&counters),
            is_dead: watch::Sender::new(false),
            state: Mutex::new(State {
                random: random.fork(),
                requests: 0,
                faults: 0,
            }),
        })
    };
    let last_link = link(None);
    let hosts: Vec<_> = scenario
        .hosts
        .iter()
        .map(|host| {
            let link = link(Some(host));
            host::run(host.clone(), scenario.job.clone(), link)
        })
        .collect();
    let trouble = tokio::spawn(trouble(
        scenario.clone(),
        Arc::clone(&server),
        is_up,
        Arc::clone(&counters),
    ));
    let hosts = join_all(hosts).await;
    // What is left of faults may delay the deletion of a Secret.
    let calm = scenario.calm_from().saturating_sub(begun.elapsed());
    sleep(calm + TIDY_TIME).await;
    let secrets_left = server.existing("secrets").len();
    // Never an error: nothing of it panics.
    let _ = trouble.await;
    let over = server.until(|server| !server.is_running(NAMESPACE, JOB) || is_suspended(server));
    let is_over = timeout(host::PATIENCE, over).await.is_ok();
    let sweep_error = sweep(last_link).await;
    sleep(SWEEP_TIME).await;
    let mut left = names_of_existing(&server);
    if !is_over {
        left.push("a job that runs".to_owned());
    }
    let history = server.history();
    Ok(Observation {
        hosts,
        written: written(&server, &history),
        history,
        requests: server.requests().all(),
        secrets_left,
        left,
        sweep_error,
        counts: counters.all(),
        wake_ups: tokio::runtime::Handle::current()
            .metrics()
            .worker_park_count(0),
        length: begun.elapsed(),
    })
}

/// Times as on a real cluster.
fn settings(scenario: &Scenario) -> Settings {
    let mut settings = Settings::default();
    settings.bookmark_interval = Duration::from_mins(1);
    settings.backoff_base = Duration::from_secs(10);
    settings.status_delay = Duration::from_secs(1);
    settings.kubelet_retry = Duration::from_secs(1);
    let scenario = scenario.clone();
    settings.playwright = Some(Arc::new(move |pod| pods::play(&scenario, pod)));
    settings
}

fn no_faults() -> NetworkPlan {
    NetworkPlan {
        latency: Duration::from_millis(1),
        request_faults: 0,
        event_faults: 0,
        until: Duration::ZERO,
    }
}

/// What happens to the server, and what other people do.
async fn trouble(
    scenario: Scenario,
    server: Arc<FakeKubernetes>,
    is_up: Arc<Switch>,
    counters: Arc<Counters>,
) {
    let outages = async {
        for (start, length) in &scenario.outages {
            sleep(*start).await;
            counters.count("server down");
            is_up.set_up(false);
            sleep(*length).await;
            is_up.set_up(true);
        }
    };
    let compactions = join_all(scenario.compactions.iter().map(async |(at, is_hard)| {
        sleep(*at).await;
        if *is_hard {
            counters.count("watches expired");
            server.expire_watches();
        } else {
            counters.count("history compacted");
            server.compact();
        }
    }));
    let edits = join_all(scenario.edits.iter().map(async |(at, edit)| {
        sleep(*at).await;
        counters.count(match edit {
            Edit::DeleteJob { .. } => "job deleted by others",
            Edit::Suspend => "job suspended by others",
            Edit::Resume => "job resumed by others",
            Edit::Label => "objects labelled by others",
            Edit::EvictPods => "pods evicted by others",
            Edit::DeletePods => "pods deleted by others",
        });
        people::edit(&server, *edit).await;
    }));
    tokio::join!(outages, compactions, edits);
}

/// Removes what is left, as an administrator does; why it failed.
async fn sweep(link: Arc<Link>) -> Option<String> {
    let engine = match KubernetesEngine::over(link, KubernetesSettings::default()) {
        Ok(engine) => engine,
        Err(error) => return Some(error.to_string()),
    };
    let mut options = SweepOptions::default();
    options.min_age = Duration::ZERO;
    options.finished = true;
    let swept = engine.sweep(NAMESPACE, options).await;
    swept.err().map(|error| format!("{error:?}"))
}

/// Whether the job waits for a host that was killed before it could resume it: for a sweep.
fn is_suspended(server: &FakeKubernetes) -> bool {
    let job = server.object("jobs", NAMESPACE, JOB);
    job.is_some_and(|job| job.pointer("/spec/suspend") == Some(&Value::Bool(true)))
}

fn names_of_existing(server: &FakeKubernetes) -> Vec<String> {
    let resources = ["jobs", "pods", "secrets", "configmaps"].into_iter();
    let objects = resources.flat_map(|resource| {
        let objects = server.existing(resource).into_iter();
        objects.map(move |object| format!("{resource} {}", text(&object, "/metadata/name")))
    });
    objects.collect()
}

fn written(server: &FakeKubernetes, history: &[Version]) -> BTreeMap<String, Vec<u8>> {
    let pods = history
        .iter()
        .map(|version| &version.object)
        .filter(|object| text(object, "/kind") == "Pod");
    let uids = pods.map(|pod| text(pod, "/metadata/uid"));
    uids.map(|uid| (uid.to_owned(), server.written(uid, "script")))
        .collect()
}

/// A string of an object; empty where there is none.
pub(crate) fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

impl Observation {
    /// The requests and what the hosts learned, in the order of their times.
    #[must_use]
    pub fn trace(&self) -> Vec<String> {
        let requests = self.requests.iter().map(|request| {
            format!(
                "{} {} {} {:?} {:?}",
                request.started,
                request.summary(),
                request.call.name,
                request.status,
                request.call.query
            )
        });
        let hosts = self.hosts.iter().map(|host| format!("{host:#?}"));
        requests.chain(hosts).collect()
    }
}
