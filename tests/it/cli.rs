//! The command line, as a person uses it.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use crate::guests;
use crate::program::Workspace;

fn playbook(tool: &str) -> String {
    let lines: Vec<_> = tool
        .lines()
        .map(|line| {
            format!(
                "      {line}
"
            )
        })
        .collect();
    let tool = lines.concat();
    format!(
        "apiVersion: noetl.io/v2\nkind: Playbook\nmetadata:\n  name: test\nworkload:\n  city: Turin\n\
         workflow:\n  - step: first\n    tool:\n      kind: script\n{tool}"
    )
}

fn shell(script: &str) -> [(&'static str, String); 2] {
    let tool =
        "script:\n  uri: a.sh\nargs:\n  city: \"{{ workload.city }}\"\njob:\n  backoffLimit: 0\n";
    [("a.sh", script.to_owned()), ("p.yaml", playbook(tool))]
}

fn workspace(files: &[(&'static str, String)]) -> Workspace {
    let files: Vec<_> = files
        .iter()
        .map(|(name, content)| (*name, content.as_str()))
        .collect();
    Workspace::new(&files)
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn run_shows_the_log_on_standard_error_and_the_result_on_standard_output() {
    let workspace = workspace(&shell("echo \"hello $1\""));
    let output = workspace.run(&["run", "p.yaml", "--execution-id", "42"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(
        stderr(&output).contains("  | hello {\"city\":\"Turin\"}\n"),
        "{}",
        stderr(&output)
    );
    let shown = stdout(&output);
    assert!(shown.starts_with("first: completed in "), "{shown}");
    assert!(shown.contains("job_name: script-first-42\n"), "{shown}");
    assert!(shown.ends_with("completed (execution 42)\n"), "{shown}");
}

#[test]
fn run_prints_one_json_document_and_nothing_else_on_demand() {
    let workspace = workspace(&shell("echo \"$1\""));
    let arguments = ["run", "p.yaml", "--output", "json", "--set", "city=Rome"];
    let output = workspace.run(&arguments);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["status"], "completed");
    assert_eq!(report["steps"][0]["tool"], "script@0.1.0");
    assert_eq!(
        report["steps"][0]["outcome"]["output"],
        "{\"city\":\"Rome\"}\n"
    );
    assert_eq!(stderr(&output), "");
}

#[test]
fn a_failed_script_exits_with_1_and_says_why() {
    let workspace = workspace(&shell("echo no; exit 3"));
    let output = workspace.run(&["run", "p.yaml"]);
    assert_eq!(output.status.code(), Some(1));
    let shown = stdout(&output);
    assert!(shown.contains("reason: ScriptError"), "{shown}");
}

#[test]
fn wrong_input_exits_with_2_and_points_at_the_place() {
    let cases = [
        (
            "script:\n  ury: a.sh\n",
            "p.yaml:12:9",
            "did you mean `uri`?",
        ),
        (
            "script:\n  uri: a.sh\njob:\n  imag: x\n",
            "p.yaml:14:9",
            "did you mean `image`?",
        ),
        (
            "script:\n  uri: a.sh\nargs: \"{{ workload.citi }}\"\n",
            "p.yaml:13",
            "did you mean `city`?",
        ),
        (
            "script:\n  uri: a.sh\n  source:\n    type: fil\n",
            "p.yaml:14",
            "did you mean `file`?",
        ),
        (
            "script:\n  uri: a.sh\n  source:\n    type: gcs\n",
            "p.yaml:1",
            "gs://",
        ),
        (
            "script:\n  uri: a.sh\njob:\n  backoffLimit: many\n",
            "p.yaml:14",
            "backoffLimit",
        ),
    ];
    for (tool, place, help) in cases {
        let workspace = workspace(&[("a.sh", "true".to_owned()), ("p.yaml", playbook(tool))]);
        let output = workspace.run(&["run", "p.yaml"]);
        let shown = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{tool}: {shown}");
        assert!(
            shown.contains(place) && shown.contains(help),
            "{tool}: {shown}"
        );
    }
}

#[test]
fn an_unknown_kind_and_a_missing_file_are_named() {
    let tool = playbook("script:\n  uri: a.sh\n").replace("kind: script", "kind: scrpt");
    let workspace = workspace(&[("p.yaml", tool)]);
    let output = workspace.run(&["run", "p.yaml"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("did you mean `script`?"),
        "{}",
        stderr(&output)
    );
    let output = workspace.run(&["run", "nowhere.yaml"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("nowhere.yaml"));
    assert_eq!(workspace.run(&["walk"]).status.code(), Some(2));
}

#[test]
fn a_broken_tool_is_left_out_with_the_reason() {
    let workspace = workspace(&shell("true"));
    let plugins = workspace.path().join("plugins");
    std::fs::create_dir(&plugins).unwrap();
    std::fs::write(plugins.join("broken.wasm"), b"\0asm broken").unwrap();
    let output = workspace.run(&["run", "p.yaml", "--plugins", "plugins"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(
        stderr(&output).contains("broken.wasm"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn secrets_come_from_the_credentials_file_and_are_not_shown() {
    let tool = "script:\n  uri: a.sh\njob:\n  env:\n    TOKEN: \"{{ secret.token }}\"\n";
    let workspace = workspace(&[
        ("a.sh", "echo \"it is $TOKEN\"; echo ${#TOKEN}".to_owned()),
        ("p.yaml", playbook(tool)),
        (
            "credentials.yaml",
            "secrets:\n  token: hunter2-hunter2\n".to_owned(),
        ),
    ]);
    let output = workspace.run(&["run", "p.yaml", "--credentials", "credentials.yaml"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(
        stderr(&output).contains("  | it is ***\n  | 15\n"),
        "{}",
        stderr(&output)
    );
    assert!(stderr(&output).contains("chmod 600"));
    assert!(!stderr(&output).contains("hunter2") && !stdout(&output).contains("hunter2"));
    let output = workspace.run(&["run", "p.yaml"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("the secret `token` is not defined"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn an_interrupt_ends_the_job_first_and_exits_with_130() {
    let script = "trap '' TERM; sh -c 'while :; do sleep 1; done' FOLDER & echo ready; wait";
    let tool = "script:\n  uri: a.sh\njob:\n  env:\n    OUT: OUT_FOLDER\n";
    let workspace = workspace(&[("p.yaml", playbook(tool))]);
    let folder = workspace.path().display().to_string();
    let script = script.replace("FOLDER", &folder);
    std::fs::write(workspace.path().join("a.sh"), script).unwrap();
    let mut child = workspace
        .command(&["run", "p.yaml"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("| ready")));
    assert!(guests::is_running(&folder));
    let process = rustix::process::Pid::from_raw(child.id().try_into().unwrap()).unwrap();
    rustix::process::kill_process(process, rustix::process::Signal::INT).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    assert!(stdout(&output).contains("cancelled"), "{}", stdout(&output));
    assert!(!guests::is_running(&folder));
}

#[test]
fn an_interrupt_while_a_secret_is_asked_for_ends_the_step_and_exits_with_130() {
    let tool = "script:\n  uri: a.sh\njob:\n  env:\n    TOKEN: \"{{ secret.token }}\"\n";
    let ask = "echo asked > \"$HOME/asked\"; exec sleep 600";
    let workspace = workspace(&[
        ("a.sh", "touch ran".to_owned()),
        ("ask.sh", ask.to_owned()),
        ("p.yaml", playbook(tool)),
    ]);
    let asked = workspace.path().join("asked");
    let made = Command::new("mkfifo").arg(&asked).status().unwrap();
    assert!(made.success());
    let provider = "command:sh ask.sh";
    let arguments = [
        "run",
        "p.yaml",
        "--credential-provider",
        provider,
        "--output",
        "json",
    ];
    let child = workspace
        .command(&arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    assert_eq!(std::fs::read_to_string(&asked).unwrap(), "asked\n");
    let process = rustix::process::Pid::from_raw(child.id().try_into().unwrap()).unwrap();
    rustix::process::kill_process(process, rustix::process::Signal::INT).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", stderr(&output));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["status"], "cancelled");
    assert!(!workspace.path().join("ran").exists());
}

#[test]
fn a_limited_address_space_costs_speed_and_nothing_else() {
    let workspace = workspace(&shell("echo \"$1\""));
    let command = workspace.command(&["run", "p.yaml", "--output", "json"]);
    let program = command.get_program().to_owned();
    let arguments: Vec<_> = command.get_args().map(ToOwned::to_owned).collect();
    // 2 GB, of which the pool of instances alone would need more than eight times as much.
    let mut limited = Command::new("sh");
    limited
        .args(["-c", "ulimit -v 2000000; exec \"$@\"", "sh"])
        .arg(program)
        .args(arguments);
    limited
        .current_dir(workspace.path())
        .env("HOME", workspace.path());
    let output = limited.output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
}

#[test]
fn call_prints_an_outcome_and_tool_inspect_everything_about_a_tool() {
    let workspace = workspace(&[
        ("a.sh", "echo \"$1\"".to_owned()),
        (
            "c.yaml",
            "script: {uri: a.sh}\nargs: {city: \"{{ workload.city }}\"}\n".to_owned(),
        ),
        (
            "x.yaml",
            "{execution_id: 7, step: s, workload: {city: Turin}}".to_owned(),
        ),
    ]);
    let arguments = [
        "call",
        "script@0.1",
        "--config",
        "c.yaml",
        "--context",
        "x.yaml",
    ];
    let output = workspace.run(&arguments);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let outcome: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(outcome["job_name"], "script-s-7");
    assert_eq!(outcome["output"], "{\"city\":\"Turin\"}\n");
    let output = workspace.run(&["tool", "inspect", "script", "--output", "json"]);
    let tool: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(tool["version"], "0.1.0");
    assert!(tool["digest"].as_str().unwrap().starts_with("sha256:"));
    assert!(tool["grants"].as_array().unwrap().contains(&"jobs".into()));
    assert!(tool["schema"]["properties"]["script"].is_object());
    let listed = stdout(&workspace.run(&["tool", "list"]));
    let begins: Vec<_> = listed.lines().filter_map(|line| line.get(..24)).collect();
    assert_eq!(
        begins,
        [
            "container@0.1.0  sha256:",
            "python@0.1.0     sha256:",
            "script@0.1.0     sha256:"
        ]
    );
}

/// By the parent, which is the program, or by any other process.
const SEARCH_ENVIRONMENTS: &str = "for process in /proc/$PPID /proc/[0-9]*; do \
     tr '\\0' '\\n' < $process/environ; done 2>/dev/null | grep -c '^TOOLHOST_SECRET_OTHER=' ; echo parent $PPID";

#[test]
fn a_script_cannot_read_what_the_program_was_started_with() {
    let workspace = workspace(&shell(SEARCH_ENVIRONMENTS));
    let output = workspace
        .command(&["run", "p.yaml", "--output", "json"])
        .env("TOOLHOST_SECRET_OTHER", "planted-elsewhere")
        .output()
        .unwrap();
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    let found = document["steps"][0]["outcome"]["output"].as_str().unwrap();
    // Root without a namespace can.
    if found.contains("parent 0") || !rustix::process::geteuid().is_root() {
        assert!(found.starts_with("0\n"), "{found}");
    }
}

#[test]
fn no_other_process_of_its_user_may_look_into_the_program() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    use std::os::unix::process::CommandExt;

    const NOBODY: u32 = 65_534;
    let workspace = workspace(&shell("echo ready; while :; do sleep 1; done"));
    let mut command = workspace.command(&["run", "p.yaml"]);
    if rustix::process::geteuid().is_root() {
        let everybody = std::fs::Permissions::from_mode(0o777);
        std::fs::set_permissions(workspace.path(), everybody).unwrap();
        command.uid(NOBODY).gid(NOBODY);
    }
    let spawned = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = match spawned {
        Ok(child) => child,
        // If only root may enter the folder of the build.
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => return,
        Err(error) => panic!("{error}"),
    };
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("| ready")));
    // What belongs to root there cannot be read by the user whose process it is.
    let environment = format!("/proc/{}/environ", child.id());
    assert_eq!(std::fs::metadata(environment).unwrap().uid(), 0);
    let process = rustix::process::Pid::from_raw(child.id().try_into().unwrap()).unwrap();
    rustix::process::kill_process(process, rustix::process::Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
}
