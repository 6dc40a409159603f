//! The compiling process.

use std::io::{self, Read, Write};
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::engine::AddressSpace;
use crate::registry::bounds::MAX_COMPONENT_BYTES;

/// The memory limit of the process, without memory that is only reserved. A component with a Python
/// interpreter takes 400 MB with two processors; more processors compile more functions concurrently.
pub(super) const MEMORY_BYTES: u64 = 2 << 30;
/// The CPU time limit, of all threads together. A component with a Python interpreter takes 20 s
/// in a build without optimization.
pub(super) const CPU_TIME: Duration = Duration::from_mins(1);
/// The additional time after that limit; the process does not catch the signal, so it is never used.
const CPU_GRACE_SECONDS: u64 = 1;
/// The exit code of a worker whose input is not a component.
pub(super) const EXIT_REFUSED: i32 = 65;
/// The limit of file descriptors: those of its standard streams. It can therefore open no file and no
/// socket.
const FILE_DESCRIPTORS: u64 = 3;

/// Why nothing was compiled.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WorkerError {
    /// The limits cannot be set, or the streams cannot be used.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It was called with settings that it does not know.
    #[error("the calling host has another version")]
    Unknown,
    /// The input is not a component, with the reason.
    #[error("{0}")]
    Refused(String),
}

impl WorkerError {
    /// The exit code, with which the calling host distinguishes the errors.
    #[must_use]
    pub fn exit_code(&self) -> i32 {
        match self {
            Self::Refused(_) => EXIT_REFUSED,
            Self::Io(_) | Self::Unknown => 1,
        }
    }
}

/// Compiles the component on standard input and writes the code to standard output, within limits that this process
/// sets for itself before it reads a byte.
///
/// Only for a program that does nothing else: the limits stay in effect. See
/// [`CompilerProgram`](super::CompilerProgram).
///
/// # Errors
///
/// [`WorkerError`], which the caller should write to standard error.
pub fn compile_standard_input() -> Result<(), WorkerError> {
    set_limits()?;
    let mut input = io::stdin().lock();
    let mut header = [0; 1];
    input.read_exact(&mut header)?;
    let space = AddressSpace::from_byte(header).ok_or(WorkerError::Unknown)?;
    let mut bytes = Vec::new();
    input.take(MAX_COMPONENT_BYTES).read_to_end(&mut bytes)?;
    let engine = space
        .compiling_engine()
        .map_err(|error| WorkerError::Io(io::Error::other(error)))?;
    let code = engine
        .precompile_component(&bytes)
        .map_err(|error| WorkerError::Refused(format!("{error:#}")))?;
    let mut output = io::stdout().lock();
    output.write_all(&code)?;
    output.flush()?;
    Ok(())
}

fn set_limits() -> io::Result<()> {
    let cpu_seconds = CPU_TIME.as_secs();
    for (resource, limit, hard_limit) in [
        (Resource::Data, MEMORY_BYTES, MEMORY_BYTES),
        // At the soft limit the kernel sends SIGXCPU, which identifies the cause; at the hard limit SIGKILL,
        // which does not.
        (Resource::Cpu, cpu_seconds, cpu_seconds + CPU_GRACE_SECONDS),
        (Resource::Core, 0, 0),
        (Resource::Fsize, 0, 0),
        (Resource::Nofile, FILE_DESCRIPTORS, FILE_DESCRIPTORS),
    ] {
        // The parent of the host may have set a lower limit, which cannot be raised.
        let most = getrlimit(resource).maximum.unwrap_or(u64::MAX);
        let limit = Rlimit {
            current: Some(limit.min(most)),
            maximum: Some(hard_limit.min(most)),
        };
        setrlimit(resource, limit)?;
    }
    Ok(())
}
