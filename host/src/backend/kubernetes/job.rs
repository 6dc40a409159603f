//! One job while it runs: what is heard of it becomes events, logs and a verdict.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::api;
use super::cluster::Cluster;
use super::diagnosis::{
    self, AttemptContext, AttemptVerdict, Graces, JobStop, Patience, Verdict, Waiting,
    WaitingContext,
};
use super::follow::{Followed, Follower, Writing};
use super::hub::{JobState, PodState, Subscription};
use super::manifest::SCRIPT_CONTAINER;
use super::phase;
use super::retry;
use super::view::{EventView, JobView, PodView};
use crate::backend::controller::{Controller, Next};
use crate::capability::{AttemptEnd, JobEnd, JobEventKind, JobReporter, LogSink, Reason};

/// How long a pod that is being deleted is watched for somebody to say why, before it is told what was
/// seen: the Job controller writes the deadline's condition up to a second after it began to delete.
const DELETION_DELAY: Duration = Duration::from_secs(3);
/// When the events of a job without a pod are looked at first, and how much longer after each time.
const FIRST_LOOK: Duration = Duration::from_secs(5);
const MAX_LOOK: Duration = Duration::from_mins(2);
/// How long the end of a job waits for attempts that it counts and that the other watch has not told yet.
const MISSING_DELAY: Duration = Duration::from_secs(2);
/// How long the end of a job that was given up may take before it is told all the same.
const GIVE_UP_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a cancelled job may take to go beyond the grace of its pods.
const CANCEL_TIMEOUT: Duration = Duration::from_mins(2);
/// How long the end of a job waits for its Secret to be deleted; it goes on without being waited for.
const CLEANUP_TIMEOUT: Duration = Duration::from_secs(5);

/// A job that exists, and everything that is needed to see it through.
pub(super) struct Supervision {
    pub(super) cluster: Arc<Cluster>,
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) uid: String,
    /// The names of the Secret and the ConfigMaps that this host makes for it.
    pub(super) own_objects: Vec<String>,
    pub(super) command: Vec<String>,
    pub(super) script_name: String,
    pub(super) active_deadline: Option<Duration>,
    pub(super) controller: Controller,
    pub(super) subscription: Subscription,
    pub(super) reporter: JobReporter,
    pub(super) logs: Arc<dyn LogSink>,
    pub(super) created: Instant,
    /// Ends every job of the engine.
    pub(super) shutdown: CancellationToken,
    /// What the user should know from the beginning.
    pub(super) warnings: Vec<String>,
}

struct Job {
    supervision: Supervision,
    attempts: Vec<Attempt>,
    /// How attempts ended, in the order in which they did.
    verdicts: Vec<AttemptVerdict>,
    followers: JoinSet<(usize, Followed)>,
    /// How it ends, once that is sure; told when every attempt is over.
    verdict: Option<JobEnd>,
    /// Whether it is being ended because somebody wants it.
    is_cancelled: bool,
    /// Whether it is gone although nobody here wanted it.
    is_lost: bool,
    /// When it is not waited for any longer.
    give_up: Option<Instant>,
    look: Look,
    /// Since when the job counts attempts of which nothing was heard.
    missing: Option<Instant>,
    /// Whether its pods were asked for because of that.
    has_listed: bool,
    graces: Graces,
    /// How long nothing runs for the same cause.
    patience: Patience,
    /// What was last told about why it waits.
    told: Option<(String, String)>,
}

/// A pod of the job.
struct Attempt {
    pod: Arc<PodView>,
    uid: String,
    name: String,
    number: u32,
    is_gone: bool,
    is_told: bool,
    /// Since when it is being deleted.
    deleted: Option<Instant>,
    writing: watch::Sender<Writing>,
    log: Log,
    has_ended: bool,
}

enum Log {
    None,
    Followed,
    Read(Followed),
}

