//! One watch for all jobs of a namespace, and one for their pods.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use futures_util::StreamExt as _;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::api::WatchParams;
use kube::runtime::watcher::{self, Event};
use kube::{Api, Resource};
use serde::de::DeserializeOwned;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::client::{ConnectError, Connection};
use super::manifest::{MANAGED_BY_LABEL, MANAGED_BY_VALUE};
use super::retry::{Backoff, PATIENCE_BEFORE, code, passing};
use super::view::{JobView, PodView};

/// How many namespaces are watched at once without anything going on in them; the rest is watched as
/// long as jobs run there.
const MAX_IDLE_NAMESPACES: usize = 16;
/// How long one request for events lasts. The server ends them by itself after 5 to 10 minutes; it
/// costs one request to go on.
const WATCH_SECONDS: u32 = 290;
/// How long a watch that works may be quiet about its first list.
const READY_TIMEOUT: Duration = PATIENCE_BEFORE;

/// The watches of one cluster.
pub(super) struct Hub {
    connection: Arc<Connection>,
    namespaces: Mutex<HashMap<String, Arc<Watches>>>,
}

/// What is known about one job. Cheap to take as it is: it is replaced, never changed.
#[derive(Debug, Clone, Default)]
pub(super) struct JobState {
    /// The job, unless nothing was heard of it yet.
    pub(super) job: Option<Arc<JobView>>,
    /// Whether it is gone from the server.
    pub(super) is_job_gone: bool,
    /// Its pods by uid.
    pub(super) pods: BTreeMap<String, PodState>,
}

/// What is known about one pod.
#[derive(Debug, Clone)]
pub(super) struct PodState {
    /// The pod as it was last seen.
    pub(super) pod: Arc<PodView>,
    /// Whether it is gone from the server.
    pub(super) is_gone: bool,
}

/// Hears of the jobs of one name, as long as it is kept.
pub(super) struct Subscription {
    cell: Arc<Cell>,
    /// Watches end with the last one who wants to hear of them.
    _watches: Arc<Watches>,
}

/// Why nothing can be heard of a namespace.
#[derive(Debug, thiserror::Error)]
pub(super) enum WatchError {
    /// The server refuses, or does not answer.
    #[error(transparent)]
    Refused(Arc<kube::Error>),
    /// Nothing is heard at all.
    #[error("the server did not list jobs and pods within {} seconds", READY_TIMEOUT.as_secs())]
    Silent,
}

/// The two watches of a namespace.
struct Watches {
    subscribers: Arc<Subscribers>,
    ready: [watch::Receiver<Readiness>; 2],
    tasks: [JoinHandle<()>; 2],
}

#[derive(Clone)]
enum Readiness {
    /// Nothing was heard yet; why the last try failed.
    Waiting(Option<Arc<kube::Error>>),
    Refused(Arc<kube::Error>),
    Ready,
}

#[derive(Default)]
struct Subscribers(Mutex<HashMap<String, Vec<Weak<Cell>>>>);

/// What one subscriber has heard, of every job that had the name.
#[derive(Default)]
struct Cell {
    heard: Mutex<Heard>,
    changed: Notify,
}

#[derive(Default)]
struct Heard {
    jobs: HashMap<String, (Arc<JobView>, bool)>,
    pods: HashMap<String, PodState>,
}

impl Hub {
    pub(super) fn new(connection: Arc<Connection>) -> Self {
        Self {
            connection,
            namespaces: Mutex::default(),
        }
    }

