use std::time::Duration;

use tokio::time::Instant;

/// A watch that breaks off, and that does not come again.
pub(super) struct Outage {
    /// How long it lasts before it is told.
    patience: Duration,
    /// The longest time from one failure to the next where nothing came in between. A watch that works again says
    /// nothing of that until something happens.
    longest_try: Duration,
    failures: Option<Failures>,
    is_told: bool,
}

/// Failures that follow each other.
struct Failures {
    first: Instant,
    last: Instant,
}

impl Outage {
    pub(super) fn new(patience: Duration, longest_try: Duration) -> Self {
        Self {
            patience,
            longest_try,
            failures: None,
            is_told: false,
        }
    }

    /// Notes a failure. Says whether it is time to tell of it, which is so once.
    pub(super) fn fails(&mut self, now: Instant) -> bool {
        let failures = self.failures.get_or_insert(Failures {
            first: now,
            last: now,
        });
        if now.duration_since(failures.last) > self.longest_try {
            failures.first = now;
        }
        failures.last = now;
        let lasted = now.duration_since(failures.first);
        lasted >= self.patience && !std::mem::replace(&mut self.is_told, true)
    }

    /// Notes that something was heard. Says whether the contrary was told.
    pub(super) fn hears(&mut self) -> bool {
        self.failures = None;
        std::mem::take(&mut self.is_told)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn is_told_once_when_it_has_lasted() {
        let mut outage = Outage::new(5 * SECOND, 4 * SECOND);
        let start = Instant::now();
        assert!(!outage.fails(start));
        assert!(!outage.fails(start + 3 * SECOND));
        assert!(outage.fails(start + 5 * SECOND));
        assert!(!outage.fails(start + 6 * SECOND));
        assert!(outage.hears());
        assert!(!outage.hears());
    }

    #[test]
    fn begins_anew_where_the_watch_worked_in_between() {
        let mut outage = Outage::new(5 * SECOND, 4 * SECOND);
        let start = Instant::now();
        for number in 0..9 {
            assert!(!outage.fails(start + number * 6 * SECOND));
        }
        assert!(!outage.hears());
    }
}
