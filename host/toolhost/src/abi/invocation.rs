//! How a guest ended, whichever version of the interface it has.

use std::time::Duration;

use wasmtime::Trap;
use wasmtime_wasi::I32Exit;

use super::meter::CpuBudgetExhausted;
use crate::limits::Limits;

/// The result of an invocation.
#[derive(Debug)]
pub(crate) struct Invocation {
    /// The guest's result.
    pub result: Result<String, GuestFault>,
    /// The computation time of the guest, to a tick.
    pub cpu_time: Duration,
}

/// An error that a tool returned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ToolError {
    /// A code, such as that of a [`Reason`](crate::capability::Reason).
    pub code: String,
    /// A sentence.
    pub message: String,
    /// More about it, by name: `hint` and `field` have a meaning to the host.
    pub details: Vec<(String, String)>,
    /// Whether another call may succeed.
    pub retryable: bool,
}

/// Why a guest returned no result.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GuestFault {
    /// It returned an error.
    #[error("{}", .0.message)]
    Refused(ToolError),
    /// It exceeded a limit.
    #[error("the tool exceeded its limits: {what}")]
    LimitExceeded {
        /// The exceeded limit.
        what: String,
    },
    /// It trapped, panicked or exited.
    #[error("the tool failed: {cause}")]
    BrokeOff {
        /// What happened, with the guest's last output.
        cause: String,
    },
    /// The instance could not be created.
    #[error("cannot start the tool")]
    NotStarted(#[source] wasmtime::Error),
}

/// The message of wasmtime if a guest passes too much at once; the type is private to wasmtime.
const MESSAGE_LIMIT_TEXT: &str = "fuel allocated for hostcalls has been exhausted";
/// The message of wasmtime if a limiter forces a trap.
const GROW_LIMIT_TEXT: &str = "forcing trap when growing";
/// The message of wasmtime if there are too many handles.
const HANDLE_LIMIT_TEXT: &str = "handles";
/// The maximum length of a guest's last output that is quoted.
const MAX_QUOTED_BYTES: usize = 2 << 10;

/// The fault of a guest while it was instantiated. `printed` is the end of what it printed.
pub(super) fn at_start(error: wasmtime::Error, limits: &Limits, printed: &str) -> GuestFault {
    let is_guest = error.downcast_ref::<Trap>().is_some()
        || error.downcast_ref::<CpuBudgetExhausted>().is_some()
        || error.root_cause().to_string().contains(GROW_LIMIT_TEXT);
    if is_guest {
        in_call(&error, limits, printed)
    } else {
        GuestFault::NotStarted(error)
    }
}

/// The fault of a guest that was called. `printed` is the end of what it printed.
pub(super) fn in_call(error: &wasmtime::Error, limits: &Limits, printed: &str) -> GuestFault {
    match limit_of(error, limits) {
        Some(what) => GuestFault::LimitExceeded { what },
        None => GuestFault::BrokeOff {
            cause: cause_of(error, printed),
        },
    }
}

/// The exceeded limit, if the error is one.
fn limit_of(error: &wasmtime::Error, limits: &Limits) -> Option<String> {
    if let Some(exhausted) = error.downcast_ref::<CpuBudgetExhausted>() {
        return Some(exhausted.to_string());
    }
    if let Some(Trap::StackOverflow) = error.downcast_ref::<Trap>() {
        return Some("its call stack is full".to_owned());
    }
    let root = error.root_cause().to_string();
    if root.contains(MESSAGE_LIMIT_TEXT) {
        let limit = limits.message_bytes;
        return Some(format!("it passed more than {limit} bytes at once"));
    }
    if root.contains(GROW_LIMIT_TEXT) {
        let limit = limits.memory_bytes;
        return Some(format!(
            "it requested more than its {limit} bytes of memory"
        ));
    }
    let is_handles = root.contains(HANDLE_LIMIT_TEXT) && root.contains("limit");
    is_handles.then(|| format!("it held more than {} handles", limits.handles))
}

fn cause_of(error: &wasmtime::Error, printed: &str) -> String {
    let exit = error
        .downcast_ref::<I32Exit>()
        .map(|exit| format!("it exited with code {}", exit.0));
    let trap = error.downcast_ref::<Trap>().map(ToString::to_string);
    let cause = exit
        .or(trap)
        .unwrap_or_else(|| error.root_cause().to_string());
    let said = printed.trim();
    if said.is_empty() {
        return cause;
    }
    let start = said.ceil_char_boundary(said.len().saturating_sub(MAX_QUOTED_BYTES));
    format!(
        "{cause}; its message: {}",
        said.get(start..).unwrap_or_default()
    )
}
