//! The table that is printed, in Markdown.

use std::fmt::Write as _;
use std::time::Duration;

use crate::THREADS;
use crate::measure::Summary;
use crate::waiting::WaitingMemory;

/// What was measured of every lane.
#[derive(Debug)]
pub(crate) struct Measured {
    /// The tool `empty` on wasmtime alone: the floor without the standard library.
    pub(crate) floor: Summary,
    /// The tool `empty-standard` on wasmtime alone: the floor with the standard library.
    pub(crate) standard_floor: Summary,
    /// The tool `greet` on wasmtime alone: the floor of a tool that runs a job.
    pub(crate) job_floor: Summary,
    /// The tool `script` on wasmtime alone, with a script in its configuration.
    pub(crate) script_floor: Summary,
    /// The tool `empty` in a host.
    pub(crate) empty: Summary,
    /// The tool `empty-standard` in a host.
    pub(crate) empty_standard: Summary,
    /// The tool `greet` in a host.
    pub(crate) greet: Summary,
    /// The tool `script` in a host, with a script that it fetches.
    pub(crate) script: Summary,
    /// The tool `script` in a host, with a script in its configuration.
    pub(crate) inline: Summary,
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
        let _infallible = writeln!(
            table,
            "| {name} | {} | {} | {:.0} | {:.0} | {:.2} | {:.2} | {:.2} | {:.2} |",
            microseconds(lane.p50),
            microseconds(lane.p99),
            lane.calls_per_second,
            lane.calls_per_second_on_all_threads,
            ratio(lane.p50, floor.p50),
            ratio(lane.p50, standard_floor.p50),
            ratio(lane.p50, job_floor.p50),
            ratio(lane.p50, alone.p50),
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

/// How many times as long.
pub(crate) fn ratio(time: Duration, floor: Duration) -> f64 {
    time.as_secs_f64() / floor.as_secs_f64()
}

fn microseconds(time: Duration) -> String {
    format!("{:.1} µs", time.as_secs_f64() * 1e6)
}
