//! The table that is printed, in Markdown.

use std::fmt::Write as _;
use std::time::Duration;

use crate::THREADS;
use crate::measure::Rounds;
use crate::waiting::WaitingMemory;

/// What was measured of every lane.
#[derive(Debug)]
pub(crate) struct Measured {
    /// The tool `empty` on wasmtime alone: the floor without the standard library.
    pub(crate) floor: Rounds,
    /// The tool `empty-standard` on wasmtime alone: the floor with the standard library.
    pub(crate) standard_floor: Rounds,
    /// The tool `greet` on wasmtime alone: the floor of a tool that runs a job.
    pub(crate) job_floor: Rounds,
    /// The tool `script` on wasmtime alone, with a script in its configuration.
    pub(crate) script_floor: Rounds,
    /// The tool `empty` in a host.
    pub(crate) empty: Rounds,
    /// The tool `empty-standard` in a host.
    pub(crate) empty_standard: Rounds,
    /// The tool `greet` in a host.
    pub(crate) greet: Rounds,
    /// The tool `script` in a host, with a script that it fetches.
    pub(crate) script: Rounds,
    /// The tool `script` in a host, with a script in its configuration.
    pub(crate) inline: Rounds,
}

/// The table.
pub(crate) fn render(measured: &Measured, memory: &WaitingMemory) -> String {
    let mut table = format!(
        "| lane | p50 | p99 | calls/s, 1 thread | calls/s, {THREADS} threads \
         | p50 / no_std floor | p50 / std floor | p50 / job floor | p50 / same tool alone |\n\
         |---|--:|--:|--:|--:|--:|--:|--:|--:|\n"
    );
    let Measured {
        floor,
        standard_floor,
        job_floor,
        script_floor,
        empty,
        empty_standard,
        greet,
        script,
        inline,
    } = measured;
    let lanes = [
        (
            "empty no_std tool, wasmtime alone (the no_std floor)",
            floor,
            floor,
        ),
        (
            "empty std tool, wasmtime alone (the std floor)",
            standard_floor,
            standard_floor,
        ),
        (
            "tool `greet`, which runs a job, wasmtime alone (the job floor)",
            job_floor,
            job_floor,
        ),
        ("empty no_std tool, whole host", empty, floor),
        ("empty std tool, whole host", empty_standard, standard_floor),
        ("tool `greet`, whole host", greet, job_floor),
        (
            "script tool, wasmtime alone, inline script",
            script_floor,
            script_floor,
        ),
        (
            "script tool, whole host, inline script",
            inline,
            script_floor,
        ),
        (
            "script tool, whole host, fetched script",
            script,
            script_floor,
        ),
    ];
    for (name, lane, alone) in lanes {
        let summary = lane.summary();
        let of = |floor| lane.ratio(|round| round.p50, floor);
        let _infallible = writeln!(
            table,
            "| {name} | {} | {} | {:.0} | {:.0} | {:.2} | {:.2} | {:.2} | {:.2} |",
            microseconds(summary.p50),
            microseconds(summary.p99),
            summary.calls_per_second,
            summary.calls_per_second_on_all_threads,
            of(floor),
            of(standard_floor),
            of(job_floor),
            of(alone),
        );
    }
    let _infallible = writeln!(
        table,
        "\n{} script calls that wait: {} MiB ({} MiB before), {} KiB each; VmRSS {} MiB ({} MiB before)",
        memory.calls,
        memory.during.proportional_bytes >> 20,
        memory.before.proportional_bytes >> 20,
        memory.bytes_per_call() >> 10,
        memory.during.resident_bytes >> 20,
        memory.before.resident_bytes >> 20,
    );
    table
}

fn microseconds(time: Duration) -> String {
    format!("{:.1} µs", time.as_secs_f64() * 1e6)
}
