//! The Job controller: pods, retries, deadlines, conditions, and the TTL.
//!
//! Source of the rules: `pkg/controller/job/job_controller.go` of Kubernetes 1.34.

mod census;
mod conditions;
mod ending;
mod pods;
mod policy;
mod sync;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use tokio::time::{Instant, sleep_until};

use self::sync::Memory;
use crate::json::{has_finalizer, list, remove_finalizer, text};
use crate::kind::{JOBS, PODS};
use crate::settings::Settings;
use crate::store::{Change, Key, Store, Verb};

/// Keeps a pod until the controller has counted it.
const TRACKING_FINALIZER: &str = "batch.kubernetes.io/job-tracking";

pub(crate) struct Controller {
    store: Arc<Store>,
    settings: Arc<Settings>,
    /// What is not written in the objects, by the UID of the Job.
    memories: HashMap<String, Memory>,
    /// When each Job has to be looked at.
    due: BTreeMap<Key, Instant>,
}

impl Controller {
    pub(crate) fn new(store: Arc<Store>, settings: Arc<Settings>) -> Self {
        Self {
            store,
            settings,
            memories: HashMap::new(),
            due: BTreeMap::new(),
        }
    }

    pub(crate) async fn run(mut self) {
        let mut versions = self.store.versions();
        let mut seen = 0;
        loop {
            versions.mark_unchanged();
            for change in self.store.every_change_since(seen) {
                seen = change.version;
                self.look_at(&change);
            }
            let now = Instant::now();
            let ready = self.due.iter().filter(|(_, time)| **time <= now);
            let ready: Vec<Key> = ready.map(|(key, _)| key.clone()).collect();
            for key in &ready {
                self.due.remove(key);
                if let Some(next) = self.sync(key) {
                    self.look_at_job(key.clone(), next);
                }
            }
            if !ready.is_empty() {
                continue;
            }
            let next = self.due.values().min().copied();
            tokio::select! {
                biased;
                changed = versions.changed() => if changed.is_err() { return },
                () = async { sleep_until(next.unwrap_or(now)).await }, if next.is_some() => {}
            }
        }
    }

    fn look_at(&mut self, change: &Change) {
        if change.key.kind == &JOBS {
            if change.verb == Verb::Deleted {
                let uid = text(&change.object, "/metadata/uid");
                self.memories.remove(uid);
                for (key, _) in pods::of(&self.store, uid) {
                    self.release(&key);
                }
            } else {
                self.look_at_job(change.key.clone(), Instant::now());
            }
        } else if change.key.kind == &PODS {
            for owner in list(&change.object, "/metadata/ownerReferences") {
                let key = Key::new(&JOBS, &change.key.namespace, text(owner, "/name"));
                let job = self.store.get(&key);
                if job.is_some_and(|job| text(&job, "/metadata/uid") == text(owner, "/uid")) {
                    self.look_at_job(key, Instant::now() + self.settings.status_delay);
                } else if has_finalizer(&change.object, TRACKING_FINALIZER) {
                    self.release(&change.key);
                }
            }
        }
    }

    fn look_at_job(&mut self, key: Key, time: Instant) {
        let due = self.due.entry(key).or_insert(time);
        *due = time.min(*due);
    }

    /// Releases a pod.
    fn release(&self, pod: &Key) {
        // It may be gone by now.
        let _ = self.store.update(pod, |pod| {
            remove_finalizer(pod, TRACKING_FINALIZER);
            Ok(())
        });
    }
}
