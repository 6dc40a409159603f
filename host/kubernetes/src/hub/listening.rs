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

use super::outage::Outage;
use super::subscribers::{Subscribers, Watched};
use crate::client::{Connection, Unanswered};
use crate::kubeconfig::ConnectError;
use crate::manifest::{MANAGED_BY_LABEL, MANAGED_BY_VALUE};
use crate::retry::{MAX_DELAY, backoff_up_to, code, passing};

/// How long one request for events lasts. The server ends them by itself after 5 to 10 minutes; it
/// costs one request to go on.
const WATCH_SECONDS: u32 = 290;

/// Hears of the objects of one kind, and tells those who wait for them.
pub(super) struct Listener<K> {
    api: Api<K>,
    subscribers: Arc<Subscribers>,
    ready: watch::Sender<Readiness>,
    /// How long a list may take.
    list_timeout: Duration,
    /// How long nothing may be heard before that is told.
    silence: Duration,
}

/// How far a watch has come.
#[derive(Clone)]
pub(super) enum Readiness {
    /// Nothing was heard yet; why the last try failed.
    Waiting(Option<Arc<kube::Error>>),
    /// The server refuses, and will.
    Refused(Arc<kube::Error>),
    /// It works, or has worked.
    Ready,
}

impl<K: Watched> Listener<K> {
    /// Begins to listen, over a connection of its own.
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
            silence,
        };
        Ok((readiness, tokio::spawn(listener.run())))
    }

    /// Goes on for ever, but where the server refuses from the beginning.
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
        let mut backoff = backoff_up_to(MAX_DELAY);
        let mut outage = Outage::new(self.silence, self.list_timeout + MAX_DELAY);
        let mut listed = HashSet::new();
        let mut is_listing = true;
        loop {
            // The watcher bounds how long a watch is silent, and not how long a list is.
            let event = if is_listing {
                timeout(self.list_timeout, events.next()).await
            } else {
                Ok(events.next().await)
            };
            let failure = match event {
                Ok(None) => return,
                Ok(Some(Ok(event))) => {
                    is_listing = matches!(event, Event::Init | Event::InitApply(_));
                    // A list that begins says nothing yet.
                    if !matches!(event, Event::Init) && outage.hears() {
                        self.subscribers.tell_silence(None);
                    }
                    if matches!(event, Event::InitDone | Event::Apply(_)) {
                        backoff.reset();
                    }
                    self.tell(event, &mut listed);
                    continue;
                }
                Ok(Some(Err(error))) => {
                    tracing::debug!(%error, "a watch of the cluster broke off, and is begun again");
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
                    tracing::debug!("a list of the cluster does not come, and is begun again");
                    events = watch();
                    let unanswered = Unanswered(self.list_timeout);
                    Some(Arc::new(kube::Error::Service(unanswered.into())))
                }
            };
            if outage.fails(Instant::now()) {
                self.subscribers.tell_silence(failure.as_ref());
            }
            sleep(backoff.next_delay()).await;
        }
    }

    fn tell(&self, event: Event<K>, listed: &mut HashSet<String>) {
        match event {
            Event::Init => listed.clear(),
            Event::InitApply(object) => {
                listed.extend(object.meta().uid.clone());
                self.subscribers.tell(object, false);
            }
            Event::InitDone => {
                self.subscribers.tell_list::<K>(listed);
                listed.clear();
                self.settle(Readiness::Ready);
            }
            Event::Apply(object) => self.subscribers.tell(object, false),
            Event::Delete(object) => self.subscribers.tell(object, true),
        }
    }

    fn settle(&self, readiness: Readiness) {
        self.ready.send_replace(readiness);
    }

    fn is_ready(&self) -> bool {
        matches!(&*self.ready.borrow(), Readiness::Ready)
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

/// What the server, or the way to it, said.
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
