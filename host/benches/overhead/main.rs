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
#[path = "../../build_guests.rs"]
mod build_guests;
mod floor;
mod measure;
mod table;
mod tools;
mod waiting;

use std::process::ExitCode;

use tokio::runtime::{Builder, Runtime};

use crate::bars::Bar;
use crate::floor::Floor;
use crate::measure::{Lane, Plan};
use crate::table::Measured;
use crate::tools::HostedTool;

/// Whatever went wrong; nobody tells one from the other.
type Result<T, E = Box<dyn std::error::Error + Send + Sync>> = std::result::Result<T, E>;

/// Threads that calls are made on at once: as many as the smaller machines have.
const THREADS: usize = 2;
/// How many calls wait at once while memory is looked at.
const WAITING_CALLS: u32 = 10_000;

fn main() -> Result<ExitCode> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let has = |name: &str| arguments.iter().any(|argument| argument == name);
    let (plan, waiting_calls) = if has("--bench") {
        (Plan::FULL, WAITING_CALLS)
    } else {
        (Plan::TRIAL, 10)
    };
    let runtime = Builder::new_multi_thread()
        .worker_threads(THREADS)
        .enable_all()
        .build()?;

    // First, while nothing that was freed before hides what is needed.
    let memory = runtime.block_on(waiting::measure(waiting_calls))?;
    let mut lanes = runtime.block_on(Lanes::new(plan))?;
    for _ in 0..plan.rounds {
        lanes.round(&runtime)?;
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
    empty: Lane<HostedTool>,
    script: Lane<HostedTool>,
    inline: Lane<HostedTool>,
}

impl Lanes {
    async fn new(plan: Plan) -> Result<Self> {
        let host = tools::host(tools::succeeding_engine(), 2 * THREADS).await?;
        Ok(Self {
            floor: Lane::new(Floor::new()?, plan),
            empty: Lane::new(HostedTool::empty(&host)?, plan),
            script: Lane::new(HostedTool::script_from_source(&host)?, plan),
            inline: Lane::new(HostedTool::script_inline(&host)?, plan),
        })
    }

    /// Measures every lane in turn, so that a slow moment of the machine hits all alike.
    fn round(&mut self, runtime: &Runtime) -> Result<()> {
        self.floor.round(runtime)?;
        self.empty.round(runtime)?;
        self.script.round(runtime)?;
        self.inline.round(runtime)
    }

    fn measured(&self) -> Measured {
        Measured {
            floor: self.floor.summary(),
            empty: self.empty.summary(),
            script: self.script.summary(),
            inline: self.inline.summary(),
        }
    }
}
