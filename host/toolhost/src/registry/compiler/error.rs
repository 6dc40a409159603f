use std::time::Duration;

use crate::registry::structure::StructureError;

/// Why a component was not compiled.
#[derive(Debug, thiserror::Error)]
pub enum CompileError {
    /// Its structure would cost too much.
    #[error(transparent)]
    Structure(StructureError),
    /// It is not a component, or has features that this host does not support.
    #[error("the compiler rejects it")]
    Refused(#[source] wasmtime::Error),
    /// The compiled code does not fit this host.
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
    #[error("the compiler failed: {0}")]
    Broken(String),
    /// The compiler cannot be started, or communication with it fails.
    #[error("cannot run the compiler")]
    Unavailable(#[source] std::io::Error),
}

impl CompileError {
    /// The cause, if the bytes are not a component at all; otherwise the error itself.
    pub(in crate::registry) fn not_a_component(self) -> Result<wasmtime::Error, Self> {
        match self {
            Self::Refused(source) => Ok(source),
            Self::Structure(StructureError::Malformed(error)) => Ok(wasmtime::Error::new(error)),
            error => Err(error),
        }
    }
}
