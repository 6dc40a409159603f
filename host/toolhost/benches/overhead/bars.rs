//! What the host may cost.

use std::fmt;
use std::time::Duration;

use crate::measure::Summary;
use crate::table::Measured;
use crate::waiting::WaitingMemory;

/// An empty tool's p50, as a multiple of its own floor's.
const EMPTY_P50: f64 = 1.5;
/// The script tool's p50, as a multiple of the job floor's.
const SCRIPT_P50: f64 = 4.0;
/// The script tool's p99, as a multiple of the job floor's p50.
const SCRIPT_P99: f64 = 10.0;
/// Resident memory with 10,000 calls that wait, in MiB, as `VmRSS` has it.
const WAITING_MEBIBYTES: f64 = 1024.0;

/// One of the times of a round.
type Time = fn(&Summary) -> Duration;

/// A number that must not be exceeded.
#[derive(Debug)]
pub(crate) struct Bar {
    what: String,
    measured: f64,
    most: f64,
}

impl Bar {
    /// Whether it is not exceeded.
    pub(crate) fn holds(&self) -> bool {
        self.measured <= self.most
    }
}

impl fmt::Display for Bar {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            what,
            measured,
            most,
        } = self;
        let verdict = if self.holds() { "holds" } else { "MISSED" };
        write!(
            formatter,
            "{verdict}: {what}: {measured:.2}, at most {most}"
        )
    }
}

/// Compares what was measured with what is allowed, each tool with the floor of its kind: an empty one with
/// itself, and the script tool with the least tool that runs a job.
pub(crate) fn judge(measured: &Measured, memory: &WaitingMemory) -> Vec<Bar> {
    let p50: Time = |round| round.p50;
    let p99: Time = |round| round.p99;
    let bar = |what: &str, measured, most| Bar {
        what: what.to_owned(),
        measured,
        most,
    };
    let mut bars = vec![
        bar(
            "empty no_std tool, p50 / no_std floor p50",
            measured.empty.ratio(p50, &measured.floor),
            EMPTY_P50,
        ),
        bar(
            "empty std tool, p50 / std floor p50",
            measured.empty_standard.ratio(p50, &measured.standard_floor),
            EMPTY_P50,
        ),
        bar(
            "script tool, p50 / job floor p50",
            measured.script.ratio(p50, &measured.job_floor),
            SCRIPT_P50,
        ),
        bar(
            "script tool, p99 / job floor p50",
            measured.script.ratio(p99, &measured.job_floor),
            SCRIPT_P99,
        ),
    ];
    #[expect(clippy::cast_precision_loss, reason = "some thousands")]
    let mebibytes = (memory.during.resident_bytes >> 20) as f64;
    bars.push(bar(
        "MiB resident while calls wait",
        mebibytes,
        WAITING_MEBIBYTES,
    ));
    bars
}
