use std::time::{Duration, Instant};

use wasmtime::UpdateDeadline;

use crate::engine::TICK;

/// The guest exceeded its computation time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the tool computed for more than {} ms", .0.as_millis())]
pub(super) struct CpuBudgetExhausted(pub Duration);

/// Measures how long a guest computes.
///
/// The engine's ticker triggers it at most once per tick, and only while the guest runs. It counts the time
/// since the guest last got control, at most two ticks at once: if the thread was preempted for longer, that
/// is not the guest's fault. Waiting in a capability is not counted, since the guest gets control again after
/// it.
#[derive(Debug)]
pub(super) struct Meter {
    budget: Duration,
    used: Duration,
    resumed: Instant,
}

/// The maximum time that is counted at once.
const MAX_STEP: Duration = TICK.saturating_mul(2);

impl Meter {
    pub(super) fn new(budget: Duration) -> Self {
        Self {
            budget,
            used: Duration::ZERO,
            resumed: Instant::now(),
        }
    }

    /// Records that the guest gets control after it waited.
    pub(super) fn resume(&mut self) {
        self.resumed = Instant::now();
    }

    /// The counted computation time of the guest.
    pub(super) fn used(&self) -> Duration {
        self.used
    }

    /// Counts, and yields to other tasks.
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
            // It waits for an hour, after which the guest gets control again.
            now += Duration::from_hours(1);
        }
        assert_eq!(meter.used(), TICK * 3);
        assert_eq!(meter.tick_at(now).err(), Some(CpuBudgetExhausted(TICK * 3)));
        assert_eq!(meter.used(), TICK * 3 + MAX_STEP);
    }
}
