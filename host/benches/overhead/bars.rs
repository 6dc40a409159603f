//! What the host may cost.

use std::fmt;

use crate::table::{Measured, ratio};
use crate::waiting::WaitingMemory;

/// The empty tool's p50, as a multiple of the floor's.
const EMPTY_P50: f64 = 1.5;
/// The script tool's p50, as a multiple of the floor's.
const SCRIPT_P50: f64 = 4.0;
/// The script tool's p99, as a multiple of the floor's p50.
const SCRIPT_P99: f64 = 10.0;
/// Resident memory with 10,000 calls that wait, in MiB, as `VmRSS` has it.
const WAITING_MEBIBYTES: f64 = 1024.0;

/// A number that shall not be exceeded.
#[derive(Debug)]
pub(crate) struct Bar {
    what: &'static str,
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

/// Compares what was measured with what is allowed.
pub(crate) fn judge(measured: &Measured, memory: &WaitingMemory) -> [Bar; 4] {
    let floor = measured.floor.p50;
    #[expect(clippy::cast_precision_loss, reason = "some thousands")]
    let mebibytes = (memory.during.resident_bytes >> 20) as f64;
    [
        Bar {
            what: "empty tool, p50 / floor p50",
            measured: ratio(measured.empty.p50, floor),
            most: EMPTY_P50,
        },
        Bar {
            what: "script tool, p50 / floor p50",
            measured: ratio(measured.script.p50, floor),
            most: SCRIPT_P50,
        },
        Bar {
            what: "script tool, p99 / floor p50",
            measured: ratio(measured.script.p99, floor),
            most: SCRIPT_P99,
        },
        Bar {
            what: "MiB resident while calls wait",
            measured: mebibytes,
            most: WAITING_MEBIBYTES,
        },
    ]
}
