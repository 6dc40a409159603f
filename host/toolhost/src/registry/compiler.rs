//! Where components are compiled.

mod error;
mod program;
mod thread;
mod worker;

use std::sync::Arc;

use wasmtime::component::Component;

pub use error::CompileError;
pub use program::CompilerProgram;
pub(super) use thread::compile_in_process;
pub use worker::{MAX_COMPONENT_BYTES, WorkerError, compile_standard_input};

use thread::blocking;

use super::structure;
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
