//! The attempts of a job: turns pods into events, and determines how each ended.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use toolhost_capability::JobEventKind;
use toolhost_capability::controller::Next;
use toolhost_capability::timer::NextCheck;

use super::attempt::{Attempt, Log};
use super::known::{EventCheck, Known};
use super::state::{Job, Supervision, Surplus};
use crate::diagnosis::{self, AttemptContext, JobStop};
use crate::follow::{Followed, Follower, Writing};
use crate::job_watcher::PodState;
use crate::names::SCRIPT_CONTAINER;
use crate::phase;
use crate::view::JobView;

/// How long a pod that is being deleted is watched for a cause before the known one is reported: the Job controller
/// writes the deadline's condition up to a second after it began to delete.
const DELETION_DELAY: Duration = Duration::from_secs(3);

impl Job {
    pub(super) fn note_pods(&mut self, pods: &BTreeMap<String, PodState>, job: Option<&JobView>) {
        let is_suspended = job.is_some_and(|job| job.spec.suspend == Some(true));
        for attempt in &mut self.attempts {
            if let Some(state) = pods.get(&attempt.uid) {
                attempt.pod = Arc::clone(&state.pod);
                attempt.is_gone |= state.is_gone;
            }
            // If its pod is not being deleted, the job was received before it was resumed.
            attempt.is_suspended |= is_suspended && !attempt.has_ended && attempt.is_deleted();
        }
        let is_new = |uid: &&String| !self.attempts.iter().any(|known| known.uid == **uid);
        let mut new: Vec<_> = pods
            .keys()
            .filter(is_new)
            .filter_map(|uid| pods.get(uid))
            .collect();
        new.sort_by_key(|state| state.pod.order());
        if !new.is_empty() {
            self.event_check = EventCheck::new();
            self.wait_timer.reset();
            self.wait = None;
        }
        for state in new {
            let metadata = &state.pod.metadata;
            self.attempts.push(Attempt {
                uid: metadata.uid.clone().unwrap_or_default(),
                name: metadata.name.clone().unwrap_or_default(),
                number: None,
                pod: Arc::clone(&state.pod),
                is_gone: state.is_gone,
                deleted: None,
                script_ended: None,
                is_suspended: false,
                writing: watch::Sender::new(Writing::Runs),
                log: Log::None,
                has_ended: false,
            });
        }
    }

    pub(super) fn advance_attempt(
        &mut self,
        index: usize,
        job: Option<&JobView>,
        next: &mut NextCheck,
    ) {
        // Attempts are reported one after the other, and the log of one ends before that of the next begins: the next
        // pod may run, and even end, while a log is still being read.
        let mut earlier = self.attempts.iter().take(index);
        let is_next = earlier.all(|attempt| attempt.has_ended);
        let Some(attempt) = self.attempts.get_mut(index) else {
            return;
        };
        if attempt.has_ended {
            return;
        }
        let phase = phase::phase(&attempt.pod);
        if phase.has_started && is_next {
            self.begin_attempt(index);
        }
        let Some(attempt) = self.attempts.get_mut(index) else {
            return;
        };
        let writing = Writing::of(&attempt.pod, attempt.is_gone);
        // Before its log is followed, which takes one request more than reading that of a container that has ended.
        attempt.writing.send_if_modified(|known| {
            let is_news = *known < writing;
            *known = writing.max(*known);
            is_news
        });
        if phase.has_started && is_next && matches!(attempt.log, Log::None) {
            attempt.log = Log::Followed;
            let follower = Follower {
                connection: Arc::clone(&self.supervision.api.cluster.connection),
                namespace: self.supervision.api.namespace.clone(),
                pod: attempt.name.clone(),
                container: SCRIPT_CONTAINER,
                attempt: attempt.number(),
                logs: Arc::clone(&self.supervision.logs),
                writing: attempt.writing.subscribe(),
            };
            self.followers
                .spawn(async move { (index, follower.run().await) });
        }
        if writing == Writing::Runs {
            return;
        }
        if matches!(attempt.log, Log::Followed) || !is_next {
            return;
        }
        // It is being deleted: by the job's deadline, a drain, or a user. The job reports which, a little later.
        let is_deleted = attempt.is_deleted();
        let is_explained = self.is_cancelled
            || self.is_lost
            || attempt.is_suspended
            || attempt.pod.disruption().is_some()
            || job.is_some_and(phase::is_too_late);
        if is_deleted && !is_explained && !phase::has_succeeded(&attempt.pod) {
            let since = *attempt.deleted.get_or_insert(next.now());
            if !next.is_due(since + DELETION_DELAY) {
                return;
            }
        }
        if !is_deleted && !phase::left_running(&attempt.pod).is_empty() {
            let since = *attempt.script_ended.get_or_insert(next.now());
            if !next.is_due(since + self.supervision.api.cluster.settings.sidecar_grace) {
                return;
            }
            self.surplus = Some(Surplus::Sidecars(index));
        }
        self.end_attempt(index, job);
    }

