//! Runs seeds, and says what was found.

use std::collections::BTreeMap;
use std::fmt;

use crate::invariants;
use crate::scenario::Scenario;
use crate::world;

/// The run of one seed.
#[derive(Debug)]
pub struct Run {
    /// What was planned.
    pub scenario: Scenario,
    /// What does not hold; nothing where all is well.
    pub violations: Vec<String>,
    /// What happened, and how often.
    pub counts: BTreeMap<&'static str, u64>,
    /// What happened, step by step.
    pub trace: Vec<String>,
}

/// Runs a seed.
///
/// # Errors
///
/// Where the run cannot be started.
pub fn run(seed: u64) -> std::io::Result<Run> {
    let scenario = Scenario::of(seed);
    let observation = world::run(&scenario)?;
    let violations = invariants::violations(&scenario, &observation);
    Ok(Run {
        violations,
        trace: observation.trace(),
        counts: observation.counts,
        scenario,
    })
}

/// The sum of many runs.
#[derive(Debug, Default)]
pub struct Statistics {
    /// How many seeds were run.
    pub runs: u64,
    /// The seeds that failed.
    pub failures: Vec<u64>,
    /// What happened, and how often.
    pub counts: BTreeMap<&'static str, u64>,
}

impl Statistics {
    /// Adds a run.
    pub fn add(&mut self, run: &Run) {
        self.runs += 1;
        if !run.violations.is_empty() {
            self.failures.push(run.scenario.seed);
        }
        for (name, count) in &run.counts {
            *self.counts.entry(name).or_default() += count;
        }
    }

    /// Adds the runs of another one.
    pub fn merge(&mut self, other: Self) {
        self.runs += other.runs;
        self.failures.extend(other.failures);
        for (name, count) in other.counts {
            *self.counts.entry(name).or_default() += count;
        }
    }
}

impl fmt::Display for Statistics {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            formatter,
            "{} runs, {} failed",
            self.runs,
            self.failures.len()
        )?;
        for (name, count) in &self.counts {
            writeln!(formatter, "{count:>9} {name}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Run {
    /// The seed, the scenario and what does not hold, in a few lines.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scenario = &self.scenario;
        writeln!(formatter, "seed {}", scenario.seed)?;
        let job = &scenario.job;
        writeln!(
            formatter,
            "  job: backoff limit {}, deadline {:?}, secret {}, may patch {}",
            job.backoff_limit, job.deadline, job.has_secret, job.may_patch
        )?;
        for (pod, number) in job.pods.iter().zip(1..) {
            let (lines, rest) = (pod.lines.len(), pod.rest);
            let end = pod.end;
            writeln!(
                formatter,
                "  pod {number}: delay {:?}, {lines} lines, rest {rest:?}, end {end:?}",
                pod.delay
            )?;
        }
        for host in &scenario.hosts {
            let (start, kill, cancel) = (host.start, host.kill, host.cancel);
            writeln!(
                formatter,
                "  host: start {start:?}, kill {kill:?}, cancel {cancel:?}"
            )?;
        }
        writeln!(formatter, "  network: {:?}", scenario.network)?;
        writeln!(
            formatter,
            "  outages {:?}, compactions {:?}, edits {:?}",
            scenario.outages, scenario.compactions, scenario.edits
        )?;
        for violation in &self.violations {
            writeln!(formatter, "  VIOLATED: {violation}")?;
        }
        Ok(())
    }
}
