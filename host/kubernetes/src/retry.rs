//! Retries requests that failed for a transient reason of the server or the network.

use std::time::Duration;

use kube::Error;
use tokio::time::{Instant, sleep, timeout};

use super::answer::Unanswered;
use super::client::Connection;
use toolhost_capability::Backoff;

/// The first delay before a request is retried, doubled each time.
const FIRST_DELAY: Duration = Duration::from_millis(100);
/// The longest delay: a server that restarts takes seconds, and the end of a job waits for it.
pub(super) const MAX_DELAY: Duration = Duration::from_secs(5);
/// Maximum value of a server's own `Retry-After` that is respected.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(30);

/// How long a request that creates something is retried. A user may be waiting: including everything else that a
/// command does, it reports within half a minute that the server is gone.
pub(super) const CREATION_RETRY_TIME: Duration = Duration::from_secs(25);
/// How long a request for an existing job is retried: a control plane that is being upgraded is unavailable for
/// minutes, and the job continues without it.
pub(super) const SUPERVISION_RETRY_TIME: Duration = Duration::from_mins(10);

/// Sends a short request, and retries it for `retry_time` while it fails for a transient reason.
///
/// Each attempt may take as long as the connection allows.
///
/// A request that was answered with an error may have been executed: the caller must accept "already exists" and "not
/// found" as possible answers to its own request.
///
/// # Errors
///
/// The last error.
pub(super) async fn request<T, F>(
    connection: &Connection,
    retry_time: Duration,
    mut operation: impl FnMut() -> F,
) -> Result<T, Error>
where
    F: Future<Output = Result<T, Error>>,
{
    let give_up = Instant::now() + retry_time;
    let mut backoff = backoff_up_to(connection, MAX_DELAY);
    loop {
        let permit = connection.request_slot().await;
        let left = give_up.saturating_duration_since(Instant::now());
        let limit = connection.request_timeout().min(left);
        // Boxed, since it takes kilobytes, and a job is waited for much longer than its requests: unboxed, each job
        // would keep the memory of the largest request for as long as it runs.
        let result = timeout(limit, Box::pin(operation())).await;
        let result = result.unwrap_or_else(|_| Err(Error::Service(Unanswered(limit).into())));
        drop(permit);
        let error = match result {
            Ok(answer) => return Ok(answer),
            Err(error) => error,
        };
        let Some(wanted) = passing(&error) else {
            return Err(error);
        };
        let delay = backoff.next_delay().max(wanted);
        if Instant::now() + delay >= give_up {
            return Err(error);
        }
        tracing::debug!(%error, ?delay, "a request to the cluster failed and is retried");
        sleep(delay).await;
    }
}

/// Returns delays between requests to the cluster, up to the longest one, each between a half and the whole of its
/// step.
pub(super) fn backoff_up_to(connection: &Connection, longest: Duration) -> Backoff {
    connection.backoff(FIRST_DELAY, longest)
}

/// Whether the error may be transient, and the minimum delay before a retry.
pub(super) fn passing(error: &Error) -> Option<Duration> {
    match error {
        Error::Api(status) => {
            let is_passing = match status.code {
                // 410: a paginated list took so long that its version is gone.
                410 | 429 | 502 | 503 | 504 => true,
                // etcd without a leader, or one that does not answer in time; any other error of this code is a
                // permanent fault of the server.
                500 => {
                    let message = &status.message;
                    [
                        "etcd",
                        "leader",
                        "timeout",
                        "timed out",
                        "context deadline",
                        "connection",
                    ]
                    .iter()
                    .any(|word| message.contains(word))
                }
                // A concurrent update of the quota's own bookkeeping; the request was valid.
                409 => status
                    .message
                    .contains("please apply your changes to the latest version"),
                _ => false,
            };
            let details = status.details.as_ref();
            let wanted = details.map_or(0, |details| u64::from(details.retry_after_seconds));
            is_passing.then(|| Duration::from_secs(wanted).min(MAX_RETRY_AFTER))
        }
        // Failures of the connection: refused, reset or cut.
        Error::HyperError(_) | Error::Service(_) | Error::ReadEvents(_) => Some(Duration::ZERO),
        _ => None,
    }
}

/// Returns the status code of the server's answer.
pub(super) fn code(error: &Error) -> Option<u16> {
    match error {
        Error::Api(status) => Some(status.code),
        _ => None,
    }
}

/// An object that does not exist need not be deleted; one with another uid is not ours.
pub(super) fn already_gone(error: Error) -> Result<(), Error> {
    match code(&error) {
        Some(404 | 409) => Ok(()),
        _ => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use kube::core::Status;

    use super::*;

    fn answer(code: u16, message: &str) -> Error {
        Error::Api(Box::new(Status {
            code,
            message: message.to_owned(),
            ..Status::default()
        }))
    }

    #[test]
    fn only_transient_errors_are_retried() {
        for (code, message, is_passing) in [
            (429, "too many requests", true),
            (500, "etcdserver: leader changed", true),
            (500, "etcdserver: request timed out", true),
            (
                500,
                "Internal error occurred: failed calling webhook \"x\": denied",
                false,
            ),
            (410, "The provided continue parameter is too old", true),
            (503, "apiserver is shutting down", true),
            (
                504,
                "Timeout: request did not complete within requested timeout",
                true,
            ),
            (409, "jobs.batch \"x\" already exists", false),
            (403, "forbidden", false),
            (404, "not found", false),
            (422, "invalid", false),
        ] {
            let error = answer(code, message);
            assert_eq!(passing(&error).is_some(), is_passing, "{code} {message}");
        }
    }
}