/// When the events of a job of which nothing runs are looked at.
struct Look {
    at: Instant,
    after: Duration,
}

impl Look {
    fn new() -> Self {
        Self {
            at: Instant::now() + FIRST_LOOK,
            after: FIRST_LOOK,
        }
    }
}

impl Supervision {
    /// Sees the job through to its end, and tells of it.
    pub(super) async fn run(self) {
        for message in &self.warnings {
            let message = message.clone();
            self.reporter
                .report(self.created.elapsed(), 0, JobEventKind::Warning { message });
        }
        let mut job = Job {
            supervision: self,
            attempts: Vec::new(),
            verdicts: Vec::new(),
            followers: JoinSet::new(),
            verdict: None,
            is_cancelled: false,
            is_lost: false,
            give_up: None,
            look: Look::new(),
            missing: None,
            has_listed: false,
            graces: Graces::default(),
            patience: Patience::default(),
            told: None,
        };
        let end = job.run().await;
        job.clean_up().await;
        let supervision = job.supervision;
        supervision.reporter.report(
            supervision.created.elapsed(),
            0,
            JobEventKind::Finished(end),
        );
    }
}

impl Job {
    async fn run(&mut self) -> JobEnd {
        loop {
            let state = self.supervision.subscription.state(&self.supervision.uid);
            let next_look = self.advance(&state).await;
            if let Some(end) = self.end() {
                return end;
            }
            let Supervision {
                reporter,
                shutdown,
                subscription,
                ..
            } = &self.supervision;
            tokio::select! {
                () = reporter.cancelled(), if !self.is_cancelled => self.cancel().await,
                () = shutdown.cancelled(), if !self.is_cancelled => self.cancel().await,
                () = subscription.changed() => {}
                Some(followed) = self.followers.join_next(), if !self.followers.is_empty() => {
                    if let Ok((index, followed)) = followed {
                        self.note_log(index, followed);
                    }
                }
                () = until(next_look) => {}
            }
        }
    }

    /// The end, once it is sure and nothing of the job runs.
    fn end(&mut self) -> Option<JobEnd> {
        let is_over = self.attempts.iter().all(|attempt| attempt.has_ended);
        let is_given_up = self
            .give_up
            .is_some_and(|give_up| Instant::now() >= give_up);
        if !(is_over || is_given_up) {
            return None;
        }
        if is_given_up && self.verdict.is_none() {
            return Some(self.supervision.controller.cancelled());
        }
        self.verdict.clone()
    }

    /// Takes in what is known. Says when to look again, whatever is heard.
    async fn advance(&mut self, state: &JobState) -> Option<Instant> {
        self.note_pods(&state.pods);
        let mut next = self.give_up;
        for index in 0..self.attempts.len() {
            next = earliest(next, self.advance_attempt(index, state.job.as_deref()));
        }
        if self.verdict.is_none() && !self.is_cancelled {
            next = earliest(next, self.judge_waiting().await);
        }
        earliest(next, self.judge_job(state).await)
    }

    fn note_pods(&mut self, pods: &BTreeMap<String, PodState>) {
        for attempt in &mut self.attempts {
            if let Some(state) = pods.get(&attempt.uid) {
                attempt.pod = Arc::clone(&state.pod);
                attempt.is_gone |= state.is_gone;
            }
        }
        let is_new = |uid: &&String| !self.attempts.iter().any(|known| known.uid == **uid);
        let mut new: Vec<_> = pods
            .keys()
            .filter(is_new)
            .filter_map(|uid| pods.get(uid))
            .collect();
        new.sort_by_key(|state| {
            let metadata = &state.pod.metadata;
            (
                metadata.creation_timestamp.as_ref().map(|time| time.0),
                metadata.name.clone(),
            )
        });
        if !new.is_empty() {
            self.look = Look::new();
            self.patience.reset();
        }
        for state in new {
            let metadata = &state.pod.metadata;
            self.attempts.push(Attempt {
                uid: metadata.uid.clone().unwrap_or_default(),
                name: metadata.name.clone().unwrap_or_default(),
                number: u32::try_from(self.attempts.len() + 1).unwrap_or(u32::MAX),
                pod: Arc::clone(&state.pod),
                is_gone: state.is_gone,
                is_told: false,
                deleted: None,
                writing: watch::Sender::new(Writing::Runs),
                log: Log::None,
                has_ended: false,
            });
        }
    }

