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
    /// From 1, in the order in which attempts are told; none before.
    pub(super) number: Option<u32>,
    pub(super) is_gone: bool,
    /// Since when it is being deleted.
    pub(super) deleted: Option<Instant>,
    /// Since when its script is over and others go on.
    pub(super) script_ended: Option<Instant>,
    /// Whether the job was suspended while it was not over, which deletes its pod.
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
    /// Its number; 0 before it was told that it began.
    pub(super) fn number(&self) -> u32 {
        self.number.unwrap_or_default()
    }

    /// Whether somebody deletes its pod, or has.
    pub(super) fn is_deleted(&self) -> bool {
        self.is_gone || self.pod.metadata.deletion_timestamp.is_some()
    }

    /// Whether it was told that it began.
    pub(super) fn is_told(&self) -> bool {
        self.number.is_some()
    }

    /// Whether it runs, as far as was heard.
    pub(super) fn may_run(&self) -> bool {
        !self.has_ended && Writing::of(&self.pod, self.is_gone) == Writing::Runs
    }
}