    /// Begins to hear of jobs of this name. Everything that happens from now on is heard of; of what
    /// there is already, only what changes.
    pub(super) async fn subscribe(
        &self,
        namespace: &str,
        name: &str,
    ) -> Result<Subscription, WatchError> {
        let watches = self.watches(namespace).map_err(|error| {
            let error = kube::Error::Service(Box::new(error));
            WatchError::Refused(Arc::new(error))
        })?;
        let cell = Arc::new(Cell::default());
        watches.subscribers.add(name, &cell);
        let give_up = Instant::now() + READY_TIMEOUT;
        for known in &watches.ready {
            let mut ready = known.clone();
            let settled = timeout_at(
                give_up,
                ready.wait_for(|state| !matches!(state, Readiness::Waiting(_))),
            );
            match settled.await {
                Ok(Ok(state)) => {
                    if let Readiness::Refused(error) = &*state {
                        return Err(WatchError::Refused(Arc::clone(error)));
                    }
                }
                Ok(Err(_)) | Err(_) => {
                    return Err(match &*known.borrow() {
                        Readiness::Waiting(Some(error)) => WatchError::Refused(Arc::clone(error)),
                        _ => WatchError::Silent,
                    });
                }
            }
        }
        Ok(Subscription {
            cell,
            _watches: watches,
        })
    }

    fn watches(&self, namespace: &str) -> Result<Arc<Watches>, ConnectError> {
        let mut namespaces = lock(&self.namespaces);
        if let Some(watches) = namespaces
            .get(namespace)
            .filter(|watches| watches.are_usable())
        {
            return Ok(Arc::clone(watches));
        }
        if namespaces.len() >= MAX_IDLE_NAMESPACES {
            namespaces.retain(|_, watches| Arc::strong_count(watches) > 1);
        }
        let watches = Arc::new(Watches::start(&self.connection, namespace)?);
        namespaces.insert(namespace.to_owned(), Arc::clone(&watches));
        Ok(watches)
    }
}

impl Watches {
    fn start(connection: &Connection, namespace: &str) -> Result<Self, ConnectError> {
        let list_timeout = connection.request_timeout();
        let subscribers = Arc::new(Subscribers::default());
        let (jobs_ready, jobs) = watch::channel(Readiness::Waiting(None));
        let (pods_ready, pods) = watch::channel(Readiness::Waiting(None));
        let job_api: Api<JobView> = Api::namespaced(connection.watch_client()?, namespace);
        let pod_api: Api<PodView> = Api::namespaced(connection.watch_client()?, namespace);
        Ok(Self {
            tasks: [
                tokio::spawn(follow(
                    job_api,
                    Arc::clone(&subscribers),
                    jobs_ready,
                    list_timeout,
                )),
                tokio::spawn(follow(
                    pod_api,
                    Arc::clone(&subscribers),
                    pods_ready,
                    list_timeout,
                )),
            ],
            ready: [jobs, pods],
            subscribers,
        })
    }

    /// Whether they began well, or have not begun yet.
    fn are_usable(&self) -> bool {
        let is_refused =
            |ready: &watch::Receiver<Readiness>| matches!(&*ready.borrow(), Readiness::Refused(_));
        !self.ready.iter().any(is_refused) && !self.tasks.iter().any(JoinHandle::is_finished)
    }
}

impl Drop for Watches {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

impl Subscription {
    /// What is known about the job of this uid.
    pub(super) fn state(&self, uid: &str) -> JobState {
        let heard = lock(&self.cell.heard);
        let job = heard.jobs.get(uid);
        let pods = heard
            .pods
            .iter()
            .filter(|(_, state)| owner(&state.pod).is_some_and(|owner| owner.uid == uid));
        JobState {
            job: job.map(|(job, _)| Arc::clone(job)),
            is_job_gone: job.is_some_and(|(_, is_gone)| *is_gone),
            pods: pods
                .map(|(uid, state)| (uid.clone(), state.clone()))
                .collect(),
        }
    }

