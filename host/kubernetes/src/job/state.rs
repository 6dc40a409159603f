//! A supervised job, and its known state.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use toolhost_capability::controller::Controller;
use toolhost_capability::{JobEnd, JobEventKind, JobReporter, LogSink, Reason};

use super::attempt::Attempt;
use super::known::{EventCheck, Known, Suspension};
use crate::diagnosis::{AttemptVerdict, WaitPolicy, WaitTimer, Waiting};
use crate::follow::Followed;
use crate::job_api::JobApi;
use crate::job_watcher::Subscription;

/// A job that exists, and everything that its supervision needs.
pub(crate) struct Supervision {
    pub(crate) api: JobApi,
    /// The names of the Secret and the ConfigMaps that this host creates for it.
    pub(crate) own_objects: Vec<String>,
    /// Whether a Secret is one of them.
    pub(crate) has_secret: bool,
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
    /// Warnings for the user from the creation.
    pub(crate) warnings: Vec<String>,
}

/// A job while it runs.
pub(super) struct Job {
    pub(super) supervision: Supervision,
    pub(super) attempts: Vec<Attempt>,
    /// How attempts ended, in the order of their ends.
    pub(super) verdicts: Vec<AttemptVerdict>,
    pub(super) followers: JoinSet<(usize, Followed)>,
    /// What the cluster would continue although the script has ended.
    pub(super) surplus: Option<Surplus>,
    /// How it ends, once that is certain; reported when every attempt has ended.
    pub(super) verdict: Option<JobEnd>,
    /// Whether it is being cancelled.
    pub(super) is_cancelled: bool,
    /// Whether it is gone without having been cancelled.
    pub(super) is_lost: bool,
    /// When it is no longer waited for.
    pub(super) give_up: Option<Instant>,
    pub(super) event_check: EventCheck,
    /// Since when the job has counted ended attempts whose end was not received.
    pub(super) missing: Option<Instant>,
    /// Whether its pods were listed because of that.
    pub(super) has_listed: bool,
    pub(super) wait_policy: WaitPolicy,
    /// How long it has waited for the same cause.
    pub(super) wait_timer: WaitTimer,
    /// Whether it is suspended, as far as is known.
    pub(super) suspension: Option<Suspension>,
    /// What prevents its start, as far as is known.
    pub(super) wait: Option<Known>,
    /// Pods that were ended at the deadline before any of their containers ran: not attempts, though the Job controller
    /// counts them.
    pub(super) uncounted: u32,
    /// The last reported reason for waiting.
    pub(super) reported: Option<(Reason, String)>,
    /// The reported reason why no events are received from the cluster.
    pub(super) reported_silence: Option<Arc<kube::Error>>,
}

/// What the cluster would continue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Surplus {
    /// Other containers of this attempt's pod.
    Sidecars(usize),
    /// Another run, when a job is resumed that succeeded while it was being suspended.
    Rerun,
}

impl Job {
    /// Creates the state of a job about which nothing is known yet.
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
            event_check: EventCheck::new(),
            missing: None,
            has_listed: false,
            wait_policy: WaitPolicy::default(),
            wait_timer: WaitTimer::default(),
            suspension: None,
            wait: None,
            uncounted: 0,
            reported: None,
            reported_silence: None,
        }
    }

    /// Reports what the job waits for, unless that was the last report.
    pub(super) fn report_waiting(&mut self, waiting: &Waiting) {
        // A kubelet's words for one cause alternate: `ErrImagePull`, `ImagePullBackOff`.
        let news = (waiting.cause.reason, waiting.cause.message.clone());
        if self.reported.as_ref() == Some(&news) {
            return;
        }
        let (reason, message) = (waiting.word.clone(), waiting.cause.message.clone());
        self.reported = Some(news);
        let attempt = self.attempts.last().map_or(0, Attempt::number);
        let elapsed = self.supervision.created.elapsed();
        let kind = JobEventKind::Waiting { reason, message };
        self.supervision.reporter.report(elapsed, attempt, kind);
    }

    /// Drops a pod that was ended before any of its containers ran: it is not an attempt.
    pub(super) fn drop_attempt(&mut self, index: usize) {
        let Some(attempt) = self.attempts.get_mut(index) else {
            return;
        };
        attempt.has_ended = true;
        self.event_check = EventCheck::new();
    }
}
