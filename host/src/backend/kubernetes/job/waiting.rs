//! Why nothing of a job runs: told, waited for, or given up.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use super::{Job, Supervision};
use crate::backend::kubernetes::diagnosis::{
    self, AttemptVerdict, Verdict, Waiting, WaitingContext,
};
use crate::backend::kubernetes::view::EventView;
use crate::backend::kubernetes::{api, retry};
use crate::capability::{AttemptEnd, JobEventKind, Reason};

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
}

impl Job {
    /// Looks at why nothing runs, tells it, and ends what has no hope. Says when to look again.
    pub(super) async fn judge_waiting(&mut self) -> Option<Instant> {
        let current = self.attempts.last().filter(|attempt| !attempt.has_ended);
        let is_running = current.is_some_and(|attempt| attempt.is_told);
        let is_deleted =
            current.is_some_and(|attempt| attempt.pod.metadata.deletion_timestamp.is_some());
        let mut earlier = self.attempts.iter().rev().skip(1);
        if is_running && !is_deleted || earlier.any(|attempt| !attempt.has_ended) {
            return None;
        }
        let now = Timestamp::now();
        let said = current.and_then(|attempt| diagnosis::waiting(&attempt.pod, self.context(now)));
        let waiting = match said {
            Some(waiting) => waiting,
            None if Instant::now() < self.look.at => return Some(self.look.at),
            None => {
                self.look.at = Instant::now() + self.look.after;
                self.look.after = (self.look.after * 2).min(MAX_LOOK);
                match self.said_in_events().await {
                    Some(waiting) => waiting,
                    None => return Some(self.look.at),
                }
            }
        };
        self.tell_waiting(&waiting);
        if is_running {
            return None;
        }
        match self.patience.judge(&waiting, now) {
            Verdict::GiveUp => {
                self.give_up(waiting).await;
                None
            }
            Verdict::LookAgain(after) => {
                self.look.at = self.look.at.min(Instant::now() + after);
                Some(self.look.at)
            }
            Verdict::Wait => Some(self.look.at),
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

    fn tell_waiting(&mut self, waiting: &Waiting) {
        let news = (waiting.word.clone(), waiting.cause.message.clone());
        if self.told.as_ref() == Some(&news) {
            return;
        }
        let (reason, message) = news.clone();
        self.told = Some(news);
        let attempt = self.attempts.last().map_or(0, |attempt| attempt.number);
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
        let elapsed = self.supervision.created.elapsed();
        if let Some(attempt) = self
            .attempts
            .last_mut()
            .filter(|attempt| !attempt.has_ended)
        {
            let (number, pod) = (attempt.number, attempt.name.clone());
            let reporter = &self.supervision.reporter;
            reporter.report(elapsed, number, JobEventKind::AttemptStarted { pod });
            let end = AttemptEnd {
                reason: Some(waiting.cause.reason),
                message: Some(format!("could not start: {}", waiting.cause.message)),
                hint: waiting.cause.hint.clone(),
                field: waiting.cause.field.clone(),
                ..AttemptEnd::default()
            };
            attempt.is_told = true;
            attempt.has_ended = true;
            self.supervision.logs.end(number);
            reporter.report(elapsed, number, JobEventKind::AttemptEnded(end.clone()));
            self.verdicts.push(AttemptVerdict { end, counts: true });
        }
        let failed = self
            .verdicts
            .iter()
            .filter(|verdict| verdict.end.reason.is_some());
        let failed = u32::try_from(failed.count()).unwrap_or(u32::MAX);
        self.verdict = Some(waiting.cause.into_job_end(failed));
        self.give_up = Some(Instant::now() + GIVE_UP_TIMEOUT);
    }
}
