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
pub use worker::{WorkerError, compile_standard_input};

use thread::blocking;

use super::cache::ComponentCache;
use super::structure;
use crate::digest::Digest;
use crate::engine::ToolEngine;

/// Where third-party components are compiled.
///
/// A compiler is a large program that processes untrusted input, and some inputs of a few hundred kilobytes
/// take it minutes or gigabytes. The structure of a component is checked first, in either case, which rejects
/// inputs that are known to be expensive; a separate process bounds everything else.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub enum Compiler {
    /// On a thread of this process. A component that passes the check of its structure but still takes long
    /// cannot be stopped.
    #[default]
    InProcess,
    /// In a separate process with limits on memory and time, which is killed at a deadline.
    Program(CompilerProgram),
}

impl Compiler {
    /// Compiles a third-party component.
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
        blocking(move || Ok(structure::check(&checked)?)).await?;
        match self {
            Self::InProcess => compile_in_process(engine, bytes).await,
            Self::Program(program) => program.compile(engine, &bytes).await,
        }
    }
}

/// Stores a compiled component in the cache.
pub(super) fn keep(
    cache: &ComponentCache,
    engine: &ToolEngine,
    digest: Digest,
    component: &Component,
) {
    cache.store(engine.wasmtime(), digest, component);
}
