//! The node: plays the pods that are created.

mod container;
mod environment;
mod expansion;
mod log;
mod memory;
mod pod;
mod processes;
mod script;
mod status;
mod volumes;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::task::JoinSet;

pub(crate) use self::log::{Log, Logs, Record};
use self::pod::Pod;
use crate::json::{list, text};
use crate::kind::PODS;
use crate::play::{Play, PlayedPod};
use crate::settings::Settings;
use crate::store::{Change, Store, Verb};

/// The scheduler and the kubelet of the only node.
pub(crate) struct Kubelet {
    pub(crate) store: Arc<Store>,
    pub(crate) settings: Arc<Settings>,
    pub(crate) logs: Arc<Logs>,
    /// Where volumes are made.
    pub(crate) directory: PathBuf,
    /// How many pods each owner had.
    pub(crate) attempts: HashMap<String, u32>,
}

impl Kubelet {
    /// Simulates pods forever. When this is dropped, their processes end.
    pub(crate) async fn run(mut self) {
        let mut versions = self.store.versions();
        let mut pods = JoinSet::new();
        let mut seen = 0;
        loop {
            versions.mark_unchanged();
            for change in self.store.every_change_since(seen) {
                seen = change.version;
                if change.key.kind == &PODS && change.verb == Verb::Added {
                    self.play(&change, &mut pods);
                }
            }
            tokio::select! {
                biased;
                changed = versions.changed() => if changed.is_err() { return },
                Some(_) = pods.join_next() => {}
            }
        }
    }

    fn play(&mut self, change: &Change, pods: &mut JoinSet<()>) {
        let owner = list(&change.object, "/metadata/ownerReferences").first();
        let (job, owner) = owner.map_or(("", ""), |owner| {
            (text(owner, "/name"), text(owner, "/uid"))
        });
        let attempt = self.attempts.entry(owner.to_owned()).or_default();
        *attempt += 1;
        let played = PlayedPod {
            job,
            attempt: *attempt,
            pod: &change.object,
        };
        let playwright = self.settings.playwright.as_ref();
        let play = playwright.map_or(Play::Processes, |playwright| playwright(&played));
        let uid = text(&change.object, "/metadata/uid").to_owned();
        let pod = Pod {
            store: Arc::clone(&self.store),
            settings: Arc::clone(&self.settings),
            logs: Arc::clone(&self.logs),
            key: change.key.clone(),
            directory: self.directory.join(&uid),
            uid,
        };
        pods.spawn(async move {
            match play {
                Play::Processes | Play::NotCreated(_) => pod.run_processes().await,
                Play::Steps(steps) => pod.run_script(steps).await,
            }
        });
    }
}
