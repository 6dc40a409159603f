//! The time and the memory of a process and of those that it starts.

use std::io::Read;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// How a process ended, and what it took.
pub(crate) struct Run {
    pub(crate) status: Option<ExitStatus>,
    pub(crate) time: Duration,
    /// The largest resident memory of any one process.
    pub(crate) memory_bytes: u64,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// How often the memory is looked at. The kernel keeps the largest amount, so that what grows and shrinks in between is
/// seen; only what grows in the last moments is not.
const INTERVAL: Duration = Duration::from_millis(2);
/// How much of its output is kept.
const KEPT_BYTES: u64 = 4 << 20;

/// Runs a command to its end, or kills it after `longest`.
pub(crate) fn run(command: &mut Command, longest: Duration) -> Run {
    let start = Instant::now();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    thread::scope(|scope| {
        let stdout = scope.spawn(|| read(stdout.unwrap()));
        let stderr = scope.spawn(|| read(stderr.unwrap()));
        let (status, memory_bytes) = watch(&mut child, start + longest);
        Run {
            status,
            time: start.elapsed(),
            memory_bytes,
            stdout: stdout.join().unwrap(),
            stderr: stderr.join().unwrap(),
        }
    })
}

fn watch(child: &mut Child, end: Instant) -> (Option<ExitStatus>, u64) {
    let mut memory_bytes = 0;
    loop {
        if runs_its_own_program(child.id()) {
            memory_bytes = largest(child.id()).max(memory_bytes);
        }
        if let Some(status) = child.try_wait().unwrap() {
            return (Some(status), memory_bytes);
        }
        if Instant::now() > end {
            child.kill().unwrap();
            child.wait().unwrap();
            return (None, memory_bytes);
        }
        thread::sleep(INTERVAL);
    }
}

/// Whether a process that this one started has its own memory. Linux resumes the parent of a `vfork` before the child
/// has left the parent's memory (`exec_mmap` of 6.x), which holds the inputs of the cases.
fn runs_its_own_program(process: u32) -> bool {
    let program = |process: &str| std::fs::read_link(format!("/proc/{process}/exe")).ok();
    program(&process.to_string()) != program("self")
}

/// The largest amount of resident memory that a process, or one that it started, has had.
fn largest(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    let own = kilobytes.unwrap_or(0) << 10;
    let tasks = std::fs::read_dir(format!("/proc/{process}/task"));
    let started = tasks.into_iter().flatten().flatten().flat_map(|task| {
        let children = std::fs::read_to_string(task.path().join("children")).unwrap_or_default();
        let children = children.split_whitespace().filter_map(|id| id.parse().ok());
        children.collect::<Vec<u32>>()
    });
    started.map(largest).fold(own, u64::max)
}

fn read(mut stream: impl Read) -> String {
    let mut kept = Vec::new();
    stream
        .by_ref()
        .take(KEPT_BYTES)
        .read_to_end(&mut kept)
        .unwrap();
    std::io::copy(&mut stream, &mut std::io::sink()).unwrap();
    String::from_utf8_lossy(&kept).into_owned()
}
