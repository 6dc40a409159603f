use std::time::{Duration, Instant};

use wasmtime::UpdateDeadline;

use crate::engine::TICK;

/// The guest computed for longer than it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the tool computed for more than {} ms", .0.as_millis())]
pub struct CpuBudgetExhausted(pub Duration);

/// Counts how long a guest computes.
///
/// The engine's ticker asks at most once a tick, and only while the guest runs. What is counted is the
/// time since the guest was last given control, at most two ticks at once: if the thread was taken away
/// from the guest for longer, that is not the guest's fault. Waiting in a capability is not counted,
/// since the guest gets control anew after it.
#[derive(Debug)]
pub(super) struct Meter {
    budget: Duration,
    used: Duration,
    resumed: Instant,
}

/// The most that is counted at once.
const MAX_STEP: Duration = TICK.saturating_mul(2);

impl Meter {
    pub(super) fn new(budget: Duration) -> Self {
        Self {
            budget,
            used: Duration::ZERO,
            resumed: Instant::now(),
        }
    }

    /// Says that the guest gets control after it waited.
    pub(super) fn resume(&mut self) {
        self.resumed = Instant::now();
    }

    /// How long the guest has computed, as far as it was counted.
    pub(super) fn used(&self) -> Duration {
        self.used
    }

    /// Counts, and lets others run.
    pub(super) fn tick(&mut self) -> Result<UpdateDeadline, CpuBudgetExhausted> {
        self.tick_at(Instant::now())
    }

    fn tick_at(&mut self, now: Instant) -> Result<UpdateDeadline, CpuBudgetExhausted> {
        self.used += now.duration_since(self.resumed).min(MAX_STEP);
        self.resumed = now;
        if self.used > self.budget {
            return Err(CpuBudgetExhausted(self.budget));
        }
        Ok(UpdateDeadline::Yield(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_computing_and_not_waiting() {
        let mut meter = Meter::new(TICK * 3);
        let mut now = Instant::now();
        for _ in 0..3 {
            meter.resumed = now;
            now += TICK;
            assert!(meter.tick_at(now).is_ok());
            // It waits for an hour, after which the guest gets control anew.
            now += Duration::from_hours(1);
        }
        assert_eq!(meter.used(), TICK * 3);
        assert_eq!(meter.tick_at(now).err(), Some(CpuBudgetExhausted(TICK * 3)));
        assert_eq!(meter.used(), TICK * 3 + MAX_STEP);
    }
}
