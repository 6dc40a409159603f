use std::time::Duration;

use tokio::time::Instant;

/// Detects a watch that was interrupted and does not recover.
pub(super) struct Outage {
    /// How long it lasts before it is reported.
    notice_after: Duration,
    /// The longest time from one failure to the next in the same outage. A watch that works again shows that only when
    /// an event occurs.
    longest_try: Duration,
    failures: Option<Failures>,
    is_reported: bool,
}

/// Consecutive failures.
struct Failures {
    first: Instant,
    last: Instant,
}

impl Outage {
    pub(super) fn new(notice_after: Duration, longest_try: Duration) -> Self {
        Self {
            notice_after,
            longest_try,
            failures: None,
            is_reported: false,
        }
    }

    /// Records a failure. Returns whether to report the outage, which is so once.
    pub(super) fn record_failure(&mut self, now: Instant) -> bool {
        let failures = self.failures.get_or_insert(Failures {
            first: now,
            last: now,
        });
        if now.duration_since(failures.last) > self.longest_try {
            failures.first = now;
        }
        failures.last = now;
        let lasted = now.duration_since(failures.first);
        lasted >= self.notice_after && !std::mem::replace(&mut self.is_reported, true)
    }

    /// Records an event. Returns whether the outage was reported.
    pub(super) fn record_event(&mut self) -> bool {
        self.failures = None;
        std::mem::take(&mut self.is_reported)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn an_outage_that_lasts_is_reported_once() {
        let mut outage = Outage::new(5 * SECOND, 4 * SECOND);
        let start = Instant::now();
        assert!(!outage.record_failure(start));
        assert!(!outage.record_failure(start + 3 * SECOND));
        assert!(outage.record_failure(start + 5 * SECOND));
        assert!(!outage.record_failure(start + 6 * SECOND));
        assert!(outage.record_event());
        assert!(!outage.record_event());
    }

    #[test]
    fn a_watch_that_worked_in_between_restarts_the_time() {
        let mut outage = Outage::new(5 * SECOND, 4 * SECOND);
        let start = Instant::now();
        for number in 0..9 {
            assert!(!outage.record_failure(start + number * 6 * SECOND));
        }
        assert!(!outage.record_event());
    }
}
