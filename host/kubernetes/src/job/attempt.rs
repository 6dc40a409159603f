use std::sync::Arc;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::follow::{Followed, Writing};
use crate::view::PodView;

/// A pod of the job.
pub(super) struct Attempt {
    pub(super) pod: Arc<PodView>,
    pub(super) uid: String,
    pub(super) name: String,
    /// From 1, in the order in which attempts are reported; none before.
    pub(super) number: Option<u32>,
    pub(super) is_gone: bool,
    /// When its deletion was noticed.
    pub(super) deleted: Option<Instant>,
    /// When its script ended while other containers run.
    pub(super) script_ended: Option<Instant>,
    /// Whether the job was suspended while the attempt ran, which deletes its pod.
    pub(super) is_suspended: bool,
    pub(super) writing: watch::Sender<Writing>,
    pub(super) log: Log,
    pub(super) has_ended: bool,
}

pub(super) enum Log {
    None,
    Followed,
    Read(Followed),
}

impl Attempt {
    /// Its number; 0 before its start was reported.
    pub(super) fn number(&self) -> u32 {
        self.number.unwrap_or_default()
    }

    /// Whether its pod is being deleted, or was.
    pub(super) fn is_deleted(&self) -> bool {
        self.is_gone || self.pod.metadata.deletion_timestamp.is_some()
    }

    /// Whether its start was reported.
    pub(super) fn is_reported(&self) -> bool {
        self.number.is_some()
    }

    /// Whether it runs, as far as is known.
    pub(super) fn may_run(&self) -> bool {
        !self.has_ended && Writing::of(&self.pod, self.is_gone) == Writing::Runs
    }
}
