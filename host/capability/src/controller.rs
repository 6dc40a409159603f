//! The rules of the Kubernetes Job controller, as far as a job with one pod at a time needs them.
//!
//! Sources: <https://kubernetes.io/docs/concepts/workloads/controllers/job/> and
//! `pkg/controller/job/backoff_utils.go`.

use std::time::Duration;

use crate::{AttemptEnd, Backoff, Explanation, Jitter, JobEnd, JobStatus, Reason};

/// The maximum of `backoffLimit`. Kubernetes accepts any `int32`, but each attempt causes events for the
/// caller, and a job that failed a thousand times does not recover.
pub(crate) const MAX_BACKOFF_LIMIT: u32 = 1_000;
/// The delay after the first failure (`DefaultJobPodFailureBackOff`).
pub const DEFAULT_BACKOFF_BASE: Duration = Duration::from_secs(10);
/// The maximum delay: six minutes, according to the documentation.
pub(crate) const MAX_BACKOFF: Duration = Duration::from_mins(6);

/// What to do after an attempt.
#[derive(Debug, PartialEq, Eq)]
pub enum Next {
    /// Start another one after the delay.
    Retry(Duration),
    /// The job is over.
    Finish(JobEnd),
}

/// The state of the controller for one job.
#[derive(Debug)]
pub struct Controller {
    backoff_limit: u32,
    active_deadline: Option<Duration>,
    backoff: Backoff,
    failed: u32,
}

impl Controller {
    /// The state of a job without attempts. `backoff_limit` is the number of attempts that may fail before the last one,
    /// `active_deadline` the time limit of the job, `backoff_base` the delay after the first failure.
    #[must_use]
    pub fn new(
        backoff_limit: u32,
        active_deadline: Option<Duration>,
        backoff_base: Duration,
    ) -> Self {
        Self {
            backoff_limit,
            active_deadline,
            backoff: Backoff::new(backoff_base, MAX_BACKOFF, Jitter::None),
            failed: 0,
        }
    }

    /// Sets the number of failures, which another controller counted.
    #[must_use]
    pub fn with_failed(mut self, failed: u32) -> Self {
        self.failed = failed;
        self
    }

    /// Counts the attempt and decides.
    ///
    /// A cancelled attempt does not count as failed. One that was ended at the deadline does, as in Kubernetes.
    pub fn after(&mut self, end: &AttemptEnd) -> Next {
        let Some(why) = &end.explanation else {
            return Next::Finish(self.succeeded());
        };
        match why.reason {
            Reason::Cancelled => Next::Finish(self.cancelled()),
            Reason::DeadlineExceeded => {
                self.failed += 1;
                Next::Finish(self.deadline_exceeded())
            }
            _ => {
                self.failed += 1;
                if self.failed > self.backoff_limit {
                    Next::Finish(self.gave_up(end))
                } else {
                    Next::Retry(self.backoff.after(self.failed))
                }
            }
        }
    }

    /// The end of a job with a successful attempt.
    #[must_use]
    pub fn succeeded(&self) -> JobEnd {
        JobEnd {
            succeeded: 1,
            ..self.end(JobStatus::Succeeded, None)
        }
    }

    /// The end of a job that was cancelled.
    #[must_use]
    pub fn cancelled(&self) -> JobEnd {
        let why = Explanation::new(Reason::Cancelled, "cancelled");
        self.end(JobStatus::Cancelled, Some(why))
    }

    /// The end of a job that was cancelled before it could start. The reason is that of the wait.
    #[must_use]
    pub fn cancelled_waiting(&self, wait: &Explanation) -> JobEnd {
        let message = format!("cancelled while it waited: {}", wait.message);
        self.ended_waiting(JobStatus::Cancelled, wait, message)
    }

    /// The end of a job that was deleted by something other than this host.
    #[must_use]
    pub fn deleted(&self) -> JobEnd {
        let message = "the job was deleted by somebody else";
        let why = Explanation::new(Reason::Deleted, message)
            .with_hint("see who deletes jobs there; a host that cancels says so in its own log");
        self.end(JobStatus::Failed, Some(why))
    }

    /// The end of a job that exceeded its deadline.
    #[must_use]
    pub fn deadline_exceeded(&self) -> JobEnd {
        let deadline = self.active_deadline.unwrap_or_default();
        let why = deadline_exceeded(deadline_message(deadline));
        self.end(JobStatus::TimedOut, Some(why))
    }

