use std::ffi::OsString;
use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};
use tokio::sync::Semaphore;
use wasmtime::component::Component;

use super::error::CompileError;
use super::thread::blocking;
use super::worker::{EXIT_REFUSED, MEMORY_BYTES};
use crate::engine::ToolEngine;
use crate::registry::cache;
use crate::registry::fault::ComponentFault;

/// A program that compiles its input: one that calls
/// [`compile_standard_input`](super::compile_standard_input) and nothing else.
///
/// This process executes its output, so it must be a trusted program.
#[derive(Debug, Clone)]
pub struct CompilerProgram {
    program: PathBuf,
    arguments: Vec<OsString>,
    wall_time: Duration,
}

/// This process's own program, even if the file that it was started from has been replaced since.
const OWN_PROGRAM: &str = "/proc/self/exe";
/// The default time limit for compiling: twice the CPU time limit of the process, since the machine may be
/// busy.
const DEFAULT_WALL_TIME: Duration = Duration::from_mins(2);
/// The maximum size of compiled code. An interpreter compiles to about 100 MB.
const MAX_CODE_BYTES: u64 = 512 << 20;
/// The maximum size of the compiler's error message that is read.
const MAX_SAID_BYTES: u64 = 4 << 10;
/// The maximum number of concurrent compilations: each may use [`MEMORY_BYTES`] of memory.
static AT_ONCE: Semaphore = Semaphore::const_new(2);
/// The message of the standard library when memory is exhausted.
const NO_MEMORY_TEXT: &str = "memory allocation of";

impl CompilerProgram {
    /// The program at `program`, called with `arguments`, without anything of this process's environment.
    #[must_use]
    pub fn new(
        program: impl Into<PathBuf>,
        arguments: impl IntoIterator<Item = impl Into<OsString>>,
    ) -> Self {
        Self {
            program: program.into(),
            arguments: arguments.into_iter().map(Into::into).collect(),
            wall_time: DEFAULT_WALL_TIME,
        }
    }

    /// The time limit for compiling, after which it is killed; two minutes by default. Memory and CPU time
    /// are limited by the program itself.
    #[must_use]
    pub fn wall_time(mut self, wall_time: Duration) -> Self {
        self.wall_time = wall_time;
        self
    }

    /// The program that this process runs, called with `arguments`.
    #[must_use]
    pub fn own(arguments: impl IntoIterator<Item = impl Into<OsString>>) -> Self {
        Self::new(OWN_PROGRAM, arguments)
    }

    /// Compiles a component in a process that is killed when the future is dropped.
    pub(super) async fn compile(
        &self,
        engine: &ToolEngine,
        bytes: &[u8],
    ) -> Result<Component, CompileError> {
        let _permit = AT_ONCE.acquire().await;
        let mut child = self.start().map_err(CompileError::Unavailable)?;
        let header = [engine.address_space().as_byte()];
        let conversing = converse(&mut child, header, bytes);
        let compiling = tokio::time::timeout(self.wall_time, conversing).await;
        let Ok(conversation) = compiling else {
            // Reaped as well, so that nothing of the process remains when this returns.
            child.kill().await.map_err(CompileError::Unavailable)?;
            return Err(CompileError::TooSlow(self.wall_time));
        };
        let (status, code, said) = conversation.map_err(CompileError::Unavailable)?;
        if code.len() as u64 > MAX_CODE_BYTES {
            return Err(CompileError::TooLarge(MAX_CODE_BYTES));
        }
        if !status.success() {
            return Err(refusal(status, &said));
        }
        let engine = engine.wasmtime().clone();
        blocking(move || {
            cache::load_from_own_compiler(&engine, &code)
                .map_err(|error| CompileError::NotRunnable(ComponentFault::new(error)))
        })
        .await
    }

    fn start(&self) -> io::Result<Child> {
        Command::new(&self.program)
            .args(&self.arguments)
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
    }
}

/// Passes the component to the process, and returns its exit status, its output, and its error message.
async fn converse(
    child: &mut Child,
    header: [u8; 1],
    bytes: &[u8],
) -> io::Result<(ExitStatus, Vec<u8>, String)> {
    let (input, output, errors) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let ask = async {
        if let Some(mut input) = input {
            // A process that ended before it read everything reports the cause elsewhere.
            let _unread = async {
                input.write_all(&header).await?;
                input.write_all(bytes).await
            }
            .await;
        }
    };
    // One byte more than allowed shows that there is more; the process then finds its pipe closed.
    let code = read(output, MAX_CODE_BYTES + 1);
    let said = read(errors, MAX_SAID_BYTES);
    let ((), code, said) = tokio::join!(ask, code, said);
    let status = child.wait().await?;
    Ok((status, code?, String::from_utf8_lossy(&said?).into_owned()))
}

async fn read(stream: Option<impl AsyncRead + Unpin>, limit: u64) -> io::Result<Vec<u8>> {
    let mut read = Vec::new();
    if let Some(stream) = stream {
        stream.take(limit).read_to_end(&mut read).await?;
    }
    Ok(read)
}

fn refusal(status: ExitStatus, said: &str) -> CompileError {
    let said = said.trim();
    if status.code() == Some(EXIT_REFUSED) {
        return CompileError::Refused(ComponentFault::new(said));
    }
    if said.contains(NO_MEMORY_TEXT) {
        return CompileError::TooMuchMemory(MEMORY_BYTES);
    }
    if status.signal() == Some(rustix::process::Signal::XCPU.as_raw()) {
        return CompileError::TooSlow(super::worker::CPU_TIME);
    }
    let separator = if said.is_empty() { "" } else { ": " };
    CompileError::Broken(format!("{status}{separator}{said}"))
}
