//! Why nothing of a job runs: told, waited for, or given up.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;
use toolhost_capability::controller::Wait;
use toolhost_capability::timer::NextLook;
use toolhost_capability::{JobEventKind, Reason};

use super::attempt::Attempt;
use super::{Job, Supervision};
use crate::diagnosis::{self, Cause, Verdict, Waiting, WaitingContext};
use crate::view::{EventView, JobView};
use crate::{api, retry};

/// When the events of a job without a pod are looked at first, and how long after that again, doubled each time.
const FIRST_LOOK: Duration = Duration::from_secs(5);
const MAX_LOOK: Duration = Duration::from_mins(2);
/// How long the end of a job that was given up may take before it is told all the same.
const GIVE_UP_TIMEOUT: Duration = Duration::from_secs(10);

/// When the events of a job of which nothing runs are looked at.
pub(super) struct Look {
    pub(super) at: Instant,
    after: Duration,
}

impl Look {
    pub(super) fn new() -> Self {
        Self {
            at: Instant::now() + FIRST_LOOK,
            after: FIRST_LOOK,
        }
    }

    /// Whether to look now. If so, it is looked again after a longer time.
    fn is_due(&mut self, next: &mut NextLook) -> bool {
        let is_due = next.is_due(self.at);
        if is_due {
            self.at = next.now() + self.after;
            self.after = (self.after * 2).min(MAX_LOOK);
        }
        is_due
    }
}

/// What nothing of a job can start for, as it was last known.
pub(super) struct Known {
    wait: Wait,
    /// Whether a pod says so itself, and says so no more when it is over.
    is_of_pod: bool,
}

impl Known {
    pub(super) fn new(waiting: &Waiting, is_of_pod: bool) -> Self {
        Self {
            wait: waiting.cause.clone().into(),
            is_of_pod,
        }
    }

    /// Nothing says what it waits for.
    pub(super) fn nothing() -> Self {
        let cause = Cause::new(
            Reason::StartFailed,
            "its script was not started, and nothing says why",
        )
        .with_hint("see `kubectl describe job`, and the events of its pods");
        Self {
            wait: cause.into(),
            is_of_pod: false,
        }
    }

    pub(super) fn as_wait(&self) -> &Wait {
        &self.wait
    }

    /// Whether it holds still although the pod does not say so just now: a kubelet's words about an image alternate
    /// with none.
    fn may_hold(&self) -> bool {
        !self.is_of_pod || self.wait.reason == Reason::ImagePull
    }
}

impl Job {
    /// Looks at why nothing runs, tells it, and ends what has no hope.
    pub(super) async fn judge_waiting(&mut self, job: Option<&JobView>, next: &mut NextLook) {
        let current = self.attempts.last().filter(|attempt| !attempt.has_ended);
        let is_running = current.is_some_and(Attempt::is_told);
        let is_deleted =
            current.is_some_and(|attempt| attempt.pod.metadata.deletion_timestamp.is_some());
        let mut earlier = self.attempts.iter().rev().skip(1);
        if is_running && !is_deleted || earlier.any(|attempt| !attempt.has_ended) {
            return;
        }
        // A suspended job has no pod that nobody deletes: where there is one, the job was heard before it was let go.
        let has_pod = current.is_some() && (is_running || !is_deleted);
        match job.filter(|job| job.spec.suspend == Some(true)) {
            Some(job) if !has_pod => return self.judge_suspension(job, next).await,
            _ => self.end_suspension(),
        }
        let current = self.attempts.last().filter(|attempt| !attempt.has_ended);
        let context = self.context(Timestamp::now());
        let said = current.and_then(|attempt| diagnosis::waiting(&attempt.pod, context));
        // What a pod says is heard of when it changes. Events are asked for, and again where they may.
        let is_of_pod = said.is_some();
        if current.is_some_and(Attempt::may_run) && !is_deleted && !is_of_pod {
            self.wait.take_if(|known| !known.may_hold());
        }
        let waiting = match said {
            Some(waiting) => waiting,
            None if !self.look.is_due(next) => return,
            None => {
                let Some(waiting) = self.said_in_events().await else {
                    next.is_due(self.look.at);
                    return;
                };
                waiting
            }
        };
        self.tell_waiting(&waiting);
        if is_running {
            if !is_of_pod {
                next.is_due(self.look.at);
            }
            return;
        }
        self.wait = Some(Known::new(&waiting, is_of_pod));
        match self.patience.judge(&waiting, next.now()) {
            Verdict::GiveUp => self.give_up(waiting).await,
            Verdict::LookAgain(after) if is_of_pod => next.after(after),
            Verdict::LookAgain(after) => {
                self.look.at = self.look.at.min(next.now() + after);
                next.is_due(self.look.at);
            }
            Verdict::Wait if is_of_pod => {}
            Verdict::Wait => {
                next.is_due(self.look.at);
            }
        }
    }

    /// What events say where objects say nothing: that no pod can be made, or that its node cannot prepare
    /// it.
    async fn said_in_events(&self) -> Option<Waiting> {
        let current = self.attempts.last().filter(|attempt| !attempt.has_ended);
        let uid = current.map_or(&self.supervision.uid, |attempt| &attempt.uid);
        let events = self.warnings(uid).await;
        let context = self.context(Timestamp::now());
        match current {
            Some(_) => diagnosis::from_pod_events(&events, context),
            None => diagnosis::failed_create(&events, context),
        }
    }

    /// The warnings about an object.
    async fn warnings(&self, uid: &str) -> Vec<EventView> {
        let Supervision {
            cluster, namespace, ..
        } = &self.supervision;
        cluster.warnings(namespace, uid).await
    }

    fn context(&self, now: Timestamp) -> WaitingContext<'_> {
        WaitingContext {
            own_objects: &self.supervision.own_objects,
            graces: &self.graces,
            now,
        }
    }

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

    /// Ends a job that would wait for ever.
    async fn give_up(&mut self, mut waiting: Waiting) {
        if waiting.cause.reason == Reason::ImagePull
            && let Some(attempt) = self.attempts.last()
        {
            waiting = diagnosis::with_pull_secrets(waiting, &self.warnings(&attempt.uid).await);
        }
        let Supervision {
            cluster,
            namespace,
            name,
            uid,
            ..
        } = &self.supervision;
        let client = cluster.connection.client();
        let verdict = waiting.cause.reason.as_str();
        let ended = cluster
            .during(|| api::end_job(&client, namespace, name, verdict))
            .await;
        if let Err(error) = ended {
            tracing::debug!(%error, "a job that cannot start could not be marked, and is deleted");
            let deleted = cluster
                .during(|| api::delete_job(&client, namespace, name, uid))
                .await;
            if let Err(error) = deleted.or_else(retry::already_gone) {
                tracing::warn!(%error, job = name, "a job that cannot start could not be deleted");
            }
        }
        // What never ran is no attempt.
        if let Some(last) = self.attempts.len().checked_sub(1)
            && self
                .attempts
                .last()
                .is_some_and(|attempt| !attempt.has_ended)
        {
            self.drop_attempt(last);
        }
        let failed = self
            .verdicts
            .iter()
            .filter(|verdict| verdict.counts && verdict.end.reason.is_some());
        let failed = u32::try_from(failed.count()).unwrap_or(u32::MAX);
        self.verdict = Some(waiting.cause.into_job_end(failed));
        self.give_up = Some(Instant::now() + GIVE_UP_TIMEOUT);
    }
}