    /// The end of a job that exceeded its deadline before it could start. The reason is that of the wait.
    #[must_use]
    pub fn deadline_exceeded_waiting(&self, wait: &Explanation) -> JobEnd {
        let deadline = self.active_deadline.unwrap_or_default();
        let message = format!(
            "waited until its deadline of {deadline:?} (`activeDeadlineSeconds`): {}",
            wait.message
        );
        self.ended_waiting(JobStatus::TimedOut, wait, message)
    }

    /// The end of a job that exhausted its attempts. The reason is that of the last one.
    #[must_use]
    pub fn gave_up(&self, last: &AttemptEnd) -> JobEnd {
        let unexplained = || Explanation::new(Reason::BackoffLimitExceeded, "failed");
        let last = last.explanation.clone().unwrap_or_else(unexplained);
        let what = &last.message;
        let message = match self.failed {
            1 => format!("the only attempt {what}"),
            attempts => format!(
                "all {attempts} attempts failed (backoffLimit {}); the last one {what}",
                self.backoff_limit
            ),
        };
        let why = Explanation { message, ..last };
        self.end(JobStatus::Failed, Some(why))
    }

    fn ended_waiting(&self, status: JobStatus, wait: &Explanation, message: String) -> JobEnd {
        let why = Explanation {
            message,
            ..wait.clone()
        };
        self.end(status, Some(why))
    }

    fn end(&self, status: JobStatus, explanation: Option<Explanation>) -> JobEnd {
        JobEnd {
            status,
            succeeded: 0,
            failed: self.failed,
            explanation,
        }
    }
}

const DEADLINE_FIELD: &str = "activeDeadlineSeconds";
const DEADLINE_HINT: &str = "see in the log what it was doing, and raise `activeDeadlineSeconds` if \
                             it needs the time; the deadline covers all attempts and the delays between them";
const MEMORY_FIELD: &str = "resources.limits.memory";

/// The end of an attempt that exited by itself. The message is a predicate: "exited with code 3".
#[must_use]
pub fn exited(code: i32) -> AttemptEnd {
    let hint = match code {
        126 => Some(
            "code 126 is what shells say of a program that may not be executed: check that it is \
             executable and made for this machine",
        ),
        127 => Some(
            "code 127 is what shells say of a program that was not found: check what the script and \
             its first line call, and that it is installed",
        ),
        _ => None,
    };
    let why = (code != 0).then(|| Explanation {
        hint: hint.map(Into::into),
        ..Explanation::new(Reason::ScriptError, format!("exited with code {code}"))
    });
    AttemptEnd {
        exit_code: Some(code),
        explanation: why,
        ..AttemptEnd::default()
    }
}

/// The end of an attempt that was ended by a signal.
#[must_use]
pub fn signalled(signal: i32) -> AttemptEnd {
    let name = signal_name(signal).map_or_else(String::new, |name| format!(" ({name})"));
    let message = format!("was ended by signal {signal}{name}");
    AttemptEnd {
        signal: Some(signal),
        explanation: Some(Explanation::new(Reason::Signalled, message)),
        ..AttemptEnd::default()
    }
}

/// Marks an attempt as ended for lack of memory; `limit` is the limit as the user wrote it.
#[must_use]
pub fn out_of_memory(end: AttemptEnd, limit: Option<&str>) -> AttemptEnd {
    let (message, hint) = match limit {
        Some(limit) => (
            format!("used more memory than its limit of {limit}"),
            format!(
                "`limits.memory` is {limit}; raise it, or let the script hold less in memory at a time"
            ),
        ),
        None => (
            "was ended for want of memory".to_owned(),
            "the machine ran out of memory; let the script hold less in memory at a time"
                .to_owned(),
        ),
    };
    end.because(
        Explanation::new(Reason::OomKilled, message)
            .with_hint(hint)
            .with_field(MEMORY_FIELD),
    )
}

/// Marks an attempt as ended because the job was cancelled.
#[must_use]
pub fn cancelled_attempt(end: AttemptEnd) -> AttemptEnd {
    end.because(Explanation::new(Reason::Cancelled, "was cancelled"))
}

/// Marks an attempt as ended at the job's deadline.
#[must_use]
pub fn deadline_attempt(end: AttemptEnd, deadline: Duration) -> AttemptEnd {
    let message = format!("was ended: the job {}", deadline_message(deadline));
    end.because(deadline_exceeded(message))
}

/// The equivalent of a pod's name on engines without pods.
#[must_use]
pub fn pod_name(job: &str, attempt: u32) -> String {
    format!("{job}-{attempt:05}")
}

fn deadline_exceeded(message: String) -> Explanation {
    Explanation::new(Reason::DeadlineExceeded, message)
        .with_hint(DEADLINE_HINT)
        .with_field(DEADLINE_FIELD)
}

