use std::sync::Arc;

use wasmtime::component::Component;

use super::error::CompileError;
use crate::engine::ToolEngine;
use crate::registry::fault::ComponentFault;

/// Compiles on a thread that other calls do not wait for.
pub(crate) async fn compile_in_process(
    engine: &ToolEngine,
    bytes: Arc<[u8]>,
) -> Result<Component, CompileError> {
    let engine = engine.wasmtime().clone();
    blocking(move || {
        Component::from_binary(&engine, &bytes)
            .map_err(|error| CompileError::Refused(ComponentFault::new(error)))
    })
    .await
}

/// Runs a task that takes milliseconds to seconds, and that may panic.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, CompileError> + Send + 'static,
) -> Result<T, CompileError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(CompileError::Broken(error.to_string())))
}
