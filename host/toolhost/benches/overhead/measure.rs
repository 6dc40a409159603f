//! Calls of one subject, timed.

use std::cmp::Ordering;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use crate::{Result, THREADS};

/// Something that can be called over and over.
pub(crate) trait Subject: Send + Sync + 'static {
    /// What one call takes.
    type Request: Send;

    /// Makes what one call takes, which is the caller's work and not timed.
    fn request(&self) -> Self::Request;

    /// Makes one call, and fails where it is not answered as expected.
    fn call(&self, request: Self::Request) -> impl Future<Output = Result<()>> + Send;
}

/// How much is measured.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    /// How often all lanes are measured in turn.
    pub(crate) rounds: usize,
    /// How many calls each thread makes in a round.
    calls: usize,
    /// Calls before the first round, which fill caches and pools.
    warm_up_calls: usize,
}

/// One subject, and what was measured of it in each round.
pub(crate) struct Lane<S> {
    subject: Arc<S>,
    plan: Plan,
    is_warm: bool,
    rounds: Rounds,
}

/// What was measured of one subject, round by round.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rounds(Vec<Summary>);

/// Times of calls.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Summary {
    /// Half of the calls took no longer.
    pub(crate) p50: Duration,
    /// All calls but one in a hundred took no longer.
    pub(crate) p99: Duration,
    /// Calls in a second on one thread.
    pub(crate) calls_per_second: f64,
    /// Calls in a second on [`THREADS`] threads together.
    pub(crate) calls_per_second_on_all_threads: f64,
}

impl Plan {
    /// What the numbers in `docs/performance.md` are made of.
    pub(crate) const FULL: Self = Self {
        rounds: 20,
        calls: 500,
        warm_up_calls: 500,
    };
    /// Enough to see that everything works.
    pub(crate) const TRIAL: Self = Self {
        rounds: 1,
        calls: 2,
        warm_up_calls: 1,
    };
}

impl<S: Subject> Lane<S> {
    pub(crate) fn new(subject: S, plan: Plan) -> Self {
        Self {
            subject: Arc::new(subject),
            plan,
            is_warm: false,
            rounds: Rounds::default(),
        }
    }

    /// Measures one round.
    pub(crate) fn round(&mut self, runtime: &Runtime) -> Result<()> {
        if !self.is_warm {
            self.run(runtime, THREADS, self.plan.warm_up_calls)?;
            self.is_warm = true;
        }
        let (mut times, calls_per_second) = self.run(runtime, 1, self.plan.calls)?;
        let (_, calls_per_second_on_all_threads) = self.run(runtime, THREADS, self.plan.calls)?;
        times.sort_unstable();
        self.rounds.0.push(Summary {
            p50: percentile(&times, 50),
            p99: percentile(&times, 99),
            calls_per_second,
            calls_per_second_on_all_threads,
        });
        Ok(())
    }

    /// What was measured so far.
    pub(crate) fn rounds(&self) -> &Rounds {
        &self.rounds
    }

    /// Makes `calls` calls on each of so many threads; returns how long each took, and calls in a second.
    fn run(&self, runtime: &Runtime, threads: usize, calls: usize) -> Result<(Vec<Duration>, f64)> {
        runtime.block_on(async {
            let started = Instant::now();
            let mut tasks = JoinSet::new();
            for _ in 0..threads {
                tasks.spawn(call_repeatedly(Arc::clone(&self.subject), calls));
            }
            let mut times = Vec::with_capacity(threads * calls);
            while let Some(task) = tasks.join_next().await {
                times.append(&mut task??);
            }
            #[expect(clippy::cast_precision_loss, reason = "a few thousand calls")]
            let rate = times.len() as f64 / started.elapsed().as_secs_f64();
            Ok((times, rate))
        })
    }
}

impl Rounds {
    /// The median of all rounds, number by number.
    pub(crate) fn summary(&self) -> Summary {
        Summary {
            p50: self.median(|round| round.p50, Duration::cmp),
            p99: self.median(|round| round.p99, Duration::cmp),
            calls_per_second: self.median(|round| round.calls_per_second, f64::total_cmp),
            calls_per_second_on_all_threads: self.median(
                |round| round.calls_per_second_on_all_threads,
                f64::total_cmp,
            ),
        }
    }

    /// How many times as long as the p50 of `floor` a time is: the median of the ratios of each round, since what
    /// slows the machine down for some rounds slows both.
    pub(crate) fn ratio(&self, time: impl Fn(&Summary) -> Duration, floor: &Self) -> f64 {
        let rounds = self.0.iter().zip(&floor.0);
        let ratios =
            rounds.map(|(round, floor)| time(round).as_secs_f64() / floor.p50.as_secs_f64());
        middle(ratios.collect(), f64::total_cmp)
    }

    fn median<T: Copy + Default>(
        &self,
        number: impl Fn(&Summary) -> T,
        order: impl Fn(&T, &T) -> Ordering,
    ) -> T {
        middle(self.0.iter().map(number).collect(), order)
    }
}

fn middle<T: Copy + Default>(mut numbers: Vec<T>, order: impl Fn(&T, &T) -> Ordering) -> T {
    numbers.sort_by(order);
    numbers.get(numbers.len() / 2).copied().unwrap_or_default()
}

async fn call_repeatedly<S: Subject>(subject: Arc<S>, calls: usize) -> Result<Vec<Duration>> {
    let mut times = Vec::with_capacity(calls);
    for _ in 0..calls {
        let request = subject.request();
        let started = Instant::now();
        subject.call(request).await?;
        times.push(started.elapsed());
    }
    Ok(times)
}

fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    let index = sorted.len() * percent / 100;
    let index = index.min(sorted.len().saturating_sub(1));
    sorted.get(index).copied().unwrap_or_default()
}
