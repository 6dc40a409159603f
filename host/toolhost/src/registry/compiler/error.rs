use std::time::Duration;

use crate::registry::fault::ComponentFault;
use crate::registry::structure::StructureError;

/// Why a component was not compiled.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CompileError {
    /// Its structure would cost too much.
    #[error(transparent)]
    Structure(ComponentFault),
    /// It is not a component, or has features that this host does not support.
    #[error("the compiler rejects it")]
    Refused(#[source] ComponentFault),
    /// It is not WebAssembly at all.
    #[error("it cannot be parsed")]
    Malformed(#[source] ComponentFault),
    /// The compiled code does not fit this host.
    #[error("this host cannot run it")]
    NotRunnable(#[source] ComponentFault),
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
    pub(in crate::registry) fn not_a_component(self) -> Result<ComponentFault, Self> {
        match self {
            Self::Refused(source) | Self::Malformed(source) => Ok(source),
            error => Err(error),
        }
    }
}

impl From<StructureError> for CompileError {
    fn from(error: StructureError) -> Self {
        match error {
            StructureError::Malformed(source) => Self::Malformed(ComponentFault::new(source)),
            StructureError::TooMuch { .. } | StructureError::Unsupported(_) => {
                Self::Structure(ComponentFault::new(error))
            }
        }
    }
}
