use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use kube::Api;
use kube::api::WatchParams;
use kube::runtime::watcher::{self, Event};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};
use toolhost_capability::Backoff;

use super::outage::Outage;
use super::subscribers::{Subscribers, Watched};
use crate::answer::Unanswered;
use crate::client::Connection;
use crate::kubeconfig::ConnectError;
use crate::manifest::{MANAGED_BY_LABEL, MANAGED_BY_VALUE};
use crate::retry::{MAX_DELAY, backoff_up_to, code, passing};

/// Duration of one watch request. The server ends them by itself after 5 to 10 minutes; continuing costs one request.
const WATCH_SECONDS: u32 = 290;

/// Watches one kind of object and notifies subscribers.
pub(super) struct ObjectWatcher<K> {
    api: Api<K>,
    subscribers: Arc<Subscribers>,
    ready: watch::Sender<Readiness>,
    /// Limit for a list.
    list_timeout: Duration,
    /// Delays before it is restarted.
    backoff: Backoff,
    /// How long a watch may receive nothing before that is reported.
    silence: Duration,
}

/// Progress of a watch.
#[derive(Clone)]
pub(super) enum Readiness {
    /// It received nothing yet; the cause of the last failure.
    Waiting(Option<Arc<kube::Error>>),
    /// The server refuses it permanently.
    Refused(Arc<kube::Error>),
    /// It works, or has worked.
    Ready,
}

impl<K: Watched> ObjectWatcher<K> {
    /// Starts watching, over a connection of its own.
    pub(super) fn start(
        connection: &Connection,
        namespace: &str,
        subscribers: &Arc<Subscribers>,
        silence: Duration,
    ) -> Result<(watch::Receiver<Readiness>, JoinHandle<()>), ConnectError> {
        let (ready, readiness) = watch::channel(Readiness::Waiting(None));
        let listener = Self {
            api: Api::namespaced(connection.watch_client()?, namespace),
            subscribers: Arc::clone(subscribers),
            ready,
            list_timeout: connection.request_timeout(),
            backoff: backoff_up_to(connection, MAX_DELAY),
            silence,
        };
        Ok((readiness, tokio::spawn(listener.run())))
    }

    /// Runs until it is dropped, unless the server refuses the watch from the beginning.
    async fn run(self) {
        let selector = format!("{MANAGED_BY_LABEL}={MANAGED_BY_VALUE}");
        if let Err(cause) = may_watch(&self.api, &selector).await {
            self.settle(Readiness::Refused(Arc::new(cause)));
            return;
        }
        let config = watcher::Config::default()
            .labels(&selector)
            .timeout(WATCH_SECONDS);
        let watch =
            || -> BoxStream<'_, _> { watcher::watcher(self.api.clone(), config.clone()).boxed() };
        let mut events = watch();
        let mut backoff = self.backoff;
        let mut outage = Outage::new(self.silence, self.list_timeout + MAX_DELAY);
        let mut listed = HashSet::new();
        let mut is_listing = true;
        loop {
            // The watcher limits how long a watch is silent, and not how long a list takes.
            let event = if is_listing {
                timeout(self.list_timeout, events.next()).await
            } else {
                Ok(events.next().await)
            };
            let failure = match event {
                Ok(None) => return,
                Ok(Some(Ok(event))) => {
                    is_listing = matches!(event, Event::Init | Event::InitApply(_));
                    // A list that begins is not progress yet.
                    if !matches!(event, Event::Init) && outage.record_event() {
                        self.subscribers.publish_silence(None);
                    }
                    if matches!(event, Event::InitDone | Event::Apply(_)) {
                        backoff.reset();
                    }
                    self.notify(event, &mut listed);
                    continue;
                }
                Ok(Some(Err(error))) => {
                    tracing::debug!(%error, "a watch of the cluster was interrupted and is restarted");
                    let cause = cause(error);
                    if let Some(cause) = &cause
                        && !self.is_ready()
                    {
                        let is_final = passing(cause).is_none();
                        if is_final {
                            self.settle(Readiness::Refused(Arc::clone(cause)));
                            return;
                        }
                        self.settle(Readiness::Waiting(Some(Arc::clone(cause))));
                    }
                    cause
                }
                Err(_) => {
                    tracing::debug!("a list of the cluster timed out and is restarted");
                    events = watch();
                    let unanswered = Unanswered(self.list_timeout);
                    Some(Arc::new(kube::Error::Service(unanswered.into())))
                }
            };
            if outage.record_failure(Instant::now()) {
                self.subscribers.publish_silence(failure.as_ref());
            }
            sleep(backoff.next_delay()).await;
        }
    }

    fn notify(&self, event: Event<K>, listed: &mut HashSet<String>) {
        match event {
            Event::Init => listed.clear(),
            Event::InitApply(object) => {
                listed.extend(object.meta().uid.clone());
                self.subscribers.publish(object, false);
            }
            Event::InitDone => {
                self.subscribers.publish_list::<K>(listed);
                listed.clear();
                self.settle(Readiness::Ready);
            }
            Event::Apply(object) => self.subscribers.publish(object, false),
            Event::Delete(object) => self.subscribers.publish(object, true),
        }
    }

    fn settle(&self, readiness: Readiness) {
        self.ready.send_replace(readiness);
    }

    fn is_ready(&self) -> bool {
        matches!(&*self.ready.borrow(), Readiness::Ready)
    }
}

/// Asks whether watching is allowed: a watcher that may list but not watch would never receive an event, and would
/// retry indefinitely, since a server that has just started refuses all requests.
async fn may_watch<K: Watched>(api: &Api<K>, selector: &str) -> Result<(), kube::Error> {
    let parameters = WatchParams::default().labels(selector).timeout(1);
    match api.watch(&parameters, "0").await {
        Err(error) if code(&error) == Some(403) => Err(error),
        // Other errors occur again when watching.
        Ok(_) | Err(_) => Ok(()),
    }
}

/// Returns the error of the server, or of the connection to it.
fn cause(error: watcher::Error) -> Option<Arc<kube::Error>> {
    let cause = match error {
        watcher::Error::InitialListFailed(error)
        | watcher::Error::WatchStartFailed(error)
        | watcher::Error::WatchFailed(error) => error,
        watcher::Error::WatchError(status) => kube::Error::Api(status),
        watcher::Error::NoResourceVersion => return None,
    };
    Some(Arc::new(cause))
}
