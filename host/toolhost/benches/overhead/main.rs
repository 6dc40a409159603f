//! What the host adds to the call of a tool, measured against wasmtime alone.
//!
//! `cargo bench -p toolhost --bench overhead` prints one table; with `-- --check` it also fails where a
//! bar of [`bars`] does not hold. Without `--bench`, as under `cargo test --benches`, everything is done
//! a few times, to see that it works.

#![expect(
    clippy::print_stdout,
    reason = "a program that prints what it measured"
)]

mod bars;
#[path = "../../../tools/build_guests.rs"]
mod build_guests;
// The module is private to the library. The floor is measured with its settings and its ticker.
#[expect(
    dead_code,
    unused_imports,
    reason = "only the library compiles components and admits calls, and has its tests"
)]
#[path = "../../src/engine.rs"]
mod engine;
mod floor;
mod idle;
mod measure;
mod table;
mod tools;
mod waiting;

use std::process::ExitCode;

use tokio::runtime::{Builder, Runtime};
// `engine` imports it from its crate.
use toolhost::limits;

use crate::bars::Bar;
use crate::floor::Floor;
use crate::measure::{Lane, Plan};
use crate::table::Measured;
use crate::tools::HostedTool;

/// Any error; they need not be distinguished.
type Result<T, E = Box<dyn std::error::Error + Send + Sync>> = std::result::Result<T, E>;

/// Threads that calls are made on at once: as many as the smaller machines have.
const THREADS: usize = 2;
/// How many calls wait at once while memory is looked at.
const WAITING_CALLS: u32 = 10_000;

fn main() -> Result<ExitCode> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let has = |name: &str| arguments.iter().any(|argument| argument == name);
    let runtime = Builder::new_multi_thread()
        .worker_threads(THREADS)
        .enable_all()
        .build()?;
    if let [waiting, calls] = &arguments[..]
        && waiting == waiting::ARGUMENT
    {
        let memory = runtime.block_on(waiting::measure(calls.parse()?))?;
        println!("{}", serde_json::to_string(&memory)?);
        return Ok(ExitCode::SUCCESS);
    }
    let (plan, waiting_calls) = if has("--bench") {
        (Plan::FULL, WAITING_CALLS)
    } else {
        (Plan::TRIAL, 10)
    };
    let memory = waiting::measure_apart(waiting_calls)?;
    let mut lanes = runtime.block_on(Lanes::new(plan))?;
    for round in 0..plan.rounds {
        lanes.round(round, &runtime)?;
    }
    let measured = lanes.measured();
    print!("{}", table::render(&measured, &memory));

    let bars = bars::judge(&measured, &memory);
    println!();
    for bar in &bars {
        println!("{bar}");
    }
    let is_failure = has("--check") && !bars.iter().all(Bar::holds);
    Ok(if is_failure {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

/// What is measured, side by side.
struct Lanes {
    floor: Lane<Floor>,
    standard_floor: Lane<Floor>,
    job_floor: Lane<Floor>,
    script_floor: Lane<Floor>,
    empty: Lane<HostedTool>,
    empty_standard: Lane<HostedTool>,
    greet: Lane<HostedTool>,
    script: Lane<HostedTool>,
    inline: Lane<HostedTool>,
}

impl Lanes {
    async fn new(plan: Plan) -> Result<Self> {
        let host = tools::host(tools::succeeding_engine(), 2 * THREADS).await?;
        Ok(Self {
            floor: Lane::new(Floor::small(tools::EMPTY)?, plan),
            standard_floor: Lane::new(Floor::small(tools::EMPTY_STANDARD)?, plan),
            job_floor: Lane::new(Floor::small(tools::GREET)?, plan),
            script_floor: Lane::new(Floor::script()?, plan),
            empty: Lane::new(HostedTool::small(&host, tools::EMPTY)?, plan),
            empty_standard: Lane::new(HostedTool::small(&host, tools::EMPTY_STANDARD)?, plan),
            greet: Lane::new(HostedTool::small(&host, tools::GREET)?, plan),
            script: Lane::new(HostedTool::script_from_source(&host)?, plan),
            inline: Lane::new(HostedTool::script_inline(&host)?, plan),
        })
    }

    /// Measures every lane in turn, so that a slow moment of the machine hits all alike. Each round begins
    /// with another lane, since what one leaves in caches and in the heap is paid by the next.
    fn round(&mut self, round: usize, runtime: &Runtime) -> Result<()> {
        const LANES: usize = 9;
        for lane in 0..LANES {
            match (round + lane) % LANES {
                0 => self.floor.round(runtime)?,
                1 => self.standard_floor.round(runtime)?,
                2 => self.script_floor.round(runtime)?,
                3 => self.empty.round(runtime)?,
                4 => self.empty_standard.round(runtime)?,
                5 => self.script.round(runtime)?,
                6 => self.job_floor.round(runtime)?,
                7 => self.greet.round(runtime)?,
                _ => self.inline.round(runtime)?,
            }
        }
        Ok(())
    }

    fn measured(&self) -> Measured {
        Measured {
            floor: self.floor.rounds().clone(),
            standard_floor: self.standard_floor.rounds().clone(),
            job_floor: self.job_floor.rounds().clone(),
            script_floor: self.script_floor.rounds().clone(),
            empty: self.empty.rounds().clone(),
            empty_standard: self.empty_standard.rounds().clone(),
            greet: self.greet.rounds().clone(),
            script: self.script.rounds().clone(),
            inline: self.inline.rounds().clone(),
        }
    }
}
