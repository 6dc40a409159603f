use super::CallState;
use super::bindings::noetl::tool::{jobs, logs, types};
use crate::capability::{
    AttemptEnd, CapabilityError, Explanation, JobEnd, JobEvent, JobEventKind, JobStatus,
};
use crate::log::{Excerpt, LogPage};
use crate::sealing::OpenError;

/// Names with strings, as in WIT records.
type Details = Vec<(String, String)>;

/// The number of details in an event of a successful attempt or job.
const USUAL_DETAILS: usize = 3;

// The interface has types and no functions.
impl types::Host for CallState {}

impl From<CapabilityError> for types::Error {
    fn from(error: CapabilityError) -> Self {
        let mut details = Details::new();
        let why = error.explanation;
        add(&mut details, "hint", why.hint);
        add(&mut details, "field", why.field);
        Self {
            code: why.reason.as_str().to_owned(),
            message: why.message,
            retryable: error.retryable,
            details,
        }
    }
}

impl From<JobEvent> for jobs::JobEvent {
    fn from(event: JobEvent) -> Self {
        let (kind, details) = kind_and_details(event.kind);
        Self {
            kind: kind.to_owned(),
            attempt: event.attempt,
            elapsed_ms: milliseconds(event.elapsed),
            details,
        }
    }
}

impl From<LogPage> for logs::LogPage {
    fn from(page: LogPage) -> Self {
        let records = page.records.into_iter().map(|record| logs::LogRecord {
            attempt: record.attempt,
            text: record.text,
            partial: record.partial,
        });
        Self {
            records: records.collect(),
            next_cursor: page.next.0,
            ended: page.ended,
        }
    }
}

impl From<Excerpt> for logs::LogExcerpt {
    fn from(excerpt: Excerpt) -> Self {
        Self {
            head: excerpt.head,
            tail: excerpt.tail,
            total_bytes: excerpt.total_bytes,
            omitted_bytes: excerpt.omitted_bytes,
            location: excerpt.location,
        }
    }
}

impl From<OpenError> for CapabilityError {
    fn from(error: OpenError) -> Self {
        let reason = match error {
            OpenError::UnknownReference => crate::capability::Reason::InvalidRequest,
            OpenError::Random(_) => crate::capability::Reason::Internal,
        };
        Self::new(reason, error.to_string())
    }
}

fn kind_and_details(kind: JobEventKind) -> (&'static str, Details) {
    let mut details = Details::with_capacity(USUAL_DETAILS);
    let name = match kind {
        JobEventKind::Waiting { reason, message } => {
            add(&mut details, "reason", Some(reason));
            add(&mut details, "message", Some(message));
            "waiting"
        }
        JobEventKind::AttemptStarted { pod } => {
            add(&mut details, "pod", Some(pod));
            "attempt-started"
        }
        JobEventKind::AttemptEnded(end) => {
            add_attempt_end(&mut details, end);
            "attempt-ended"
        }
        JobEventKind::BackingOff { wait } => {
            add(&mut details, "wait-ms", Some(milliseconds(wait)));
            "backing-off"
        }
        JobEventKind::Warning { message } => {
            add(&mut details, "message", Some(message));
            "warning"
        }
        JobEventKind::Finished(end) => {
            add_job_end(&mut details, end);
            "finished"
        }
        // What this version of the interface has no name for.
        _ => "other",
    };
    (name, details)
}

fn add_attempt_end(details: &mut Details, end: AttemptEnd) {
    add(details, "exit-code", end.exit_code);
    add(details, "signal", end.signal);
    add_explanation(details, end.explanation);
    add(details, "duration-ms", Some(milliseconds(end.duration)));
}

fn add_job_end(details: &mut Details, end: JobEnd) {
    let status = match end.status {
        JobStatus::Succeeded => "succeeded",
        JobStatus::Failed => "failed",
        JobStatus::TimedOut => "timed-out",
        JobStatus::Cancelled => "cancelled",
    };
    add(details, "status", Some(status));
    add(details, "succeeded", Some(end.succeeded));
    add(details, "failed", Some(end.failed));
    add_explanation(details, end.explanation);
}

fn add_explanation(details: &mut Details, explanation: Option<Explanation>) {
    let Some(why) = explanation else { return };
    add(details, "reason", Some(why.reason));
    add(details, "message", Some(why.message));
    add(details, "hint", why.hint);
    add(details, "field", why.field);
}

fn add(details: &mut Details, name: &str, value: Option<impl ToString>) {
    if let Some(value) = value {
        details.push((name.to_owned(), value.to_string()));
    }
}

fn milliseconds(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
