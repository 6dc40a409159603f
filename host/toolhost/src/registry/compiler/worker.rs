//! The other end: the process that compiles.

use std::io::{self, Read, Write};
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::engine::AddressSpace;

/// The largest component; one that brings a Python interpreter has 18 MB.
pub const MAX_COMPONENT_BYTES: u64 = 64 << 20;
/// The most memory of the process, without what is only reserved. A component with a Python interpreter takes 400 MB
/// with two processors; more processors compile more functions at once.
pub(super) const MEMORY_BYTES: u64 = 2 << 30;
/// The most processor time, of all threads together. A component with a Python interpreter takes 20 s in a build
/// without optimization.
pub(super) const CPU_TIME: Duration = Duration::from_mins(1);
/// How long it may go on after that; it does not catch the signal, so it never does.
const CPU_GRACE_SECONDS: u64 = 1;
/// How a worker exits that was handed no component.
pub(super) const EXIT_REFUSED: i32 = 65;
/// How many file descriptors it has: those of its standard streams. With these there is no file that it could open,
/// and no socket.
const FILE_DESCRIPTORS: u64 = 3;

/// Why nothing was compiled.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// The limits cannot be set, or the streams be used.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It was asked for settings that it does not know.
    #[error("the host that asks is of another version")]
    Unknown,
    /// What it was handed is no component, with the reason.
    #[error("{0}")]
    Refused(String),
}

impl WorkerError {
    /// The code to exit with, by which the host that asked tells one from the other.
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
/// For a program of its own, which does nothing else: the limits stay. See
/// [`CompilerProgram`](super::CompilerProgram).
///
/// # Errors
///
/// [`WorkerError`], which is to be written to standard error.
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
        // At the first the kernel sends SIGXCPU, which says why; at the second SIGKILL, which does not.
        (Resource::Cpu, cpu_seconds, cpu_seconds + CPU_GRACE_SECONDS),
        (Resource::Core, 0, 0),
        (Resource::Fsize, 0, 0),
        (Resource::Nofile, FILE_DESCRIPTORS, FILE_DESCRIPTORS),
    ] {
        // Whoever started the host may have set a lower one, which cannot be raised.
        let most = getrlimit(resource).maximum.unwrap_or(u64::MAX);
        let limit = Rlimit {
            current: Some(limit.min(most)),
            maximum: Some(hard_limit.min(most)),
        };
        setrlimit(resource, limit)?;
    }
    Ok(())
}
