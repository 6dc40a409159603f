use std::time::Duration;

/// Delays that double from one failure to the next, up to the longest one.
///
/// The rule of every retry here: of attempts of a job, of requests to a cluster, of transfers. The caller decides what
/// is counted, and when to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
    jitter: Jitter,
    failures: u32,
}

/// Which part of a delay is random, so that many callers that failed together do not retry together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Jitter {
    /// None: the delay is exact.
    None,
    /// Its second half: never less than half of it.
    Half,
    /// All of it ("full jitter",
    /// <https://aws.amazon.com/builders-library/timeouts-retries-and-backoff-with-jitter/>).
    Full,
}

impl Backoff {
    /// Creates delays from `first` up to `longest`, without a failure so far.
    #[must_use]
    pub const fn new(first: Duration, longest: Duration, jitter: Jitter) -> Self {
        Self {
            first,
            longest,
            jitter,
            failures: 0,
        }
    }

    /// Returns the delay after one more failure.
    pub fn next_delay(&mut self) -> Duration {
        self.failures = self.failures.saturating_add(1);
        let delay = self.after(self.failures);
        let share = match self.jitter {
            Jitter::None => return delay,
            Jitter::Half => 0.5 + random_share() / 2.0,
            Jitter::Full => random_share(),
        };
        delay.mul_f64(share)
    }

    /// Restarts after a success.
    pub const fn reset(&mut self) {
        self.failures = 0;
    }

    /// Returns the number of consecutive failures.
    #[must_use]
    pub const fn failures(&self) -> u32 {
        self.failures
    }

    /// Returns the longest delay after this number of failures: the first one, doubled with every failure after the
    /// first.
    #[must_use]
    pub fn after(&self, failures: u32) -> Duration {
        let factor = 2_u32.saturating_pow(failures.saturating_sub(1));
        self.first.saturating_mul(factor).min(self.longest)
    }
}

/// Returns a number from 0 to 1. Without random numbers it is the longest delay: a late retry is better than many
/// together.
fn random_share() -> f64 {
    getrandom::u32().map_or(1.0, |random| f64::from(random) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: Duration = Duration::from_millis(100);
    const LONGEST: Duration = Duration::from_secs(5);
    const STEPS: [u64; 8] = [100, 200, 400, 800, 1600, 3200, 5000, 5000];

    #[test]
    fn delays_double_up_to_their_bound() {
        let mut backoff = Backoff::new(FIRST, LONGEST, Jitter::None);
        for step in STEPS {
            assert_eq!(backoff.next_delay(), Duration::from_millis(step));
        }
        assert_eq!(backoff.after(u32::MAX), LONGEST);
        backoff.reset();
        assert_eq!((backoff.failures(), backoff.next_delay()), (0, FIRST));
    }

    #[test]
    fn a_part_of_a_delay_is_random() {
        for (jitter, least) in [(Jitter::Half, 0.5), (Jitter::Full, 0.0)] {
            let delays: Vec<_> = (0..20)
                .flat_map(|_| {
                    let mut backoff = Backoff::new(FIRST, LONGEST, jitter);
                    STEPS.map(|step| (Duration::from_millis(step), backoff.next_delay()))
                })
                .collect();
            for (step, delay) in &delays {
                assert!(*delay >= step.mul_f64(least) && delay <= step, "{delay:?}");
            }
            // Twenty random numbers of 32 bits are not all the same.
            let mut firsts = delays.iter().step_by(STEPS.len());
            let (_, first) = firsts.next().unwrap();
            assert!(firsts.any(|(_, delay)| delay != first), "{jitter:?}");
        }
    }

    #[test]
    fn a_delay_of_nothing_stays_nothing() {
        let mut backoff = Backoff::new(Duration::ZERO, LONGEST, Jitter::Full);
        assert_eq!(
            (backoff.next_delay(), backoff.after(100)),
            (Duration::ZERO, Duration::ZERO)
        );
    }
}
