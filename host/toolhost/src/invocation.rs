//! One call of a guest: a fresh store, an instance, and the end of both.

use std::sync::Arc;
use std::time::Duration;

use wasmtime::component::{Component, Linker};
use wasmtime::{Store, Trap};
use wasmtime_wasi::I32Exit;

use crate::abi::v0_1::{CallState, CpuBudgetExhausted, Tool, ToolError, ToolPre};
use crate::engine::ToolEngine;
use crate::limits::Limits;
use crate::scope::CallScope;

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

/// The result of an invocation.
#[derive(Debug)]
pub(crate) struct Invocation {
    /// The guest's result.
    pub result: Result<String, GuestFault>,
    /// The computation time of the guest, to a tick.
    pub cpu_time: Duration,
}

/// The message of wasmtime if a guest passes too much at once; the type is private to wasmtime.
const MESSAGE_LIMIT_TEXT: &str = "fuel allocated for hostcalls has been exhausted";
/// The message of wasmtime if a limiter forces a trap.
const GROW_LIMIT_TEXT: &str = "forcing trap when growing";
/// The message of wasmtime if there are too many handles.
const HANDLE_LIMIT_TEXT: &str = "handles";
/// The maximum length of a guest's last output that is quoted.
const MAX_QUOTED_BYTES: usize = 2 << 10;

/// Calls a tool's `invoke` in a new store.
///
/// # Cancel safety
///
/// Dropping the future ends the guest immediately. What it created belongs to the scope.
pub(crate) async fn invoke(
    engine: &ToolEngine,
    tool: &ToolPre,
    scope: &Arc<CallScope>,
    config: &str,
) -> Invocation {
    let mut store = CallState::new(Arc::clone(scope)).into_store(engine);
    let context = [
        ("execution-id", scope.context.execution_id.as_str()),
        ("step", scope.context.step.as_str()),
        ("engine", scope.engine_name()),
    ];
    let context: Vec<_> = context
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let guest = async {
        match tool.instantiate_async(&mut store).await {
            Ok(instance) => {
                let handler = instance.noetl_tool_handler();
                let answer = handler.call_invoke(&mut store, config, &context).await;
                answer
                    .map_err(|error| fault(&error, &store))
                    .and_then(|answer| answer.map_err(GuestFault::Refused))
            }
            Err(error) => Err(fault_at_start(error, &store)),
        }
    };
    let result = engine.ticking(guest).await;
    let cpu_time = store.data().cpu_time();
    Invocation { result, cpu_time }
}

/// Calls a component's `describe`, with no capability linked.
///
/// # Errors
///
/// Those of the guest, and [`GuestFault::NotStarted`] if it lacks an export of a tool.
pub(crate) async fn describe(
    engine: &ToolEngine,
    component: &Component,
    linker: &Linker<CallState>,
    scope: Arc<CallScope>,
) -> Result<String, GuestFault> {
    let mut store = CallState::new(scope).into_store(engine);
    let guest = async {
        let tool = match Tool::instantiate_async(&mut store, component, linker).await {
            Ok(tool) => tool,
            Err(error) => return Err(fault_at_start(error, &store)),
        };
        let described = tool.noetl_tool_handler().call_describe(&mut store).await;
        described.map_err(|error| fault(&error, &store))
    };
    engine.ticking(guest).await
}

fn fault_at_start(error: wasmtime::Error, store: &Store<CallState>) -> GuestFault {
    let is_guest = error.downcast_ref::<Trap>().is_some()
        || error.downcast_ref::<CpuBudgetExhausted>().is_some()
        || error.root_cause().to_string().contains(GROW_LIMIT_TEXT);
    if is_guest {
        fault(&error, store)
    } else {
        GuestFault::NotStarted(error)
    }
}

fn fault(error: &wasmtime::Error, store: &Store<CallState>) -> GuestFault {
    let state = store.data();
    match limit_of(error, state.limits()) {
        Some(what) => GuestFault::LimitExceeded { what },
        None => GuestFault::BrokeOff {
            cause: cause_of(error, &state.stderr()),
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

fn cause_of(error: &wasmtime::Error, stderr: &str) -> String {
    let exit = error
        .downcast_ref::<I32Exit>()
        .map(|exit| format!("it exited with code {}", exit.0));
    let trap = error.downcast_ref::<Trap>().map(ToString::to_string);
    let cause = exit
        .or(trap)
        .unwrap_or_else(|| error.root_cause().to_string());
    let said = stderr.trim();
    if said.is_empty() {
        return cause;
    }
    let start = said.ceil_char_boundary(said.len().saturating_sub(MAX_QUOTED_BYTES));
    format!(
        "{cause}; its message: {}",
        said.get(start..).unwrap_or_default()
    )
}