    /// Adds what was learnt elsewhere, unless something later was heard.
    pub(super) fn learn(&self, job: Option<JobView>, pods: Vec<PodView>) {
        let mut heard = lock(&self.cell.heard);
        if let Some(job) = job
            && let Some(uid) = job.metadata.uid.clone()
        {
            heard
                .jobs
                .entry(uid)
                .or_insert_with(|| (Arc::new(job), false));
        }
        for pod in pods {
            if let Some(uid) = pod.metadata.uid.clone() {
                let state = PodState {
                    pod: Arc::new(pod),
                    is_gone: false,
                };
                match heard.pods.entry(uid) {
                    Entry::Vacant(entry) => drop(entry.insert(state)),
                    Entry::Occupied(mut entry) => {
                        if version(&state.pod) > version(&entry.get().pod) && !entry.get().is_gone {
                            entry.insert(state);
                        }
                    }
                }
            }
        }
        drop(heard);
        self.cell.changed.notify_one();
    }

    /// Waits until something was heard since it was last asked.
    ///
    /// # Cancel safety
    ///
    /// Safe.
    pub(super) async fn changed(&self) {
        self.cell.changed.notified().await;
    }
}

impl Subscribers {
    fn add(&self, name: &str, cell: &Arc<Cell>) {
        let mut subscribers = lock(&self.0);
        subscribers.retain(|_, cells| {
            cells.retain(|cell| cell.strong_count() > 0);
            !cells.is_empty()
        });
        subscribers
            .entry(name.to_owned())
            .or_default()
            .push(Arc::downgrade(cell));
    }

    fn of(&self, name: &str) -> Vec<Arc<Cell>> {
        let subscribers = lock(&self.0);
        let cells = subscribers.get(name).into_iter().flatten();
        cells.filter_map(Weak::upgrade).collect()
    }

    fn all(&self) -> Vec<Arc<Cell>> {
        lock(&self.0)
            .values()
            .flatten()
            .filter_map(Weak::upgrade)
            .collect()
    }
}

/// A kind of object that is watched.
trait Watched:
    Resource<DynamicType = ()> + Clone + DeserializeOwned + std::fmt::Debug + Send + 'static
{
    /// The name of the job that it belongs to.
    fn job_name(&self) -> Option<&str>;

    /// Notes what was heard of it.
    fn note(self: Arc<Self>, heard: &mut Heard, is_gone: bool);

    /// Notes that everything else than these is gone.
    fn keep_only(heard: &mut Heard, uids: &HashSet<String>);
}

impl Watched for JobView {
    fn job_name(&self) -> Option<&str> {
        self.metadata.name.as_deref()
    }

    fn note(self: Arc<Self>, heard: &mut Heard, is_gone: bool) {
        if let Some(uid) = self.metadata.uid.clone() {
            heard.jobs.insert(uid, (self, is_gone));
        }
    }

    fn keep_only(heard: &mut Heard, uids: &HashSet<String>) {
        for (uid, (_, is_gone)) in &mut heard.jobs {
            *is_gone |= !uids.contains(uid);
        }
    }
}

impl Watched for PodView {
    fn job_name(&self) -> Option<&str> {
        owner(self).map(|owner| owner.name.as_str())
    }

    fn note(self: Arc<Self>, heard: &mut Heard, is_gone: bool) {
        if let Some(uid) = self.metadata.uid.clone() {
            heard.pods.insert(uid, PodState { pod: self, is_gone });
        }
    }

