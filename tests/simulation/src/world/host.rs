//! A host that wants the job, and what it learns of it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use secrecy::SecretString;
use tokio::time::{Instant, sleep, timeout};
use toolhost_capability::{
    CapabilityError, JobEnd, JobEvent, JobEventKind, JobHandle, JobIdentity, JobRequest, JobRunner,
    LogSink, Reason, Script,
};
use toolhost_kubernetes::{KubernetesEngine, KubernetesSettings};

use super::network::Link;
use super::{JOB, SECRET};
use crate::scenario::{HostPlan, JobPlan, Kill};

/// How long a host waits for the end of the job: much longer than anything in a scenario takes.
pub(crate) const PATIENCE: Duration = Duration::from_hours(3);

/// What a host learned.
#[derive(Debug)]
pub struct HostReport {
    /// When it started, since the beginning of the run.
    pub started: Duration,
    /// What became of it.
    pub fate: Fate,
    /// Whether it cancelled the job.
    pub has_cancelled: bool,
    /// How many requests it sent.
    pub requests: u64,
    /// How many faults it met.
    pub faults: u64,
    /// When its report was complete, since the beginning of the run.
    pub finished: Duration,
    /// How many versions of objects there were by then.
    pub versions: usize,
}

/// What became of a host.
#[derive(Debug)]
pub enum Fate {
    /// It was killed.
    Killed,
    /// The job was refused.
    Refused(CapabilityError),
    /// The job has an end.
    Finished(Finished),
    /// Nothing happened any more.
    Hung(Vec<JobEvent>),
}

/// A job whose end a host reported.
#[derive(Debug)]
pub struct Finished {
    /// The job.
    pub identity: JobIdentity,
    /// Everything that was reported.
    pub events: Vec<JobEvent>,
    /// The end.
    pub end: JobEnd,
    /// What the attempts wrote.
    pub logs: BTreeMap<u32, AttemptLog>,
}

/// What an attempt wrote.
#[derive(Clone, Default)]
pub struct AttemptLog {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// How often its end was reported.
    pub ends: u32,
    /// Whether something came after its end, or after the next attempt began.
    pub is_late: bool,
}

impl fmt::Debug for AttemptLog {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let length = self.bytes.len();
        let (ends, is_late) = (self.ends, self.is_late);
        write!(formatter, "{length} bytes, {ends} ends, late {is_late}")
    }
}

pub(crate) async fn run(plan: HostPlan, job: JobPlan, link: Arc<Link>) -> HostReport {
    sleep(plan.start).await;
    let cancelled = Mutex::new(false);
    let mut is_dead = link.is_dead.subscribe();
    let killed = async {
        match plan.kill {
            Some(Kill::After(time)) => {
                sleep(time).await;
                link.is_dead.send_replace(true);
            }
            _ => drop(is_dead.wait_for(|is_dead| *is_dead).await),
        }
    };
    let fate = tokio::select! {
        biased;
        () = killed => Fate::Killed,
        fate = want(&plan, &job, &link, &cancelled) => fate,
    };
    if matches!(fate, Fate::Killed) {
        link.counters.count("host killed");
    }
    let (requests, faults) = link.sent();
    HostReport {
        started: plan.start,
        fate,
        has_cancelled: *lock(&cancelled),
        requests,
        faults,
        finished: link.begun.elapsed(),
        versions: link.server.history_length(),
    }
}

async fn want(plan: &HostPlan, job: &JobPlan, link: &Arc<Link>, cancelled: &Mutex<bool>) -> Fate {
    let begun = Instant::now();
    let transport = Arc::<Link>::clone(link);
    let engine = match KubernetesEngine::over(transport, KubernetesSettings::default()) {
        Ok(engine) => engine,
        Err(error) => {
            return Fate::Refused(CapabilityError::new(Reason::Internal, error.to_string()));
        }
    };
    let request = match request(job) {
        Ok(request) => request,
        Err(error) => return Fate::Refused(CapabilityError::new(Reason::Internal, error)),
    };
    let sink = Arc::new(Sink::default());
    let logs: Arc<dyn LogSink> = Arc::<Sink>::clone(&sink);
    let mut handle = match timeout(PATIENCE, engine.create(request, logs)).await {
        Ok(Ok(handle)) => handle,
        Ok(Err(error)) => return Fate::Refused(error),
        Err(_) => return Fate::Hung(Vec::new()),
    };
    let token = handle.canceller();
    let cancel = async {
        let Some(after) = plan.cancel else {
            return std::future::pending::<()>().await;
        };
        tokio::time::sleep_until(begun + after).await;
        *lock(cancelled) = true;
        token.cancel();
        link.counters.count("job cancelled");
        std::future::pending::<()>().await;
    };
    let mut events = Vec::new();
    let end = tokio::select! {
        biased;
        end = timeout(PATIENCE, read(&mut handle, &mut events)) => end.ok(),
        () = cancel => None,
    };
    let identity = handle.identity().clone();
    match end {
        Some(end) => Fate::Finished(Finished {
            identity,
            events,
            end,
            logs: lock(&sink.0).clone(),
        }),
        None => Fate::Hung(events),
    }
}

async fn read(handle: &mut JobHandle, events: &mut Vec<JobEvent>) -> JobEnd {
    loop {
        let Some(event) = handle.next_event().await else {
            return std::future::pending().await;
        };
        events.push(event.clone());
        if let JobEventKind::Finished(end) = event.kind {
            return end;
        }
    }
}

fn request(job: &JobPlan) -> Result<JobRequest, String> {
    let name = JOB.parse().map_err(|_| "the name of the job is invalid")?;
    let command = ["sh", "$(NOETL_SCRIPT)"].map(str::to_owned).to_vec();
    let mut request = JobRequest::new(name, command);
    request.backoff_limit = job.backoff_limit;
    request.active_deadline = job.deadline.map(Duration::from_secs);
    let image = serde_json::json!("busybox:1");
    request.options.insert("image".to_owned(), image);
    let file_name = "script.sh".parse();
    request.script = Some(Script {
        file_name: file_name.map_err(|_| "the name of the script is invalid")?,
        content: Bytes::from_static(b"echo\n"),
    });
    if job.has_secret {
        let variable = "PASSWORD".parse();
        let variable = variable.map_err(|_| "the name of the variable is invalid")?;
        let value = SecretString::from(SECRET);
        request.environment.push((variable, value));
    }
    Ok(request)
}

/// Keeps what attempts write.
#[derive(Debug, Default)]
struct Sink(Mutex<BTreeMap<u32, AttemptLog>>);

impl LogSink for Sink {
    fn write(&self, attempt: u32, bytes: &[u8]) {
        let mut logs = lock(&self.0);
        let is_late = logs.keys().any(|known| *known > attempt);
        let log = logs.entry(attempt).or_default();
        log.is_late |= is_late || log.ends > 0;
        log.bytes.extend_from_slice(bytes);
    }

    fn end(&self, attempt: u32) {
        lock(&self.0).entry(attempt).or_default().ends += 1;
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
