//! A job that is seen through, and what is known about it.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use toolhost_capability::controller::Controller;
use toolhost_capability::{JobEnd, JobEventKind, JobReporter, LogSink, Reason};

use super::attempt::Attempt;
use super::known::{Known, Look, Suspension};
use crate::diagnosis::{AttemptVerdict, Graces, Patience, Waiting};
use crate::follow::Followed;
use crate::hub::Subscription;
use crate::job_api::JobApi;

/// A job that exists, and everything that is needed to see it through.
pub(crate) struct Supervision {
    pub(crate) api: JobApi,
    /// The names of the Secret and the ConfigMaps that this host makes for it.
    pub(crate) own_objects: Vec<String>,
    pub(crate) command: Vec<String>,
    pub(crate) script_name: String,
    pub(crate) active_deadline: Option<Duration>,
    pub(crate) controller: Controller,
    pub(crate) subscription: Subscription,
    pub(crate) reporter: JobReporter,
    pub(crate) logs: Arc<dyn LogSink>,
    pub(crate) created: Instant,
    /// Ends every job of the engine.
    pub(crate) shutdown: CancellationToken,
    /// What the user should know from the beginning.
    pub(crate) warnings: Vec<String>,
}

/// A job while it runs.
pub(super) struct Job {
    pub(super) supervision: Supervision,
    pub(super) attempts: Vec<Attempt>,
    /// How attempts ended, in the order in which they did.
    pub(super) verdicts: Vec<AttemptVerdict>,
    pub(super) followers: JoinSet<(usize, Followed)>,
    /// What the cluster would go on with although the script is over.
    pub(super) surplus: Option<Surplus>,
    /// How it ends, once that is sure; told when every attempt is over.
    pub(super) verdict: Option<JobEnd>,
    /// Whether it is being ended because somebody wants it.
    pub(super) is_cancelled: bool,
    /// Whether it is gone although nobody here wanted it.
    pub(super) is_lost: bool,
    /// When it is not waited for any longer.
    pub(super) give_up: Option<Instant>,
    pub(super) look: Look,
    /// Since when the job has ended attempts whose end was not heard of.
    pub(super) missing: Option<Instant>,
    /// Whether its pods were asked for because of that.
    pub(super) has_listed: bool,
    pub(super) graces: Graces,
    /// How long nothing runs for the same cause.
    pub(super) patience: Patience,
    /// Whether it is suspended, as far as was heard.
    pub(super) suspension: Option<Suspension>,
    /// What nothing of it can start for, as far as is known.
    pub(super) wait: Option<Known>,
    /// Pods that were ended at the deadline before anything of them ran: no attempts, though the Job controller counts them.
    pub(super) uncounted: u32,
    /// What was last told about why it waits.
    pub(super) told: Option<(Reason, String)>,
    /// Why nothing is heard of the cluster, which was told.
    pub(super) told_silence: Option<Arc<kube::Error>>,
}

/// What the cluster would go on with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Surplus {
    /// Other containers of this attempt's pod.
    Sidecars(usize),
    /// Another run, when the job is resumed that succeeded while it was being suspended.
    Rerun,
}

impl Job {
    /// A job of which nothing is known yet.
    pub(super) fn new(supervision: Supervision) -> Self {
        Self {
            supervision,
            attempts: Vec::new(),
            verdicts: Vec::new(),
            followers: JoinSet::new(),
            surplus: None,
            verdict: None,
            is_cancelled: false,
            is_lost: false,
            give_up: None,
            look: Look::new(),
            missing: None,
            has_listed: false,
            graces: Graces::default(),
            patience: Patience::default(),
            suspension: None,
            wait: None,
            uncounted: 0,
            told: None,
            told_silence: None,
        }
    }

    /// Tells what nothing of it runs for, unless that was told last.
    pub(super) fn tell_waiting(&mut self, waiting: &Waiting) {
        // A kubelet's words for one cause alternate: `ErrImagePull`, `ImagePullBackOff`.
        let news = (waiting.cause.reason, waiting.cause.message.clone());
        if self.told.as_ref() == Some(&news) {
            return;
        }
        let (reason, message) = (waiting.word.clone(), waiting.cause.message.clone());
        self.told = Some(news);
        let attempt = self.attempts.last().map_or(0, Attempt::number);
        let elapsed = self.supervision.created.elapsed();
        let kind = JobEventKind::Waiting { reason, message };
        self.supervision.reporter.report(elapsed, attempt, kind);
    }

    /// Forgets a pod that was ended before anything of it ran: that is no attempt.
    pub(super) fn drop_attempt(&mut self, index: usize) {
        let Some(attempt) = self.attempts.get_mut(index) else {
            return;
        };
        attempt.has_ended = true;
        self.look = Look::new();
    }
}