    /// Reports the start of the attempt, and assigns its number, unless that was done.
    fn begin_attempt(&mut self, index: usize) {
        let number = self.attempts.iter().filter(|attempt| attempt.is_reported());
        let number = u32::try_from(number.count() + 1).unwrap_or(u32::MAX);
        let Some(attempt) = self.attempts.get_mut(index) else {
            return;
        };
        if attempt.is_reported() {
            return;
        }
        attempt.number = Some(number);
        let pod = attempt.name.clone();
        let elapsed = self.supervision.created.elapsed();
        let reporter = &self.supervision.reporter;
        reporter.report(elapsed, number, JobEventKind::AttemptStarted { pod });
        self.wait = None;
    }

    fn end_attempt(&mut self, index: usize, job: Option<&JobView>) {
        let Some(attempt) = self.attempts.get(index) else {
            return;
        };
        let is_too_late = job.is_some_and(phase::is_too_late);
        let stop = if self.is_cancelled {
            Some(JobStop::Cancelled)
        } else if is_too_late {
            let deadline = self.supervision.active_deadline;
            Some(JobStop::Deadline(deadline.unwrap_or_default()))
        } else {
            attempt.is_suspended.then_some(JobStop::Suspended)
        };
        let context = AttemptContext {
            container: SCRIPT_CONTAINER,
            is_gone: attempt.is_gone,
            is_script_enough: self.surplus == Some(Surplus::Sidecars(index)),
            job_stop: stop,
            now: self.supervision.api.cluster.connection.now(),
        };
        let Some(mut verdict) = diagnosis::attempt_end(&attempt.pod, context) else {
            return;
        };
        if stop.is_some() && !attempt.is_reported() && !phase::phase(&attempt.pod).has_started {
            if matches!(stop, Some(JobStop::Deadline(_))) {
                self.wait.get_or_insert_with(Known::nothing);
                self.uncounted += 1;
            }
            self.drop_attempt(index);
            return;
        }
        self.begin_attempt(index);
        let Some(attempt) = self.attempts.get_mut(index) else {
            return;
        };
        attempt.has_ended = true;
        let supervision = &mut self.supervision;
        let elapsed = supervision.created.elapsed();
        let number = attempt.number();
        if let Log::Read(followed) = &attempt.log {
            if let Some(problem) = &followed.problem {
                let message = format!("attempt {number}: {problem}");
                supervision
                    .reporter
                    .report(elapsed, number, JobEventKind::Warning { message });
            }
            let Supervision {
                command,
                script_name,
                ..
            } = supervision;
            verdict.end =
                diagnosis::from_log_tail(verdict.end, command, script_name, &followed.tail);
        } else {
            supervision.logs.end(number);
        }
        let end = verdict.end.clone();
        let counts = verdict.counts;
        // The Job controller does not count a pod that succeeds while it is being stopped, and would start another one.
        if end.reason().is_none() && attempt.is_suspended {
            self.surplus = Some(Surplus::Rerun);
        }
        self.verdicts.push(verdict);
        supervision
            .reporter
            .report(elapsed, number, JobEventKind::AttemptEnded(end.clone()));
        self.reported = None;
        self.wait = None;
        self.event_check = EventCheck::new();
        if counts && let Next::Retry(wait) = supervision.controller.after(&end) {
            let is_last = self.is_cancelled || self.is_lost || is_too_late;
            if !is_last {
                self.event_check.at += wait;
                supervision
                    .reporter
                    .report(elapsed, number, JobEventKind::BackingOff { wait });
            }
        }
    }

    pub(super) fn note_log(&mut self, index: usize, followed: Followed) {
        if let Some(attempt) = self.attempts.get_mut(index) {
            attempt.log = Log::Read(followed);
        }
    }
}