    fn advance_attempt(&mut self, index: usize, job: Option<&JobView>) -> Option<Instant> {
        // One attempt is told after the other; the next one may begin while a log is still being read.
        let mut earlier = self.attempts.iter().take(index);
        let is_next = earlier.all(|attempt| attempt.has_ended);
        let attempt = self.attempts.get_mut(index)?;
        if attempt.has_ended {
            return None;
        }
        let phase = phase::phase(&attempt.pod);
        if phase.has_started && is_next && !attempt.is_told {
            attempt.is_told = true;
            let pod = attempt.name.clone();
            let (number, elapsed) = (attempt.number, self.supervision.created.elapsed());
            self.supervision
                .reporter
                .report(elapsed, number, JobEventKind::AttemptStarted { pod });
        }
        if phase.has_started && matches!(attempt.log, Log::None) {
            attempt.log = Log::Followed;
            let follower = Follower {
                connection: Arc::clone(&self.supervision.cluster.connection),
                namespace: self.supervision.namespace.clone(),
                pod: attempt.name.clone(),
                container: SCRIPT_CONTAINER,
                attempt: attempt.number,
                logs: Arc::clone(&self.supervision.logs),
                writing: attempt.writing.subscribe(),
            };
            self.followers
                .spawn(async move { (index, follower.run().await) });
        }
        let is_lost = attempt.is_gone || phase.is_lost;
        if !(phase.has_ended || is_lost) {
            return None;
        }
        let writing = if is_lost {
            Writing::Gone
        } else {
            Writing::Ended
        };
        attempt.writing.send_if_modified(|known| {
            let is_news = *known < writing;
            *known = writing.max(*known);
            is_news
        });
        if matches!(attempt.log, Log::Followed) || !is_next {
            return None;
        }
        // Somebody deletes it: the job's deadline, a drain, a person. The job says which, a little later.
        let is_deleted = attempt.is_gone || attempt.pod.metadata.deletion_timestamp.is_some();
        let is_explained = self.is_cancelled
            || self.is_lost
            || phase::is_disrupted(&attempt.pod)
            || job.is_some_and(phase::is_too_late);
        if is_deleted && !is_explained && !phase::has_succeeded(&attempt.pod) {
            let since = *attempt.deleted.get_or_insert_with(Instant::now);
            if since.elapsed() < DELETION_DELAY {
                return Some(since + DELETION_DELAY);
            }
        }
        self.end_attempt(index, job);
        None
    }

    fn end_attempt(&mut self, index: usize, job: Option<&JobView>) {
        let Some(attempt) = self.attempts.get_mut(index) else {
            return;
        };
        let supervision = &mut self.supervision;
        let is_too_late = job.is_some_and(phase::is_too_late);
        let stop = if self.is_cancelled {
            Some(JobStop::Cancelled)
        } else if is_too_late {
            Some(JobStop::Deadline(
                supervision.active_deadline.unwrap_or_default(),
            ))
        } else {
            let is_suspended = job.is_some_and(|job| job.spec.suspend == Some(true));
            is_suspended.then_some(JobStop::Suspended)
        };
        let context = AttemptContext {
            container: SCRIPT_CONTAINER,
            is_gone: attempt.is_gone,
            job_stop: stop,
            now: Timestamp::now(),
        };
        let Some(mut verdict) = diagnosis::attempt_end(&attempt.pod, context) else {
            return;
        };
        attempt.has_ended = true;
        let elapsed = supervision.created.elapsed();
        let number = attempt.number;
        if !attempt.is_told {
            attempt.is_told = true;
            let pod = attempt.name.clone();
            supervision
                .reporter
                .report(elapsed, number, JobEventKind::AttemptStarted { pod });
        }
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
        self.verdicts.push(verdict);
        supervision
            .reporter
            .report(elapsed, number, JobEventKind::AttemptEnded(end.clone()));
        self.told = None;
        self.look = Look::new();
        if counts && let Next::Retry(wait) = supervision.controller.after(&end) {
            let is_last = self.is_cancelled || self.is_lost || is_too_late;
            if !is_last {
                self.look.at += wait;
                supervision
                    .reporter
                    .report(elapsed, number, JobEventKind::BackingOff { wait });
            }
        }
    }

