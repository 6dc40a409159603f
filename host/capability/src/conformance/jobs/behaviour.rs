use std::time::Duration;

/// The behavior of a program of the suite. A program that does nothing else exits with code 0.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Behaviour {
    /// Exits with this code.
    Exit(i32),
    /// Writes the text to standard output, and nothing else.
    Print(String),
    /// Writes the text to standard error, and nothing else.
    PrintError(String),
    /// Writes this number of bytes: [`printed_bytes`].
    PrintBytes(usize),
    /// Writes the value of this environment variable, and nothing else.
    PrintVariable(String),
    /// Writes its first argument, which is `$(NOETL_ARGS)`, and nothing else.
    PrintArguments,
    /// Writes the content of the file that `NOETL_ARGS_FILE` names.
    PrintArgumentsFile,
    /// Waits for this time.
    Sleep(Duration),
    /// Waits until it is ended.
    SleepForever,
    /// Ignores SIGTERM from now on.
    IgnoreTermination,
    /// Uses this number of bytes of memory.
    Allocate(u64),
    /// Does these one after the other.
    Sequence(Vec<Behaviour>),
    /// Does one in each attempt, and the last one again in every further attempt.
    Attempts(Vec<Behaviour>),
    /// Fails immediately in each attempt, so that most of its time is spent in delays between attempts.
    FailAndBackOff,
}

/// Returns what [`Behaviour::PrintBytes`] writes: lines of sixteen bytes, the last one truncated.
#[must_use]
pub fn printed_bytes(count: usize) -> Vec<u8> {
    let line = format!("{PRINTED_LINE}\n").into_bytes();
    line.into_iter().cycle().take(count).collect()
}

pub(super) const PRINTED_LINE: &str = "0123456789abcde";
