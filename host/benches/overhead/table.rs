//! The table that is printed, in Markdown.

use std::fmt::Write as _;
use std::time::Duration;

use crate::THREADS;
use crate::measure::Summary;
use crate::waiting::WaitingMemory;

/// What was measured of every lane.
#[derive(Debug)]
pub(crate) struct Measured {
    /// The tool `empty` on wasmtime alone.
    pub(crate) floor: Summary,
    /// The tool `script` on wasmtime alone, with a script in its configuration.
    pub(crate) script_floor: Summary,
    /// The tool `empty` in a host.
    pub(crate) empty: Summary,
    /// The tool `script` in a host, with a script that it fetches.
    pub(crate) script: Summary,
    /// The tool `script` in a host, with a script in its configuration.
    pub(crate) inline: Summary,
}

/// The table.
pub(crate) fn render(measured: &Measured, memory: &WaitingMemory) -> String {
    let mut table = format!(
        "| lane | p50 | p99 | calls/s, 1 thread | calls/s, {THREADS} threads | p50 / floor | p50 / same tool alone |\n\
         |---|--:|--:|--:|--:|--:|--:|\n"
    );
    let Measured {
        floor,
        script_floor,
        empty,
        script,
        inline,
    } = measured;
    let lanes = [
        ("empty tool, wasmtime alone (the floor)", floor, floor),
        ("empty tool, whole host", empty, floor),
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
            "| {name} | {} | {} | {:.0} | {:.0} | {:.2} | {:.2} |",
            microseconds(lane.p50),
            microseconds(lane.p99),
            lane.calls_per_second,
            lane.calls_per_second_on_all_threads,
            ratio(lane.p50, floor.p50),
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
