use std::sync::Arc;

use wasmtime::Store;
use wasmtime::component::{Component, Linker};

use super::bindings::Tool;
use super::bindings::noetl::tool::types::Error;
use super::state::CallState;
use super::{ToolPre, add_to_linker};
use crate::abi::invocation::{self, GuestFault, Invocation, ToolError};
use crate::abi::stubs;
use crate::engine::ToolEngine;
use crate::grant::Grants;
use crate::scope::CallScope;

/// Links a component; see [`ToolPre::link`](crate::abi::ToolPre::link).
pub(in crate::abi) fn link(
    engine: &ToolEngine,
    component: &Component,
    grants: &Grants,
) -> wasmtime::Result<ToolPre> {
    let linker = linker(engine, component, grants)?;
    ToolPre::new(linker.instantiate_pre(component)?)
}

/// Calls `invoke`; see [`ToolPre::invoke`](crate::abi::ToolPre::invoke).
pub(in crate::abi) async fn invoke(
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
                    .map_err(|error| in_call(&error, &store))
                    .and_then(|answer| answer.map_err(|error| GuestFault::Refused(error.into())))
            }
            Err(error) => Err(at_start(error, &store)),
        }
    };
    let result = engine.ticking(guest).await;
    let cpu_time = store.data().cpu_time();
    Invocation { result, cpu_time }
}

/// Calls `describe`; see [`describe`](crate::abi::describe).
pub(in crate::abi) async fn describe(
    engine: &ToolEngine,
    component: &Component,
    scope: Arc<CallScope>,
) -> Result<String, GuestFault> {
    let linker = linker(engine, component, &Grants::all()).map_err(GuestFault::NotStarted)?;
    let mut store = CallState::new(scope).into_store(engine);
    let guest = async {
        let tool = match Tool::instantiate_async(&mut store, component, &linker).await {
            Ok(tool) => tool,
            Err(error) => return Err(at_start(error, &store)),
        };
        let described = tool.noetl_tool_handler().call_describe(&mut store).await;
        described.map_err(|error| in_call(&error, &store))
    };
    engine.ticking(guest).await
}

fn linker(
    engine: &ToolEngine,
    component: &Component,
    grants: &Grants,
) -> wasmtime::Result<Linker<CallState>> {
    let mut linker = Linker::new(engine.wasmtime());
    add_to_linker(&mut linker, grants)?;
    stubs::define(&mut linker, component)?;
    Ok(linker)
}

fn at_start(error: wasmtime::Error, store: &Store<CallState>) -> GuestFault {
    let state = store.data();
    invocation::at_start(error, state.limits(), &state.printed())
}

fn in_call(error: &wasmtime::Error, store: &Store<CallState>) -> GuestFault {
    let state = store.data();
    invocation::in_call(error, state.limits(), &state.printed())
}

impl From<Error> for ToolError {
    fn from(error: Error) -> Self {
        let Error {
            code,
            message,
            details,
            retryable,
        } = error;
        Self {
            code,
            message,
            details,
            retryable,
        }
    }
}
