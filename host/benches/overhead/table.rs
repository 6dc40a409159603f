//! The table that is printed, in Markdown.

use std::fmt::Write as _;
use std::time::Duration;

use crate::THREADS;
use crate::measure::Summary;
use crate::waiting::WaitingMemory;

/// What was measured of every lane.
#[derive(Debug)]
pub(crate) struct Measured {
    /// Wasmtime alone.
    pub(crate) floor: Summary,
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
        "| lane | p50 | p99 | calls/s, 1 thread | calls/s, {THREADS} threads | p50 / floor |\n\
         |---|--:|--:|--:|--:|--:|\n"
    );
    let lanes = [
        ("floor: wasmtime alone", &measured.floor),
        ("empty tool", &measured.empty),
        ("script tool, fetched script", &measured.script),
        ("script tool, inline script", &measured.inline),
    ];
    for (name, lane) in lanes {
        let _infallible = writeln!(
            table,
            "| {name} | {} | {} | {:.0} | {:.0} | {:.2} |",
            microseconds(lane.p50),
            microseconds(lane.p99),
            lane.calls_per_second,
            lane.calls_per_second_on_all_threads,
            ratio(lane.p50, measured.floor.p50),
        );
    }
    let _infallible = writeln!(
        table,
        "\n{} script calls that wait: {} MiB resident ({} MiB before), {} KiB each",
        memory.calls,
        memory.bytes >> 20,
        memory.bytes_before >> 20,
        memory.bytes_per_call() >> 10,
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
