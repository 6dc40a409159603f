use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use secrecy::SecretString;
use serde_json::json;
use tempfile::TempDir;

use super::cgroup::Hierarchy;
use super::namespace::Namespaces;
use super::{LocalEngine, LocalSettings};
use crate::capability::conformance::jobs::observation::{
    Observed, observe, start, wait_until_gone,
};
use crate::capability::conformance::jobs::{self, Behaviour, Harness, Timing, shell_request};
use crate::capability::{
    AttemptEnd, CapabilityError, JobEventKind, JobRequest, JobRunner, JobStatus, LogSink, Reason,
    Script,
};

const BACKOFF_BASE: Duration = Duration::from_millis(10);

struct LocalHarness {
    engine: LocalEngine,
    scratch: TempDir,
}

impl LocalHarness {
    fn new() -> Self {
        Self::with(|_| {})
    }

    fn without_cgroups() -> Self {
        Self::with(|settings| settings.use_cgroups = false)
    }

    fn without_namespaces() -> Self {
        Self::with(|settings| settings.use_namespaces = false)
    }

    /// A system without permission to create groups or namespaces.
    fn bare() -> Self {
        Self::with(|settings| {
            settings.use_cgroups = false;
            settings.use_namespaces = false;
        })
    }

    /// One for each method of finding the processes of a script.
    fn all() -> [Self; 4] {
        [
            Self::new(),
            Self::without_cgroups(),
            Self::without_namespaces(),
            Self::bare(),
        ]
    }

    /// Returns the number of processes with its folder on their command line, as scripts have.
    fn processes(&self) -> usize {
        let folder = self.scratch.path().to_str().unwrap();
        let processes = fs::read_dir("/proc").unwrap().flatten();
        processes
            .filter_map(|process| fs::read(process.path().join("cmdline")).ok())
            .filter(|line| String::from_utf8_lossy(line).contains(folder))
            .count()
    }

    fn with(change: impl FnOnce(&mut LocalSettings)) -> Self {
        let scratch = tempfile::tempdir().unwrap();
        let mut settings = LocalSettings {
            work_directory: scratch.path().join("jobs"),
            search_path: std::env::var("PATH").unwrap(),
            backoff_base: BACKOFF_BASE,
            grace: Duration::from_millis(200),
            ..LocalSettings::default()
        };
        change(&mut settings);
        let engine = LocalEngine::new(settings);
        Self { engine, scratch }
    }

    /// Returns the existing directories of jobs.
    fn directories(&self) -> Vec<PathBuf> {
        let jobs = fs::read_dir(self.scratch.path().join("jobs"));
        let jobs = jobs.into_iter().flatten().flatten();
        jobs.map(|job| job.path()).collect()
    }

    async fn run(&self, script: &str) -> Observed {
        observe(self, shell(script)).await
    }

    async fn refusal(&self, request: JobRequest) -> CapabilityError {
        struct Silent;
        impl LogSink for Silent {
            fn write(&self, _: u32, _: &[u8]) {}
            fn end(&self, _: u32) {}
        }
        let refused = self.engine.create(request, Arc::new(Silent)).await;
        refused.unwrap_err()
    }
}

#[async_trait]
impl Harness for LocalHarness {
    fn runner(&self) -> &dyn JobRunner {
        &self.engine
    }

    fn timing(&self) -> Timing {
        Timing {
            patience: Duration::from_mins(1),
            unit: Duration::from_millis(500),
            first_backoff: BACKOFF_BASE,
            long_backoff: BACKOFF_BASE * 64,
        }
    }

    async fn request(&self, case: &str, behaviour: &Behaviour) -> JobRequest {
        let counter = self.scratch.path().join(case);
        let counter = counter.display();
        shell_request(
            case,
            behaviour,
            &format!("echo >> {counter}; wc -l < {counter}"),
        )
    }

    async fn is_running(&self, name: &str) -> bool {
        self.directories().iter().any(|directory| {
            let directory = directory.file_name().unwrap().to_string_lossy();
            // Twelve random letters follow the name.
            directory
                .strip_prefix(name)
                .is_some_and(|rest| rest.len() == 13)
        })
    }
}

/// A job that fails at most once and runs the script with `sh`.
fn shell(script: &str) -> JobRequest {
    let command = ["sh", "$(NOETL_SCRIPT)"].map(str::to_owned).to_vec();
    let mut request = JobRequest::new("job".parse().unwrap(), command);
    request.backoff_limit = 0;
    request.script = Some(Script {
        file_name: "main.sh".parse().unwrap(),
        content: Bytes::from(script.to_owned()),
    });
    request
}

