//! `toolhost-sim`: runs seeds of the simulation.
#![expect(clippy::print_stdout, reason = "it is a program")]

use std::io;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use clap::Parser;
use toolhost_simulation::report::{Statistics, run};

/// How many failures end a run of many seeds: more of them are mostly the same fault.
const MAX_FAILURES: u64 = 20;

/// Runs the engine for Kubernetes in virtual time, with random faults.
#[derive(Debug, Parser)]
struct Arguments {
    /// The seed to run again, with everything that happened.
    seed: Option<u64>,
    /// How many seeds to run.
    #[arg(long, conflicts_with = "seed", default_value_t = 1_000)]
    count: u64,
    /// The first of them.
    #[arg(long, conflicts_with = "seed", default_value_t = 0)]
    from: u64,
    /// For how long at most.
    #[arg(long, conflicts_with = "seed")]
    seconds: Option<u64>,
    /// How many of them at the same time.
    #[arg(long, conflicts_with = "seed", default_value_t = 1)]
    threads: u64,
}

fn main() -> io::Result<ExitCode> {
    let arguments = Arguments::parse();
    let is_well = match arguments.seed {
        Some(seed) => replay(seed)?,
        None => run_many(&arguments)?,
    };
    Ok(if is_well {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn replay(seed: u64) -> io::Result<bool> {
    let run = run(seed)?;
    for line in &run.trace {
        println!("{line}");
    }
    println!("{run}");
    Ok(run.violations.is_empty())
}

fn run_many(arguments: &Arguments) -> io::Result<bool> {
    let begun = Instant::now();
    let next = AtomicU64::new(arguments.from);
    let end = arguments.from.saturating_add(arguments.count);
    let failures = AtomicU64::new(0);
    let is_over = AtomicBool::new(false);
    let limit = arguments.seconds.map(Duration::from_secs);
    let work = || -> io::Result<Statistics> {
        let mut statistics = Statistics::default();
        loop {
            let is_late = limit.is_some_and(|limit| begun.elapsed() >= limit);
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= end || is_late || is_over.load(Ordering::Relaxed) {
                return Ok(statistics);
            }
            let run = run(seed)?;
            statistics.add(&run);
            if !run.violations.is_empty() {
                println!("{run}");
                if failures.fetch_add(1, Ordering::Relaxed) + 1 >= MAX_FAILURES {
                    is_over.store(true, Ordering::Relaxed);
                }
            }
        }
    };
    let mut statistics = Statistics::default();
    thread::scope(|scope| {
        let threads: Vec<_> = (0..arguments.threads.max(1))
            .map(|_| scope.spawn(work))
            .collect();
        for thread in threads {
            match thread.join() {
                Ok(of_thread) => statistics.merge(of_thread?),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        Ok::<_, io::Error>(())
    })?;
    statistics.failures.sort_unstable();
    let seconds = begun.elapsed().as_secs_f64();
    print!("{statistics}");
    println!("{:.1} s, failed seeds: {:?}", seconds, statistics.failures);
    #[expect(clippy::cast_precision_loss, reason = "it is shown with one digit")]
    let rate = statistics.runs as f64 / seconds;
    println!("{rate:.1} seeds a second");
    Ok(statistics.failures.is_empty())
}