fn deadline_message(deadline: Duration) -> String {
    format!("took longer than its deadline of {deadline:?} (`activeDeadlineSeconds`)")
}

fn signal_name(signal: i32) -> Option<&'static str> {
    // The numbers are those of Linux on every architecture that this host is built for.
    Some(match signal {
        1 => "SIGHUP",
        2 => "SIGINT",
        3 => "SIGQUIT",
        4 => "SIGILL",
        6 => "SIGABRT",
        7 => "SIGBUS",
        8 => "SIGFPE",
        9 => "SIGKILL",
        11 => "SIGSEGV",
        13 => "SIGPIPE",
        14 => "SIGALRM",
        15 => "SIGTERM",
        24 => "SIGXCPU",
        25 => "SIGXFSZ",
        31 => "SIGSYS",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn controller(backoff_limit: u32) -> Controller {
        Controller::new(backoff_limit, None, DEFAULT_BACKOFF_BASE)
    }

    fn wait_after(controller: &mut Controller) -> Duration {
        match controller.after(&exited(1)) {
            Next::Retry(wait) => wait,
            Next::Finish(end) => panic!("finished: {end:?}"),
        }
    }

    #[test]
    fn doubles_the_delay_up_to_six_minutes() {
        let mut controller = controller(100);
        let waits: Vec<u64> = (0..8)
            .map(|_| wait_after(&mut controller).as_secs())
            .collect();
        assert_eq!(waits, [10, 20, 40, 80, 160, 320, 360, 360]);
        for _ in 0..90 {
            assert_eq!(wait_after(&mut controller), MAX_BACKOFF);
        }
    }

    #[test]
    fn gives_up_after_one_attempt_more_than_the_limit() {
        let mut controller = controller(2);
        wait_after(&mut controller);
        wait_after(&mut controller);
        let Next::Finish(end) = controller.after(&exited(3)) else {
            panic!("it retries");
        };
        assert_eq!(end.status, JobStatus::Failed);
        assert_eq!(end.reason(), Some(Reason::ScriptError));
        assert_eq!((end.succeeded, end.failed), (0, 3));
        let message = end.explanation.unwrap().message;
        assert!(
            message.contains("all 3 attempts") && message.contains("code 3"),
            "{message}"
        );
    }

    #[test]
    fn counts_failures_before_a_success() {
        let mut controller = controller(2);
        wait_after(&mut controller);
        let Next::Finish(end) = controller.after(&exited(0)) else {
            panic!("it retries");
        };
        assert_eq!((end.succeeded, end.failed), (1, 1));
        assert_eq!(end.reason(), None);
    }

    #[test]
    fn does_not_count_a_cancelled_attempt_as_failed() {
        let end = controller(2).after(&cancelled_attempt(signalled(15)));
        let Next::Finish(end) = end else {
            panic!("it retries");
        };
        assert_eq!((end.status, end.failed), (JobStatus::Cancelled, 0));
    }

    #[test]
    fn a_job_that_is_ended_while_it_waits_says_what_it_waited_for() {
        let controller = Controller::new(2, Some(Duration::from_secs(30)), DEFAULT_BACKOFF_BASE);
        let wait = Explanation::new(Reason::Unschedulable, "no node has capacity")
            .with_hint("ask for less")
            .with_field("resources.requests.cpu");
        for (end, status, ended_by) in [
            (
                controller.deadline_exceeded_waiting(&wait),
                JobStatus::TimedOut,
                "its deadline of 30s",
            ),
            (
                controller.cancelled_waiting(&wait),
                JobStatus::Cancelled,
                "cancelled",
            ),
        ] {
            assert_eq!((end.status, end.reason()), (status, Some(wait.reason)));
            assert_eq!((end.succeeded, end.failed), (0, 0));
            let why = end.explanation.unwrap();
            assert_eq!((&why.hint, &why.field), (&wait.hint, &wait.field));
            let message = why.message;
            assert!(
                message.contains(ended_by) && message.contains(&wait.message),
                "{message}"
            );
        }
    }

    #[test]
    fn names_the_limit_of_an_attempt_that_ran_out_of_memory() {
        let end = out_of_memory(signalled(9), Some("256Mi"));
        let why = end.explanation.unwrap();
        assert_eq!(why.field_text().as_deref(), Some("resources.limits.memory"));
        assert!(
            why.hint_text()
                .unwrap()
                .contains("`limits.memory` is 256Mi")
        );
        assert_eq!(end.signal, Some(9));
    }
}
