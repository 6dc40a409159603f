use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, SystemTime};

use tokio::sync::watch;

use crate::capability::sync::lock;
use crate::credential::{CredentialError, Machine};

/// Maximum difference of the clocks of two machines: a value that expires within this time counts as expired.
pub(super) const CLOCK_SKEW: Duration = Duration::from_secs(10);
/// How long before its expiration a token is renewed while the old one is still used. Google's metadata server has a
/// new one 5 minutes before the old one expires.
pub(super) const RENEWAL_MARGIN: Duration = Duration::from_mins(4);
/// How long a failure is repeated without asking the server, and how long a value that expires sooner than requested is
/// used nevertheless.
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// Maximum number of remembered names. Each is a credential that exists.
const MAX_SLOTS: usize = 4096;

/// Keeps values of servers until they expire, and requests each once, however many callers wait for it.
pub(in crate::credential) struct Cache<V> {
    slots: Mutex<HashMap<String, Slot<V>>>,
    machine: Machine,
}

/// A value and its expiration.
#[derive(Clone)]
pub(in crate::credential) struct Made<V> {
    pub(in crate::credential) value: V,
    pub(in crate::credential) expires_at: Option<SystemTime>,
}

/// Identifies the input of a value: another version needs another value.
pub(in crate::credential) type Version = [u8; 32];

type Outcome<V> = Result<V, CredentialError>;

struct Slot<V> {
    version: Version,
    held: Option<Held<V>>,
    /// A running request.
    flight: Option<watch::Receiver<Option<Outcome<V>>>>,
    failure: Option<(SystemTime, CredentialError)>,
    /// The last refused value.
    refused: Option<V>,
}

struct Held<V> {
    value: V,
    made_at: SystemTime,
    expires_at: Option<SystemTime>,
    is_refused: bool,
}

/// Whether a value can be used.
#[derive(Debug, PartialEq, Eq)]
enum Age {
    Young,
    /// It can be used, and should be renewed.
    Aging,
    Spent,
}

