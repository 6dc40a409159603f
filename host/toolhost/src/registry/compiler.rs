//! Where components are compiled.

mod program;
mod worker;

use std::sync::Arc;
use std::time::Duration;

use wasmtime::component::Component;

pub use program::CompilerProgram;
pub use worker::{WorkerError, compile_standard_input};

use super::structure::{self, StructureError};
use crate::engine::ToolEngine;

/// Where components are compiled that are not this library's own.
///
/// A compiler is a large program that reads what a stranger wrote, and some inputs of a few hundred kilobytes take it
/// minutes or gigabytes. The structure of a component is checked first, in either case, which keeps out what is
/// known to be so; a process of its own bounds everything else.
#[derive(Debug, Clone, Default)]
pub enum Compiler {
    /// On a thread of this process. A component that passes the check of its structure, and takes long all the same,
    /// cannot be stopped.
    #[default]
    InProcess,
    /// In a process of its own with limits on memory and time, which is killed at a deadline.
    Program(CompilerProgram),
}

/// Why a component was not compiled.
#[derive(Debug, thiserror::Error)]
pub enum CompileError {
    /// Its structure says that it would cost too much.
    #[error(transparent)]
    Structure(StructureError),
    /// It is no component, or one with features that this host does not have.
    #[error("the compiler refuses it")]
    Refused(#[source] wasmtime::Error),
    /// What it compiles to does not fit this host.
    #[error("this host cannot run it")]
    NotRunnable(#[source] wasmtime::Error),
    /// It takes too long.
    #[error("it takes more than {} ms to compile", .0.as_millis())]
    TooSlow(Duration),
    /// It takes too much memory.
    #[error("it takes more than {} MiB of memory to compile", .0 >> 20)]
    TooMuchMemory(u64),
    /// It comes to too much.
    #[error("it compiles to more than {} MiB", .0 >> 20)]
    TooLarge(u64),
    /// The compiler broke off.
    #[error("the compiler broke off: {0}")]
    Broken(String),
    /// The compiler cannot be started, or be spoken with.
    #[error("cannot run the compiler")]
    Unavailable(#[source] std::io::Error),
}

impl Compiler {
    /// Compiles what somebody else wrote.
    ///
    /// # Errors
    ///
    /// [`CompileError`].
    ///
    /// # Cancel safety
    ///
    /// Safe; a process is killed.
    pub(super) async fn compile(
        &self,
        engine: &ToolEngine,
        bytes: Arc<[u8]>,
    ) -> Result<Component, CompileError> {
        let checked = Arc::clone(&bytes);
        blocking(move || structure::check(&checked).map_err(CompileError::Structure)).await?;
        match self {
            Self::InProcess => compile_in_process(engine, bytes).await,
            Self::Program(program) => program.compile(engine, &bytes).await,
        }
    }
}

/// Compiles on a thread, which other calls do not wait for.
pub(super) async fn compile_in_process(
    engine: &ToolEngine,
    bytes: Arc<[u8]>,
) -> Result<Component, CompileError> {
    let engine = engine.wasmtime().clone();
    blocking(move || Component::from_binary(&engine, &bytes).map_err(CompileError::Refused)).await
}

/// Does what takes from milliseconds to seconds, and what may panic.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, CompileError> + Send + 'static,
) -> Result<T, CompileError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(CompileError::Broken(error.to_string())))
}
