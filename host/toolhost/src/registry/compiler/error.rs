use std::time::Duration;

use crate::registry::structure::StructureError;

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