    /// What the job's own conditions say, where the attempts do not say it.
    async fn judge_job(&mut self, state: &JobState) -> Option<Instant> {
        if self.verdict.is_some() {
            return None;
        }
        let all_ended = self.attempts.iter().all(|attempt| attempt.has_ended);
        if state.is_job_gone && !self.is_lost {
            if !self.is_cancelled && self.is_still_there().await {
                return None;
            }
            self.is_lost = true;
            if self.is_cancelled {
                self.verdict = Some(self.supervision.controller.cancelled());
                return None;
            }
        }
        if self.is_lost && all_ended {
            self.verdict = Some(self.supervision.controller.deleted());
            return None;
        }
        // A success before the cancellation stands.
        let has_succeeded = self
            .verdicts
            .iter()
            .any(|verdict| verdict.end.reason.is_none());
        if let Some(job) = state.job.as_deref()
            && all_ended
            && (!self.is_cancelled || has_succeeded)
        {
            let verdict = diagnosis::job_end(job, &self.verdicts);
            if verdict.is_some() && diagnosis::attempts_missing(job, &self.verdicts) {
                let since = *self.missing.get_or_insert_with(Instant::now);
                if since.elapsed() < MISSING_DELAY {
                    return Some(since + MISSING_DELAY);
                }
                if !self.has_listed {
                    self.has_listed = true;
                    self.list_pods().await;
                    return Some(Instant::now());
                }
            }
            self.verdict = verdict;
        }
        None
    }

    /// Asks for the pods of which the watch says nothing.
    async fn list_pods(&self) {
        let Supervision {
            cluster,
            namespace,
            uid,
            subscription,
            ..
        } = &self.supervision;
        let client = cluster.connection.client();
        let pods = cluster.during(|| api::pods_of_job(&client, namespace, uid));
        match pods.await {
            Ok(pods) => subscription.learn(None, pods),
            Err(error) => tracing::warn!(%error, "the pods of a job that is over are not known"),
        }
    }

    /// Whether the job is on the server although a list did not have it.
    async fn is_still_there(&self) -> bool {
        let Supervision {
            cluster,
            namespace,
            name,
            uid,
            ..
        } = &self.supervision;
        let client = cluster.connection.client();
        match cluster
            .during(|| api::get_job(&client, namespace, name))
            .await
        {
            Ok(job) => job.metadata.uid.as_ref() == Some(uid),
            Err(_) => false,
        }
    }

