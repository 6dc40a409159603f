//! Numbers that follow from a seed.

use std::time::Duration;

/// The generator `splitmix64` (<https://prng.di.unimi.it/splitmix64.c>).
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// The numbers of a seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Another sequence, which does not depend on how many numbers are taken from this one later.
    #[must_use]
    pub fn fork(&mut self) -> Self {
        Self(self.number())
    }

    /// The next number.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 to `limit - 1`; 0 where `limit` is.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.number().checked_rem(limit).unwrap_or(0)
    }

    /// A number from `least` to `most`.
    pub fn between(&mut self, least: u64, most: u64) -> u64 {
        least + self.below(most.saturating_sub(least) + 1)
    }

    /// Whether something of this probability, in thousandths, happens.
    pub fn happens(&mut self, thousandths: u64) -> bool {
        self.below(1_000) < thousandths
    }

    /// One of some values.
    pub fn one_of<T: Clone>(&mut self, values: &[T], otherwise: T) -> T {
        let index = usize::try_from(self.below(values.len() as u64)).unwrap_or(0);
        values.get(index).cloned().unwrap_or(otherwise)
    }

    /// A number of milliseconds, where short times are as likely as long ones: the logarithm is uniform.
    pub fn time(&mut self, least_ms: u64, most_ms: u64) -> Duration {
        let mut most = least_ms.max(1);
        while most < most_ms && !self.happens(150) {
            most = most.saturating_mul(2).min(most_ms);
        }
        Duration::from_millis(self.between(least_ms, most))
    }
}
