//! Compiling third-party components in a separate process.

use std::sync::Arc;
use std::time::{Duration, Instant};

use toolhost::capability::memory::MemoryEngine;
use toolhost::grant::Grants;
use toolhost::host::ToolHost;
use toolhost::registry::{CompileError, Compiler, CompilerProgram, ComponentSource, LoadError};

use crate::guests;

/// How the program is asked to be the compiler.
const SUBCOMMAND: &str = "compile-component";

fn host(program: CompilerProgram) -> ToolHost {
    ToolHost::builder()
        .jobs(Arc::new(MemoryEngine::new()))
        .max_calls(2)
        .compiler(Compiler::Program(program))
        .build()
        .unwrap()
}

fn own() -> CompilerProgram {
    CompilerProgram::new(env!("CARGO_BIN_EXE_toolhost"), [SUBCOMMAND])
}

/// A shell that does this in the compiler's place.
fn shell(script: &str) -> CompilerProgram {
    let script = script.replace(
        "COMPILER",
        &format!("'{}' {SUBCOMMAND}", env!("CARGO_BIN_EXE_toolhost")),
    );
    CompilerProgram::new("/bin/sh", ["-c".to_owned(), script])
}

async fn failure(program: CompilerProgram) -> CompileError {
    let host = host(program);
    let bytes = guests::bytes("guest-misbehave");
    let loaded = host
        .load(ComponentSource::named(bytes, "a file"), |_| Grants::all())
        .await;
    match loaded.unwrap_err() {
        LoadError::NotCompiled { source, .. } => source,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_component_that_another_process_compiled_is_called_like_any_other() {
    let host = host(own());
    guests::load(&host, "guest-empty", Grants::all()).await;
    let request = toolhost::host::CallRequest::new(
        "empty".parse().unwrap(),
        serde_json::json!({"host_calls": 6}),
        toolhost::host::ExecutionId::new("7"),
        toolhost::host::StepName::new("s"),
    );
    assert!(host.call(request).await.unwrap().is_completed());
}

#[tokio::test]
async fn a_component_that_the_compiler_rejects_is_not_a_component() {
    let host = host(own());
    let text = "(component (core module (memory 1 1 shared)))";
    let bytes = wat::parse_str(text).unwrap();
    let loaded = host.load(ComponentSource::named(bytes, "a file"), |_| Grants::all());
    let error = loaded.await.unwrap_err();
    assert!(
        matches!(error, LoadError::NotAComponent { .. }),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_compiler_that_does_not_end_is_killed_at_its_deadline() {
    let folder = tempfile::tempdir().unwrap();
    let pid = folder.path().join("pid");
    let script = format!("echo $$ > '{}'; exec sleep 600", pid.display());
    let start = Instant::now();
    let error = failure(shell(&script).wall_time(Duration::from_millis(500))).await;
    assert!(matches!(error, CompileError::TooSlow(_)), "{error:?}");
    assert!(start.elapsed() < Duration::from_mins(1));
    assert!(!guests::is_running(&std::fs::read_to_string(pid).unwrap()));
}

#[tokio::test]
async fn a_compiler_that_uses_up_its_processor_time_or_memory_says_so() {
    let error = failure(shell("ulimit -S -t 1; while :; do :; done")).await;
    assert!(matches!(error, CompileError::TooSlow(_)), "{error:?}");
    // 8 MB of memory, of which the program itself takes some.
    let error = failure(shell(
        "ulimit -d 8000; export RAYON_NUM_THREADS=1; exec COMPILER",
    ))
    .await;
    assert!(matches!(error, CompileError::TooMuchMemory(_)), "{error:?}");
}

#[tokio::test]
async fn failures_of_the_compiler_are_distinguished() {
    let error = failure(CompilerProgram::new("/nowhere/compiler", [SUBCOMMAND])).await;
    assert!(matches!(error, CompileError::Unavailable(_)), "{error:?}");
    let error = failure(shell("echo the disk is on fire >&2; exit 3")).await;
    assert!(error.to_string().contains("the disk is on fire"), "{error}");
    let error = failure(shell("kill -SEGV $$")).await;
    assert!(matches!(error, CompileError::Broken(_)), "{error:?}");
    let error = failure(shell("cat >/dev/null; echo this is not code")).await;
    assert!(matches!(error, CompileError::NotRunnable(_)), "{error:?}");
    let error = failure(shell("exec cat /dev/zero >&2")).await;
    assert!(matches!(error, CompileError::Broken(_)), "{error:?}");
}

/// The compiler's descriptors are those of its standard streams, and it cannot have more.
#[test]
fn the_compiler_can_open_no_file_and_no_socket() {
    use std::io::Write as _;
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_toolhost"))
        .arg(SUBCOMMAND)
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let limits = format!("/proc/{}/limits", child.id());
    let limit = |name: &str| {
        let text = std::fs::read_to_string(&limits).unwrap();
        let line = text.lines().find(|line| line.starts_with(name)).unwrap();
        let fields: Vec<_> = line[name.len()..].split_whitespace().collect();
        (fields[0].to_owned(), fields[1].to_owned())
    };
    // It waits for the first byte, with its limits in place once they are.
    let is_set = || limit("Max open files").1 == "3";
    while !is_set() {
        std::thread::yield_now();
    }
    let same = |limit: &str| (limit.to_owned(), limit.to_owned());
    assert_eq!(limit("Max open files"), same("3"));
    assert_eq!(limit("Max file size"), same("0"));
    assert_eq!(limit("Max core file size"), same("0"));
    assert_eq!(limit("Max data size"), same(&(2_u64 << 30).to_string()));
    assert_eq!(limit("Max cpu time").0, "60");
    input.write_all(b"A").unwrap();
    input
        .write_all(&wat::parse_str("(component)").unwrap())
        .unwrap();
    drop(input);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    assert!(!output.stdout.is_empty());
}