fn log(observed: &Observed) -> String {
    String::from_utf8(observed.log(1)).unwrap()
}

fn attempt(observed: &Observed) -> AttemptEnd {
    let attempts = observed.attempts();
    assert_eq!(attempts.len(), 1);
    attempts[0].clone()
}

/// Whether jobs can have namespaces of their own here.
fn has_namespaces() -> bool {
    let Some(namespaces) = Namespaces::find() else {
        return false;
    };
    let Some(starting) = namespaces.begin().unwrap() else {
        return false;
    };
    let made = namespaces.finish(starting, Path::new("/")).unwrap();
    made.is_some()
}

/// Returns the number of existing groups of this host's jobs.
fn control_groups(job_directory: &Path) -> usize {
    let name = job_directory.file_name().unwrap().to_string_lossy();
    Hierarchy::find()
        .directories()
        .flat_map(|parent| fs::read_dir(parent).into_iter().flatten().flatten())
        .filter(|group| group.file_name().to_string_lossy().contains(&*name))
        .count()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_engine_conforms() {
    let harness = LocalHarness::new();
    jobs::run_all(&harness).await;
    assert_eq!(harness.directories(), Vec::<PathBuf>::new());
}

#[tokio::test]
async fn the_engine_conforms_without_control_groups() {
    let harness = LocalHarness::without_cgroups();
    jobs::run_all(&harness).await;
    assert_eq!(harness.directories(), Vec::<PathBuf>::new());
}

#[tokio::test]
async fn the_engine_conforms_without_namespaces() {
    for harness in [LocalHarness::without_namespaces(), LocalHarness::bare()] {
        jobs::run_all(&harness).await;
        assert_eq!(harness.directories(), Vec::<PathBuf>::new());
    }
}

#[tokio::test]
async fn the_line_that_the_interpreter_cannot_read_is_named() {
    let harness = LocalHarness::new();
    let observed = harness.run("echo a\nif true; then\n").await;
    let end = attempt(&observed);
    assert_eq!(end.reason(), Some(Reason::SyntaxError), "{end:?}");
    assert!(
        end.explanation
            .unwrap()
            .message
            .starts_with("could not be read by `sh`: line ")
    );
    assert_eq!(end.exit_code, Some(2));
}

/// Two grandchildren, one in a session of its own and elsewhere; all three ignore SIGTERM and keep the log open. It
/// continues when both are there.
const STUBBORN_FAMILY: &str = "\
trap '' TERM
sh -c ': > here; while :; do sleep 1; done' $0 &
setsid sh -c ': > there; cd /; while :; do sleep 1; done' $0 &
while [ ! -e here ] || [ ! -e there ]; do sleep 0.02; done
";
/// A grandchild that leaves every group, and has no identifying property.
const RUNAWAY: &str = "\
for group in /sys/fs/cgroup /sys/fs/cgroup/*; do
  echo $$ > $group/cgroup.procs
done 2>/dev/null
here=$PWD
env -i setsid sh -c 'cd /; : > $1; while :; do /bin/sleep 1; done' $0 $here/there &
while [ ! -e there ]; do sleep 0.02; done
";

#[tokio::test]
async fn the_whole_family_of_a_cancelled_script_is_killed() {
    for harness in LocalHarness::all() {
        let script = format!("{STUBBORN_FAMILY}echo ready; wait");
        let mut running = start(&harness, shell(&script)).await;
        running.wait_for_log(1, "ready").await;
        assert!(harness.processes() >= 3);
        running.handle.request_cancel();
        let observed = running.finish().await;
        assert_eq!(observed.end.status, JobStatus::Cancelled);
        assert_eq!(attempt(&observed).signal, Some(9));
        assert_eq!(harness.processes(), 0);
    }
}

#[tokio::test]
async fn processes_of_a_script_that_succeeded_are_killed() {
    for harness in LocalHarness::all() {
        let observed = harness.run(STUBBORN_FAMILY).await;
        assert_eq!(observed.end.status, JobStatus::Succeeded);
        assert_eq!(harness.processes(), 0);
    }
}

#[tokio::test]
async fn a_process_that_left_its_control_group_and_its_environment_is_killed() {
    if !has_namespaces() {
        return;
    }
    for harness in [LocalHarness::new(), LocalHarness::without_cgroups()] {
        let observed = harness.run(RUNAWAY).await;
        assert_eq!(observed.end.status, JobStatus::Succeeded);
        assert_eq!(harness.processes(), 0);
    }
}

#[tokio::test]
async fn a_script_sees_only_its_own_processes_and_no_environment_of_the_host() {
    const HOST_VARIABLE: &str = "CARGO_MANIFEST_DIR";
    assert!(std::env::var_os(HOST_VARIABLE).is_some());
    if !has_namespaces() {
        return;
    }
    let harness = LocalHarness::new();
    let script = "for process in /proc/[0-9]* /proc/$PPID; do\n\
                  tr '\\0' '\\n' < $process/environ; echo $process\ndone 2>/dev/null";
    let observed = harness.run(script).await;
    let log = log(&observed);
    assert!(
        log.contains("\n/proc/1\n") || log.starts_with("/proc/1\n"),
        "{log}"
    );
    assert!(log.contains("NOETL_JOB_ID="), "{log}");
    assert!(!log.contains(HOST_VARIABLE), "{log}");
    let process = format!("/proc/{}\n", std::process::id());
    assert!(!log.contains(&process), "{log}");
}

#[tokio::test]
async fn root_finds_no_other_processes_below_its_own_mount() {
    if !has_namespaces() || !rustix::process::geteuid().is_root() {
        return;
    }
    let harness = LocalHarness::new();
    let script =
        "umount -l /proc; umount -l /proc 2>/dev/null; ls /proc | grep -c '^[0-9]'; echo end";
    let observed = harness.run(script).await;
    assert_eq!(log(&observed), "0\nend\n");
}

#[tokio::test]
async fn a_script_inherits_no_descriptor() {
    for harness in [LocalHarness::new(), LocalHarness::bare()] {
        let path = harness.scratch.path().join("open");
        let file = fs::File::create(&path).unwrap();
        rustix::io::fcntl_setfd(&file, rustix::io::FdFlags::empty()).unwrap();
        let script = "for file in /proc/$$/fd/*; do echo ${file##*/} $(readlink $file); done";
        let observed = harness.run(script).await;
        let log = log(&observed);
        assert!(log.contains("/dev/null"), "{log}");
        assert!(!log.contains(path.to_str().unwrap()), "{log}");
    }
}

#[tokio::test]
async fn a_script_may_signal_its_own_process_group() {
    for harness in LocalHarness::all() {
        let script = "trap 'echo caught' TERM; kill -TERM 0; echo on; exit 7";
        let observed = harness.run(script).await;
        assert_eq!(log(&observed), "caught\non\n");
        assert_eq!(attempt(&observed).exit_code, Some(7));
    }
}

#[tokio::test]
async fn a_script_that_has_stopped_itself_is_ended() {
    for harness in LocalHarness::all() {
        let mut running = start(&harness, shell("echo ready; kill -STOP $$")).await;
        running.wait_for_log(1, "ready").await;
        running.handle.request_cancel();
        let observed = running.finish().await;
        assert_eq!(observed.end.status, JobStatus::Cancelled);
        assert_eq!(harness.processes(), 0);
    }
}

#[tokio::test]
async fn an_exit_code_is_distinguished_from_a_signal() {
    for harness in LocalHarness::all() {
        let attempt = attempt(&harness.run("exit 139").await);
        assert_eq!((attempt.exit_code, attempt.signal), (Some(139), None));
    }
}

#[tokio::test]
async fn jobs_end_when_the_engine_is_dropped() {
    for harness in LocalHarness::all() {
        let script = format!("{STUBBORN_FAMILY}echo ready; wait");
        let mut running = start(&harness, shell(&script)).await;
        running.wait_for_log(1, "ready").await;
        let LocalHarness { engine, scratch } = harness;
        drop(engine);
        // The receiver of the end was dropped.
        let end = loop {
            let event = running.handle.next_event().await.unwrap();
            if let JobEventKind::Finished(end) = event.kind {
                break end;
            }
        };
        assert_eq!(end.reason(), Some(Reason::Internal));
        let harness = LocalHarness {
            engine: LocalEngine::new(LocalSettings::default()),
            scratch,
        };
        wait_until_gone(&harness, "job").await;
    }
}

#[tokio::test]
async fn a_script_can_clean_up_within_the_grace_period() {
    let harness = LocalHarness::with(|settings| settings.grace = Duration::from_secs(20));
    let script = "trap 'echo bye; exit 0' TERM; echo ready; while :; do sleep 0.05; done";
    let mut running = start(&harness, shell(script)).await;
    running.wait_for_log(1, "ready").await;
    running.handle.request_cancel();
    let observed = running.finish().await;
    assert!(log(&observed).ends_with("bye\n"), "{}", log(&observed));
    let attempt = attempt(&observed);
    assert_eq!(attempt.exit_code, Some(0));
    assert_eq!(attempt.reason(), Some(Reason::Cancelled));
    assert_eq!(observed.end.status, JobStatus::Cancelled);
}

#[tokio::test]
async fn the_environment_is_clean() {
    let harness = LocalHarness::new();
    let mut request = shell("env | cut -d= -f1 | sort; echo; echo $HOME; pwd; echo $LANG");
    let entry = ("GIVEN".parse().unwrap(), SecretString::from("x"));
    request.environment.push(entry);
    let observed = observe(&harness, request).await;
    let log = log(&observed);
    let (names, rest) = log.split_once("\n\n").unwrap();
    let names: Vec<&str> = names
        .lines()
        // Variables that any shell adds by itself.
        .filter(|name| !matches!(*name, "PWD" | "OLDPWD" | "SHLVL" | "_"))
        .collect();
    assert_eq!(
        names,
        [
            "GIVEN",
            "HOME",
            "LANG",
            "NOETL_ARGS",
            "NOETL_ARGS_FILE",
            "NOETL_JOB_ID",
            "NOETL_SCRIPT",
            "PATH",
            "TMPDIR",
        ]
    );
    let rest: Vec<&str> = rest.lines().collect();
    assert_eq!(rest[0], rest[1]);
    assert_eq!(rest[2], "C.UTF-8");
}

#[tokio::test]
async fn the_standard_input_is_empty() {
    let observed = LocalHarness::new().run("cat; echo end").await;
    assert_eq!(log(&observed), "end\n");
}

#[tokio::test]
async fn both_outputs_keep_their_order() {
    let script = "for i in 1 2 3 4 5; do echo out $i; echo err $i >&2; done";
    let observed = LocalHarness::new().run(script).await;
    let log = log(&observed);
    let mut lines = log.lines();
    for number in 1..=5 {
        assert_eq!(lines.next(), Some(format!("out {number}").as_str()));
        assert_eq!(lines.next(), Some(format!("err {number}").as_str()));
    }
    assert_eq!(lines.next(), None);
}

#[tokio::test]
async fn each_attempt_has_a_new_directory() {
    let harness = LocalHarness::new();
    let script = "ls -A . $TMPDIR | wc -w; mkdir -p a/b; touch a/b/c $TMPDIR/d; chmod 0 a; exit 1";
    let mut request = shell(script);
    request.backoff_limit = 1;
    let observed = observe(&harness, request).await;
    assert_eq!(observed.log(1), observed.log(2));
    assert_eq!(harness.directories(), Vec::<PathBuf>::new());
}

#[tokio::test]
async fn the_files_of_a_running_job_are_private_and_no_group_is_left() {
    use std::os::unix::fs::PermissionsExt;

    let harness = LocalHarness::new();
    let mut request = shell("echo ready; sleep 60");
    request.limits.insert("memory".to_owned(), "1Gi".to_owned());
    request.limits.insert("cpu".to_owned(), "500m".to_owned());
    let mut running = start(&harness, request).await;
    running.wait_for_log(1, "ready").await;
    let directory = harness.directories().pop().unwrap();
    let mode = fs::metadata(&directory).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    running.handle.cancel().await;
    assert_eq!(control_groups(&directory), 0);
    assert_eq!(harness.directories(), Vec::<PathBuf>::new());
}

#[tokio::test]
async fn a_missing_interpreter_is_refused_without_leftovers() {
    let harness = LocalHarness::new();
    let mut request = shell("");
    request.command[0] = "no-such-interpreter".to_owned();
    let error = harness.refusal(request.clone()).await;
    assert_eq!(error.explanation.reason, Reason::InterpreterMissing);
    assert!(error.explanation.message.contains("`no-such-interpreter`"));
    assert_eq!(
        error.explanation.field_text().as_deref(),
        Some("command[0]")
    );
    assert_eq!(harness.directories(), Vec::<PathBuf>::new());

    // The request's own PATH is used, and the name is free again.
    let entry = ("PATH".parse().unwrap(), SecretString::from("/nowhere"));
    request.command[0] = "sh".to_owned();
    request.environment.push(entry);
    let error = harness.refusal(request).await;
    assert_eq!(error.explanation.reason, Reason::InterpreterMissing);
}

#[tokio::test]
async fn a_script_can_be_the_program_itself() {
    let harness = LocalHarness::new();
    let mut request = shell("#!/bin/sh -e\nprintf '%s' \"$1\"");
    request.command = ["$(NOETL_SCRIPT)", "$(GREETING) $$(GREETING) $(UNKNOWN)"]
        .map(str::to_owned)
        .to_vec();
    let entry = ("GREETING".parse().unwrap(), SecretString::from("hello"));
    request.environment.push(entry);
    let observed = observe(&harness, request).await;
    assert_eq!(log(&observed), "hello $(GREETING) $(UNKNOWN)");
}

#[tokio::test]
async fn exit_codes_of_shells_are_explained() {
    let harness = LocalHarness::new();
    for (script, code, word) in [
        ("no-such-command", 127, "not found"),
        ("touch x; ./x", 126, "executed"),
    ] {
        let attempt = attempt(&harness.run(script).await);
        assert_eq!(attempt.exit_code, Some(code));
        assert_eq!(attempt.reason(), Some(Reason::ScriptError));
        assert!(
            attempt
                .explanation
                .unwrap()
                .hint_text()
                .unwrap()
                .contains(word)
        );
    }
}

#[tokio::test]
async fn the_signal_that_ended_a_script_is_named() {
    let observed = LocalHarness::new().run("kill -SEGV $$").await;
    let attempt = attempt(&observed);
    assert_eq!((attempt.signal, attempt.exit_code), (Some(11), None));
    assert_eq!(attempt.reason(), Some(Reason::Signalled));
    assert!(
        observed
            .end
            .explanation
            .unwrap()
            .message
            .contains("SIGSEGV")
    );
}

#[tokio::test]
async fn the_number_of_processes_is_limited() {
    let harness = LocalHarness::with(|settings| settings.max_processes = 8);
    let script = "for i in 1 2 3 4 5 6 7 8 9 10 11 12; do sleep 60 & done; exit 5";
    let observed = harness.run(script).await;
    let attempt = attempt(&observed);
    assert_eq!(attempt.reason(), Some(Reason::ScriptError));
    // Without a control group, RLIMIT_NPROC does not apply to root.
    if Hierarchy::find().limits_processes() {
        assert!(log(&observed).contains("fork"), "{}", log(&observed));
        assert!(
            attempt
                .explanation
                .unwrap()
                .hint_text()
                .unwrap()
                .contains("more than 8 processes")
        );
    }
}

#[tokio::test]
async fn no_core_file_is_written() {
    let script = "grep -i 'max core file size' /proc/self/limits";
    let observed = LocalHarness::new().run(script).await;
    let log = log(&observed);
    let words: Vec<&str> = log.split_whitespace().collect();
    let limits: Vec<u64> = words.iter().filter_map(|word| word.parse().ok()).collect();
    assert!(limits.iter().all(|limit| *limit <= 1), "{log}");
    assert_eq!(limits.len(), 2);
}

#[tokio::test]
async fn limits_that_cannot_be_enforced_are_reported() {
    let harness = LocalHarness::without_cgroups();
    let mut request = shell("");
    request.limits.insert("cpu".to_owned(), "1".to_owned());
    request.limits.insert("memory".to_owned(), "1Gi".to_owned());
    let gpu = ("nvidia.com/gpu".to_owned(), "1".to_owned());
    request.limits.extend([gpu]);
    request.options.insert("image".to_owned(), json!("python"));
    request.options.insert("volumes".to_owned(), json!([]));
    let observed = observe(&harness, request).await;
    let warnings = observed.warnings().join("\n");
    for name in [
        "`limits.cpu`",
        "`limits.memory`",
        "`nvidia.com/gpu`",
        "`volumes`",
    ] {
        assert!(warnings.contains(name), "{name} is not in {warnings}");
    }
    assert!(!warnings.contains("image"), "{warnings}");
}

#[tokio::test]
async fn a_name_can_be_used_again_after_the_job_ended() {
    let harness = LocalHarness::new();
    for _ in 0..3 {
        let observed = harness.run("exit 0").await;
        assert_eq!(observed.end.status, JobStatus::Succeeded);
    }
}

#[tokio::test]
async fn an_attempt_that_the_system_cannot_start_fails() {
    let harness = LocalHarness::new();
    let mut request = shell("");
    // Each part fits; together they exceed the limit of any system.
    let large = "x".repeat(100_000);
    request.command.extend(std::iter::repeat_n(large, 80));
    let observed = observe(&harness, request).await;
    let attempt = attempt(&observed);
    assert_eq!(attempt.reason(), Some(Reason::StartFailed));
    assert!(
        attempt
            .explanation
            .unwrap()
            .message
            .contains("longer than the system allows")
    );
    assert_eq!(harness.directories(), Vec::<PathBuf>::new());
}

#[tokio::test]
async fn jobs_of_a_killed_host_are_ended_and_those_of_living_hosts_are_not() {
    let harness = LocalHarness::new();
    let mut running = start(&harness, shell("echo ready; sleep 60")).await;
    running.wait_for_log(1, "ready").await;
    let alive = harness.directories();
    let left = harness.scratch.path().join("jobs/left-abcdefghijkl");
    fs::create_dir_all(left.join("attempt-1/work")).unwrap();
    // The lock of a host that is gone.
    fs::write(left.join("host.lock"), "").unwrap();
    let mut orphan = std::process::Command::new("sleep")
        .arg("60")
        .env("NOETL_JOB_ID", "left-abcdefghijkl")
        .spawn()
        .unwrap();

    let settings = LocalSettings {
        work_directory: harness.scratch.path().join("jobs"),
        ..LocalSettings::default()
    };
    let next = LocalHarness {
        engine: LocalEngine::new(settings),
        scratch: tempfile::tempdir().unwrap(),
    };
    let observed = next.run("exit 0").await;
    assert_eq!(observed.end.status, JobStatus::Succeeded);
    assert_eq!(orphan.wait().unwrap().code(), None);
    assert_eq!(harness.directories(), alive);
    running.handle.cancel().await;
    let observed = running.finish().await;
    assert_eq!(observed.end.status, JobStatus::Cancelled);
}

#[tokio::test]
async fn a_child_that_ran_out_of_memory_is_reported_although_the_script_succeeded() {
    let harness = LocalHarness::new();
    let mut request = shell("head -c 512M /dev/zero | tail -c 512M > /dev/null; exit 0");
    request
        .limits
        .insert("memory".to_owned(), "32Mi".to_owned());
    let observed = observe(&harness, request).await;
    // Version 2 kills the whole group, and without control groups it is unknown.
    if Hierarchy::find().is_first_version_for_memory() {
        assert_eq!(observed.end.status, JobStatus::Succeeded);
        let warnings = observed.warnings().join("\n");
        assert!(warnings.contains("`limits.memory`"), "{warnings}");
    }
}

#[tokio::test]
async fn a_limit_that_is_too_small_for_any_program_is_named() {
    let harness = LocalHarness::new();
    let mut request = shell("exit 0");
    request.limits.insert("memory".to_owned(), "8Ki".to_owned());
    let observed = observe(&harness, request).await;
    let attempt = attempt(&observed);
    // Without a control group, the crash has a hint that names the limit.
    assert!(
        attempt
            .explanation
            .unwrap()
            .hint_text()
            .unwrap()
            .contains("`limits.memory` is 8Ki")
    );
}

#[tokio::test]
async fn nothing_is_started_once_a_job_was_cancelled() {
    let harness = LocalHarness::new();
    let marker = harness.scratch.path().join("started");
    let mut request = shell(&format!(": > {}", marker.display()));
    request.name = "cancelled".parse().unwrap();
    let running = start(&harness, request).await;
    // On this runtime the job's task runs only when the test waits.
    running.handle.request_cancel();
    let observed = running.finish().await;
    assert_eq!(observed.end.status, JobStatus::Cancelled);
    assert_eq!(observed.attempts().len(), 0);
    assert!(!marker.exists());
}

#[tokio::test]
async fn no_event_contains_a_secret() {
    let harness = LocalHarness::new();
    let mut request = shell("kill -KILL $$");
    let entry = ("TOKEN".parse().unwrap(), SecretString::from("hunter2"));
    request.environment.push(entry);
    request.command.push("$(TOKEN)".to_owned());
    let observed = observe(&harness, request).await;
    assert!(!format!("{:?} {:?}", observed.events, harness.engine).contains("hunter2"));
}
