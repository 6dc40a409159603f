use std::time::{Duration, SystemTime};

use http::{HeaderMap, StatusCode, header};

use crate::capability::{Backoff, Jitter};

/// Retry policy: the number of attempts, and the delays in between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct RetryPolicy {
    /// Maximum number of attempts without any progress between them, including the first one.
    pub attempts: u32,
    /// Maximum number of attempts in total: a server that cuts after each byte makes progress indefinitely.
    pub total_attempts: u32,
    /// The longest delay before the second attempt; it doubles with each.
    pub base: Duration,
    /// The longest delay.
    pub max_delay: Duration,
}

impl Default for RetryPolicy {
    /// A restart of a server takes seconds, and users do not wait for more than that.
    fn default() -> Self {
        Self {
            attempts: 5,
            total_attempts: 30,
            base: Duration::from_millis(200),
            max_delay: Duration::from_secs(10),
        }
    }
}

/// The attempts of one transfer.
#[derive(Debug)]
pub(crate) struct Attempts {
    policy: RetryPolicy,
    backoff: Backoff,
    failed: u32,
}

/// Maximum `Retry-After` of a server that is respected; a longer one is left to a retry by the caller.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(30);

impl Attempts {
    /// Creates the state before the first attempt.
    #[must_use]
    pub(crate) const fn new(policy: RetryPolicy) -> Self {
        Self {
            policy,
            backoff: Backoff::new(policy.base, policy.max_delay, Jitter::Full),
            failed: 0,
        }
    }

    /// Records progress: attempts without progress are counted from zero again.
    pub(crate) const fn progressed(&mut self) {
        self.backoff.reset();
    }

    /// Records a failed attempt. Returns how long to wait before the next one, or none where no attempt is left.
    ///
    /// The delay is evenly distributed between zero and a bound that doubles, and not shorter than the server's
    /// `Retry-After`.
    pub(crate) fn failed(&mut self, asked: Option<Duration>) -> Option<Duration> {
        self.failed += 1;
        let delay = self.backoff.next_delay();
        let is_over = self.backoff.failures() >= self.policy.attempts
            || self.failed >= self.policy.total_attempts
            || asked.is_some_and(|asked| asked > MAX_RETRY_AFTER);
        (!is_over).then(|| delay.max(asked.unwrap_or_default()))
    }

    /// Returns the number of attempts.
    #[must_use]
    pub(crate) const fn made(&self) -> u32 {
        self.failed
    }
}

/// Whether the same request may have another answer a moment later.
#[must_use]
pub(crate) fn is_retryable(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::REQUEST_TIMEOUT
            | StatusCode::TOO_MANY_REQUESTS
            | StatusCode::INTERNAL_SERVER_ERROR
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT
    )
}

/// Returns the server's `Retry-After`, in seconds or as a date (RFC 9110 §10.2.3).
#[must_use]
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = jiff::fmt::rfc2822::parse(value).ok()?;
    let date = SystemTime::from(date.timestamp());
    Some(
        date.duration_since(SystemTime::now())
            .unwrap_or(Duration::ZERO),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: RetryPolicy = RetryPolicy {
        attempts: 3,
        total_attempts: 5,
        base: Duration::from_millis(100),
        max_delay: Duration::from_millis(150),
    };

    #[test]
    fn delays_are_below_a_bound_that_doubles_up_to_the_longest() {
        for _ in 0..100 {
            let mut attempts = Attempts::new(POLICY);
            assert!(attempts.failed(None).unwrap() <= Duration::from_millis(100));
            assert!(attempts.failed(None).unwrap() <= Duration::from_millis(150));
            assert_eq!(attempts.failed(None), None);
        }
    }

    #[test]
    fn progress_allows_new_attempts_up_to_the_total() {
        let mut attempts = Attempts::new(POLICY);
        let mut made = 1;
        while attempts.failed(None).is_some() {
            attempts.progressed();
            made += 1;
        }
        assert_eq!((made, attempts.made()), (5, 5));
    }

    #[test]
    fn the_delay_of_the_server_is_respected_unless_it_is_too_long() {
        let asked = Duration::from_secs(7);
        assert_eq!(Attempts::new(POLICY).failed(Some(asked)), Some(asked));
        let asked = MAX_RETRY_AFTER + Duration::from_secs(1);
        assert_eq!(Attempts::new(POLICY).failed(Some(asked)), None);
    }

    #[test]
    fn the_delay_of_the_server_is_parsed() {
        let read = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::RETRY_AFTER, value.parse().unwrap());
            retry_after(&headers)
        };
        assert_eq!(read("120"), Some(Duration::from_mins(2)));
        assert_eq!(read("Wed, 21 Oct 2015 07:28:00 GMT"), Some(Duration::ZERO));
        let far = read("Fri, 31 Dec 2100 23:59:59 GMT").unwrap();
        assert!(far > Duration::from_hours(365 * 24), "{far:?}");
        for odd in ["soon", "-1", "1.5", ""] {
            assert_eq!(read(odd), None, "{odd}");
        }
    }
}
