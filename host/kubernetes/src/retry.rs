//! Requests that are made again: what the server, or the way to it, could not do just now.

use std::time::Duration;

use kube::Error;
use tokio::time::{Instant, sleep, timeout};

use super::client::{Connection, Unanswered};
use toolhost_capability::{Backoff, Jitter};

/// The first delay before a request is made again, doubled each time.
const FIRST_DELAY: Duration = Duration::from_millis(100);
/// The longest one: a server that restarts takes seconds, and a job that ended waits for it.
pub(super) const MAX_DELAY: Duration = Duration::from_secs(5);
/// The longest that a server's own `Retry-After` is followed.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(30);

/// How long a request that makes something new is repeated. A person may be waiting: with all that a
/// command does besides, it says within half a minute that the server is gone.
pub(super) const PATIENCE_BEFORE: Duration = Duration::from_secs(25);
/// How long a request for a job that exists is repeated: a control plane that is being upgraded is away
/// for minutes, and the job goes on without it.
pub(super) const PATIENCE_DURING: Duration = Duration::from_mins(10);

/// Makes a short request, and makes it again for `patience` while it fails for a passing reason.
///
/// Each time it may take as long as the connection allows.
///
/// A request that was answered with an error may have been done all the same: the caller must take
/// "exists already" and "is not there" as possible answers to its own request.
///
/// # Errors
///
/// The last error.
pub(super) async fn request<T, F>(
    connection: &Connection,
    patience: Duration,
    mut operation: impl FnMut() -> F,
) -> Result<T, Error>
where
    F: Future<Output = Result<T, Error>>,
{
    let give_up = Instant::now() + patience;
    let mut backoff = backoff_up_to(MAX_DELAY);
    loop {
        let permit = connection.room().await;
        let left = give_up.saturating_duration_since(Instant::now());
        let limit = connection.request_timeout().min(left);
        // Boxed, since it takes kilobytes, and a job is waited for much longer than its requests: without, each job
        // would keep the room of the largest for as long as it runs.
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
        tracing::debug!(%error, ?delay, "a request to the cluster failed, and is made again");
        sleep(delay).await;
    }
}

/// Delays between requests to the cluster, up to the longest one, each between a half and the whole of its step.
pub(super) const fn backoff_up_to(longest: Duration) -> Backoff {
    Backoff::new(FIRST_DELAY, longest, Jitter::Half)
}

/// Whether the error may pass by itself, and the least time to wait for that.
pub(super) fn passing(error: &Error) -> Option<Duration> {
    match error {
        Error::Api(status) => {
            let is_passing = match status.code {
                // 410: a list that was given in pages took so long that its version is gone.
                410 | 429 | 502 | 503 | 504 => true,
                // etcd that has no leader, or does not answer in time; anything else of this code is a
                // fault of the server that stays.
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
                // The quota's own bookkeeping was overtaken; the request was fine.
                409 => status
                    .message
                    .contains("please apply your changes to the latest version"),
                _ => false,
            };
            let details = status.details.as_ref();
            let wanted = details.map_or(0, |details| u64::from(details.retry_after_seconds));
            is_passing.then(|| Duration::from_secs(wanted).min(MAX_RETRY_AFTER))
        }
        // What the way to the server does: connections that are refused, reset or cut.
        Error::HyperError(_) | Error::Service(_) | Error::ReadEvents(_) => Some(Duration::ZERO),
        _ => None,
    }
}

/// The code of an answer of the server.
pub(super) fn code(error: &Error) -> Option<u16> {
    match error {
        Error::Api(status) => Some(status.code),
        _ => None,
    }
}

/// What is not there need not be deleted; what has another uid is not ours.
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
    fn only_what_may_pass_is_made_again() {
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