impl<V: Clone + Send + Sync + 'static> Cache<V> {
    pub(in crate::credential) fn new(machine: Machine) -> Self {
        Self {
            slots: Mutex::default(),
            machine,
        }
    }

    /// Returns the value of that name that stays valid for `min_remaining`; `make` receives the last one.
    ///
    /// A started request continues when the caller is dropped, because others may wait for it.
    pub(in crate::credential) async fn get<F>(
        self: &Arc<Self>,
        key: &str,
        version: Version,
        min_remaining: Duration,
        make: impl FnOnce(Option<V>) -> F,
    ) -> Outcome<V>
    where
        F: Future<Output = Result<Made<V>, CredentialError>> + Send + 'static,
    {
        let mut flight = {
            let mut slots = self.slots();
            if slots.len() >= MAX_SLOTS && !slots.contains_key(key) {
                slots.retain(|_, slot| slot.flight.is_some());
            }
            let slot = slots
                .entry(key.to_owned())
                .or_insert_with(|| Slot::new(version));
            if slot.version != version {
                *slot = Slot::new(version);
            }
            let now = self.machine.now();
            let age = slot.age(now, min_remaining);
            let begins = !slot.is_flying() && !slot.failed_lately(now);
            if let (Age::Young | Age::Aging, Some(held)) = (&age, &slot.held) {
                let value = held.value.clone();
                if age == Age::Aging && begins {
                    slot.flight = Some(self.begin(key, version, make(Some(value.clone()))));
                }
                return Ok(value);
            }
            match (&slot.flight, &slot.failure) {
                (Some(flight), _) if slot.is_flying() => flight.clone(),
                (_, Some((_, failure))) if !begins => return Err(failure.clone()),
                _ => {
                    let last = slot.held.as_ref().map(|held| held.value.clone());
                    let flight = self.begin(key, version, make(last));
                    slot.flight = Some(flight.clone());
                    flight
                }
            }
        };
        let outcome = flight.wait_for(Option::is_some).await;
        outcome
            .ok()
            .and_then(|outcome| outcome.clone())
            .unwrap_or_else(|| {
                Err(CredentialError::malformed(
                    key,
                    "was given up during the request",
                ))
            })
    }

    /// Reports that the value was refused, where `is_it` recognizes the current one. Where the same value is returned
    /// again, it is used: a third request would return the same.
    pub(in crate::credential) fn refuse(&self, key: &str, is_it: impl Fn(&V) -> bool) {
        let mut slots = self.slots();
        let Some(slot) = slots.get_mut(key) else {
            return;
        };
        if slot.refused.as_ref().is_some_and(&is_it) {
            return;
        }
        if let Some(held) = slot.held.as_mut().filter(|held| is_it(&held.value)) {
            held.is_refused = true;
            slot.refused = Some(held.value.clone());
        }
    }

    /// Marks the value for renewal on the next request.
    pub(in crate::credential) fn forget(&self, key: &str) {
        let mut slots = self.slots();
        if let Some(held) = slots.get_mut(key).and_then(|slot| slot.held.as_mut()) {
            held.is_refused = true;
        }
    }

    fn begin<F>(
        self: &Arc<Self>,
        key: &str,
        version: Version,
        making: F,
    ) -> watch::Receiver<Option<Outcome<V>>>
    where
        F: Future<Output = Result<Made<V>, CredentialError>> + Send + 'static,
    {
        let (sender, receiver) = watch::channel(None);
        let cache = Arc::clone(self);
        let key = key.to_owned();
        tokio::spawn(async move {
            let outcome = making.await;
            cache.settle(&key, version, &outcome);
            // The receivers may be gone.
            drop(sender.send(Some(outcome.map(|made| made.value))));
        });
        receiver
    }

    fn settle(&self, key: &str, version: Version, outcome: &Result<Made<V>, CredentialError>) {
        let now = self.machine.now();
        let mut slots = self.slots();
        // The credential may have changed in the meantime.
        let Some(slot) = slots.get_mut(key).filter(|slot| slot.version == version) else {
            return;
        };
        slot.flight = None;
        match outcome {
            Ok(made) => {
                slot.failure = None;
                slot.held = Some(Held {
                    value: made.value.clone(),
                    made_at: now,
                    expires_at: made.expires_at,
                    is_refused: false,
                });
            }
            Err(error) => {
                tracing::debug!(error = error.chain(), "nothing new for `{key}`");
                slot.failure = Some((now, error.clone()));
            }
        }
    }

    fn slots(&self) -> MutexGuard<'_, HashMap<String, Slot<V>>> {
        lock(&self.slots)
    }
}

impl<V> Slot<V> {
    fn new(version: Version) -> Self {
        Self {
            version,
            held: None,
            flight: None,
            failure: None,
            refused: None,
        }
    }

    /// Whether a request is running; a task that panicked left its channel closed.
    fn is_flying(&self) -> bool {
        self.flight
            .as_ref()
            .is_some_and(|flight| flight.has_changed().is_ok())
    }

    fn failed_lately(&self, now: SystemTime) -> bool {
        let failure = self.failure.as_ref();
        failure.is_some_and(|(at, _)| is_within(*at, now, RETRY_AFTER))
    }

    fn age(&self, now: SystemTime, min_remaining: Duration) -> Age {
        match &self.held {
            Some(held) if !held.is_refused => held.age(now, min_remaining),
            _ => Age::Spent,
        }
    }
}

impl<V> Held<V> {
    fn age(&self, now: SystemTime, min_remaining: Duration) -> Age {
        let Some(expires_at) = self.expires_at else {
            return Age::Young;
        };
        let life = expires_at.duration_since(self.made_at).unwrap_or_default();
        // A value that lives for seconds must not be expired from the beginning.
        let skew = CLOCK_SKEW.min(life / 10);
        let margin = RENEWAL_MARGIN.min(life / 10);
        let remaining = expires_at.duration_since(now).unwrap_or_default();
        let remaining = remaining.saturating_sub(skew);
        let is_short = remaining < min_remaining && !is_within(self.made_at, now, RETRY_AFTER);
        if remaining.is_zero() || is_short {
            Age::Spent
        } else if remaining <= margin {
            Age::Aging
        } else {
            Age::Young
        }
    }
}

/// Whether that time is less than `duration` ago; false after the clock was set back.
fn is_within(at: SystemTime, now: SystemTime, duration: Duration) -> bool {
    now.duration_since(at).is_ok_and(|passed| passed < duration)
}