    /// Looks at why nothing runs, tells it, and ends what has no hope. Says when to look again.
    async fn judge_waiting(&mut self) -> Option<Instant> {
        let (last, earlier) = match self.attempts.split_last() {
            Some((last, earlier)) => (Some(last), earlier),
            None => (None, [].as_slice()),
        };
        if earlier.iter().any(|attempt| !attempt.has_ended) {
            return None;
        }
        let current = last.filter(|attempt| !attempt.has_ended);
        if current.is_some_and(|attempt| attempt.is_told) {
            return None;
        }
        let now = Timestamp::now();
        let said = current.and_then(|attempt| diagnosis::waiting(&attempt.pod, self.context(now)));
        let waiting = match said {
            Some(waiting) => waiting,
            None if Instant::now() < self.look.at => return Some(self.look.at),
            None => {
                self.look.after = (self.look.after * 2).min(MAX_LOOK);
                self.look.at = Instant::now() + self.look.after;
                match self.said_in_events().await {
                    Some(waiting) => waiting,
                    None => return Some(self.look.at),
                }
            }
        };
        self.tell_waiting(&waiting);
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
        let events = self.events(uid).await;
        let context = self.context(Timestamp::now());
        match current {
            Some(_) => diagnosis::from_pod_events(&events, context),
            None => diagnosis::failed_create(&events, context),
        }
    }

    /// The events of an object; none without the right to read them.
    async fn events(&self, uid: &str) -> Vec<EventView> {
        let Supervision {
            cluster, namespace, ..
        } = &self.supervision;
        let client = cluster.connection.client();
        let limit = cluster.connection.request_timeout();
        let events = timeout(limit, api::events_of(&client, namespace, uid)).await;
        events.ok().and_then(Result::ok).unwrap_or_default()
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
            waiting = diagnosis::with_pull_secrets(waiting, &self.events(&attempt.uid).await);
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
            if let Err(error) = deleted.or_else(already_gone) {
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

    /// Begins to end the job because somebody wants it.
    async fn cancel(&mut self) {
        self.is_cancelled = true;
        if self.verdict.is_some() {
            return;
        }
        let Supervision {
            cluster,
            namespace,
            name,
            uid,
            ..
        } = &self.supervision;
        let client = cluster.connection.client();
        let deleted = cluster
            .during(|| api::delete_job(&client, namespace, name, uid))
            .await;
        match deleted {
            Ok(()) => {}
            Err(error) => match already_gone(error) {
                Ok(()) => {
                    self.is_lost = true;
                    self.verdict = Some(self.supervision.controller.cancelled());
                }
                Err(error) => {
                    tracing::warn!(%error, job = name, "a job could not be deleted");
                    self.verdict = Some(JobEnd {
                        message: Some(format!("cancelled, but the job may still run: {error}")),
                        ..self.supervision.controller.cancelled()
                    });
                }
            },
        }
        self.give_up = Some(Instant::now() + CANCEL_TIMEOUT);
    }

    fn note_log(&mut self, index: usize, followed: Followed) {
        if let Some(attempt) = self.attempts.get_mut(index) {
            attempt.log = Log::Read(followed);
        }
    }

    /// The Secret goes as soon as nobody needs it; the rest stays to be looked at until its time is over.
    async fn clean_up(&self) {
        let Supervision {
            cluster,
            namespace,
            name,
            ..
        } = &self.supervision;
        let cluster = Arc::clone(cluster);
        let (namespace, name) = (namespace.clone(), name.clone());
        let deletion = tokio::spawn(async move {
            let client = cluster.connection.client();
            let deleted = cluster
                .during(|| api::delete_secret(&client, &namespace, &name))
                .await;
            if let Err(error) = deleted.or_else(already_gone) {
                tracing::warn!(%error, secret = name, "the Secret of a job could not be deleted; it goes with the job");
            }
        });
        drop(timeout(CLEANUP_TIMEOUT, deletion).await);
    }
}

/// What is not there need not be deleted; what has another uid is not ours.
fn already_gone(error: kube::Error) -> Result<(), kube::Error> {
    match retry::code(&error) {
        Some(404 | 409) => Ok(()),
        _ => Err(error),
    }
}

fn earliest(first: Option<Instant>, second: Option<Instant>) -> Option<Instant> {
    [first, second].into_iter().flatten().min()
}

async fn until(instant: Option<Instant>) {
    match instant {
        Some(instant) => sleep_until(instant).await,
        None => std::future::pending().await,
    }
}