    fn keep_only(heard: &mut Heard, uids: &HashSet<String>) {
        for (uid, state) in &mut heard.pods {
            state.is_gone |= !uids.contains(uid);
        }
    }
}

/// Which of two versions of a pod is the later one: numbers that grow, as every server has them
/// (<https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-versions>).
fn version(pod: &PodView) -> Option<u128> {
    pod.metadata.resource_version.as_ref()?.parse().ok()
}

/// The job that a pod belongs to.
fn owner(pod: &PodView) -> Option<&OwnerReference> {
    let mut owners = pod.metadata.owner_references.iter().flatten();
    owners.find(|owner| owner.kind == "Job")
}

/// Follows the objects of one kind for ever.
async fn follow<K: Watched>(
    api: Api<K>,
    subscribers: Arc<Subscribers>,
    ready: watch::Sender<Readiness>,
    list_timeout: Duration,
) {
    let selector = format!("{MANAGED_BY_LABEL}={MANAGED_BY_VALUE}");
    if let Err(cause) = may_watch(&api, &selector).await {
        ready.send_replace(Readiness::Refused(Arc::new(cause)));
        return;
    }
    let config = watcher::Config::default()
        .labels(&selector)
        .timeout(WATCH_SECONDS);
    let mut events = watcher::watcher(api.clone(), config.clone()).boxed();
    let mut backoff = Backoff::default();
    let mut listed = HashSet::new();
    let mut is_listing = true;
    loop {
        // The watcher bounds how long a watch is silent, and not how long a list is.
        let event = if is_listing {
            timeout(list_timeout, events.next()).await
        } else {
            Ok(events.next().await)
        };
        let Ok(event) = event else {
            tracing::debug!("a list of the cluster does not come, and is begun again");
            events = watcher::watcher(api.clone(), config.clone()).boxed();
            sleep(backoff.next()).await;
            continue;
        };
        let Some(event) = event else { return };
        match event {
            Ok(Event::Init) => {
                is_listing = true;
                listed.clear();
            }
            Ok(Event::InitApply(object)) => {
                listed.extend(object.meta().uid.clone());
                tell(&subscribers, object, false);
            }
            Ok(Event::InitDone) => {
                is_listing = false;
                for cell in subscribers.all() {
                    K::keep_only(&mut lock(&cell.heard), &listed);
                    cell.changed.notify_one();
                }
                listed.clear();
                backoff.reset();
                ready.send_replace(Readiness::Ready);
            }
            Ok(Event::Apply(object)) => {
                tell(&subscribers, object, false);
                backoff.reset();
            }
            Ok(Event::Delete(object)) => tell(&subscribers, object, true),
            Err(error) => {
                tracing::debug!(%error, "a watch of the cluster broke off, and is begun again");
                let is_ready = matches!(&*ready.borrow(), Readiness::Ready);
                if let Some(cause) = cause(error)
                    && !is_ready
                {
                    let is_final = passing(&cause).is_none();
                    let cause = Arc::new(cause);
                    if is_final {
                        ready.send_replace(Readiness::Refused(cause));
                        return;
                    }
                    ready.send_replace(Readiness::Waiting(Some(cause)));
                }
                sleep(backoff.next()).await;
            }
        }
    }
}

/// Asks whether watching is allowed: a watcher that may list and not watch would never hear of anything,
/// and goes on trying for ever, since a server that has just started refuses everybody.
async fn may_watch<K: Watched>(api: &Api<K>, selector: &str) -> Result<(), kube::Error> {
    let parameters = WatchParams::default().labels(selector).timeout(1);
    match api.watch(&parameters, "0").await {
        Err(error) if code(&error) == Some(403) => Err(error),
        // Whatever else there is comes up again.
        Ok(_) | Err(_) => Ok(()),
    }
}

fn tell<K: Watched>(subscribers: &Subscribers, object: K, is_gone: bool) {
    let Some(name) = object.job_name() else {
        return;
    };
    let cells = subscribers.of(name);
    if cells.is_empty() {
        return;
    }
    let object = Arc::new(object);
    for cell in cells {
        Arc::clone(&object).note(&mut lock(&cell.heard), is_gone);
        cell.changed.notify_one();
    }
}

/// What the server, or the way to it, said.
fn cause(error: watcher::Error) -> Option<kube::Error> {
    match error {
        watcher::Error::InitialListFailed(error)
        | watcher::Error::WatchStartFailed(error)
        | watcher::Error::WatchFailed(error) => Some(error),
        watcher::Error::WatchError(status) => Some(kube::Error::Api(status)),
        watcher::Error::NoResourceVersion => None,
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Each critical section leaves the value whole, so a panic elsewhere does not matter here.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
