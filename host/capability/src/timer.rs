//! Timers that are never in the past.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// Minimum delay of a timer: a loop that keeps requesting no delay costs some checks a second, and no processor time.
const MIN_DELAY: Duration = Duration::from_millis(100);

/// The time of the next check in case no event is received: the earliest of several times.
///
/// A time that has passed is due, and sets no timer: a caller that repeats it does not spin. The value belongs to one
/// check, all of whose times are compared with its beginning.
#[derive(Debug, Clone, Copy)]
pub struct NextCheck {
    now: Instant,
    at: Option<Instant>,
}

impl NextCheck {
    /// Begins a check, without a next one yet.
    #[must_use]
    pub fn begin() -> Self {
        Self {
            now: Instant::now(),
            at: None,
        }
    }

    /// Returns when this check began.
    #[must_use]
    pub fn now(&self) -> Instant {
        self.now
    }

    /// Whether the time has come. If not, it is the latest time of the next check.
    pub fn is_due(&mut self, at: Instant) -> bool {
        let is_due = at <= self.now;
        if !is_due {
            self.add(at);
        }
        is_due
    }

    /// Schedules the next check after the delay at the latest.
    pub fn after(&mut self, delay: Duration) {
        // A time beyond the clock's range never comes.
        if let Some(at) = self.now.checked_add(delay.max(MIN_DELAY)) {
            self.add(at);
        }
    }

    /// Waits until the time of the next check; forever where there is none.
    ///
    /// # Cancel safety
    ///
    /// Safe.
    pub async fn come(self) {
        until(self.at).await;
    }

    fn add(&mut self, at: Instant) {
        self.at = Some(self.at.map_or(at, |known| known.min(at)));
    }
}

/// Waits until that time; forever where there is none. Returns immediately for a time in the past, so a loop should use
/// [`NextCheck`].
///
/// # Cancel safety
///
/// Safe.
pub async fn until(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn a_time_that_has_come_sets_no_timer() {
        let start = Instant::now();
        tokio::time::advance(SECOND).await;
        let mut next = NextCheck::begin();
        assert!(next.is_due(start) && next.is_due(next.now()));
        assert_eq!(next.at, None);
        assert!(!next.is_due(next.now() + 3 * SECOND));
        assert!(!next.is_due(next.now() + 2 * SECOND));
        next.after(5 * SECOND);
        next.come().await;
        assert_eq!(start.elapsed(), 3 * SECOND);
    }

    #[tokio::test(start_paused = true)]
    async fn a_loop_that_asks_for_no_delay_does_not_spin() {
        let start = Instant::now();
        for _ in 0..10 {
            let mut next = NextCheck::begin();
            next.after(Duration::ZERO);
            next.come().await;
        }
        assert_eq!(start.elapsed(), 10 * MIN_DELAY);
    }
}
