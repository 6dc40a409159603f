//! `toolhost tool test`, and the cases of the tools of this repository.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::guests;
use crate::program::Workspace;

const SECRET: &str = "s3cr3t-token";
/// Three cases: one that passes, one that fails, and one that expects nothing.
const CASES: &str = r#"# A comment that stays.
tool: container
cases:
  passes:
    config: {image: "alpine:3.22", command: [echo]}
    expect:
      outcome: {status: completed} # Nothing else matters.

  fails:
    config:
      image: alpine:3.22
      command: [echo]
      env: {TOKEN: "{{ secret.api }}"}
    secrets: {api: s3cr3t-token}
    jobs:
      - attempts: [{prints: "s3cr3t-token\n", exit: 3}]
    expect:
      outcome: {status: completed}

  expects nothing:
    config: {image: "alpine:3.22", command: [echo]}
"#;

fn workspace(cases: &str) -> Workspace {
    Workspace::new(&[("cases.yaml", cases)])
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn said(output: &Output) -> String {
    format!("{}{}", text(&output.stdout), text(&output.stderr))
}

#[test]
fn the_cases_of_the_built_in_tools_pass() {
    let workspace = Workspace::new(&[]);
    for kind in ["container", "python", "script"] {
        let file = guests::workspace().join(format!("plugins/{kind}/cases.yaml"));
        let output = workspace.run(&["tool", "test", file.to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
        assert!(text(&output.stdout).contains(" passed, 0 failed"));
    }
}

#[test]
fn the_cases_of_the_example_pass_without_a_grant() {
    let workspace = Workspace::new(&[]);
    let file = guests::workspace().join("plugins/examples/greet/cases.yaml");
    let component = guests::file("greet");
    let output = workspace.run(&[
        "tool",
        "test",
        file.to_str().unwrap(),
        "--plugins",
        component.to_str().unwrap(),
    ]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert!(text(&output.stdout).contains("4 passed, 0 failed"));
}

#[test]
fn a_new_project_is_the_example_with_another_name_and_its_cases_fit_it() {
    let workspace = Workspace::new(&[]);
    let output = workspace.run(&["tool", "new", "greet"]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let folder = workspace.path().join("greet");
    let library = fs::read_to_string(folder.join("src/lib.rs")).unwrap();
    let example = guests::workspace().join("plugins/examples/greet/src/lib.rs");
    assert_eq!(
        library.replace("ThisTool", "Greet"),
        fs::read_to_string(example).unwrap()
    );
    let python = workspace.run(&["tool", "new", "hello", "--lang", "python"]);
    assert_eq!(python.status.code(), Some(0), "{}", said(&python));
    let tool = fs::read_to_string(workspace.path().join("hello/src/hello.py")).unwrap();
    let example = guests::workspace().join("plugins/examples/greet-python/src/greet.py");
    assert_eq!(
        tool.replace("ThisTool", "Greet").replace("hello", "greet"),
        fs::read_to_string(example).unwrap()
    );
    fs::copy(guests::file("greet"), folder.join("greet.wasm")).unwrap();
    let tested = workspace.run(&[
        "tool",
        "test",
        "greet/cases.yaml",
        "--plugins",
        "greet/greet.wasm",
    ]);
    assert_eq!(tested.status.code(), Some(0), "{}", said(&tested));
    let called = workspace.run(&[
        "call",
        "greet",
        "--plugins",
        "greet/greet.wasm",
        "--config",
        "greet/config.yaml",
    ]);
    assert_eq!(called.status.code(), Some(0), "{}", said(&called));
    let again = workspace.run(&["tool", "new", "greet", "--lang", "python"]);
    assert_eq!(again.status.code(), Some(2));
    assert!(text(&again.stderr).contains("cannot create `greet`"));
}

#[test]
fn a_project_is_written_in_each_language_and_leaves_no_placeholder() {
    let workspace = Workspace::new(&[]);
    for (kind, language, files) in [
        ("a-rust_tool", "rust", &["Cargo.toml", "src/lib.rs"][..]),
        (
            "a-python_tool",
            "python",
            &[
                "pyproject.toml",
                "src/a_python_tool.py",
                "tests/test_a_python_tool.py",
            ],
        ),
        (
            "a-java_script",
            "javascript",
            &["package.json", "src/index.ts"],
        ),
    ] {
        let arguments = ["tool", "new", kind, "--lang", language, "--sdk", "sdk"];
        let output = workspace.run(&arguments);
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
        let folder = workspace.path().join(kind);
        let common = ["README.md", "cases.yaml", "config.yaml", "grants.yaml"];
        for file in files.iter().chain(&common) {
            let text = fs::read_to_string(folder.join(file)).unwrap();
            for placeholder in ["{{kind}}", "{{job}}", "{{module}}", "{{sdk}}"] {
                assert!(!text.contains(placeholder), "{file}: {text}");
            }
        }
    }
    let unpublished = workspace.run(&["tool", "new", "b", "--lang", "javascript"]);
    assert_eq!(unpublished.status.code(), Some(2));
    assert!(text(&unpublished.stderr).contains("--sdk"));
    assert!(!workspace.path().join("b").exists());
    for invalid in ["Upper", "a@1", ".."] {
        let output = workspace.run(&["tool", "new", invalid]);
        assert_eq!(output.status.code(), Some(2), "{invalid}");
    }
}

#[test]
fn a_toolchain_that_is_not_installed_is_named_with_where_to_get_it() {
    let files = [
        ("Cargo.toml", "rustc", "rustup.rs"),
        ("package.json", "npm", "nodejs.org"),
    ];
    for (manifest, program, remedy) in files {
        let workspace = Workspace::new(&[(manifest, "{\"name\": \"a\"}")]);
        let mut command = workspace.command(&["tool", "build"]);
        let output = command.env("PATH", workspace.path()).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        let stderr = text(&output.stderr);
        assert!(
            stderr.contains(&format!("cannot run `{program}`")),
            "{stderr}"
        );
        assert!(stderr.contains(remedy), "{stderr}");
    }
    let workspace = Workspace::new(&[]);
    let output = workspace.run(&["tool", "build"]);
    assert!(text(&output.stderr).contains("is not the folder of a tool"));
}

#[test]
fn a_case_that_fails_shows_where_and_what_was_found_and_no_secret() {
    let workspace = workspace(CASES);
    let output = workspace.run(&["tool", "test", "cases.yaml"]);
    assert_eq!(output.status.code(), Some(1));
    let stdout = text(&output.stdout);
    assert!(stdout.contains("ok    passes\nFAIL  fails\nFAIL  expects nothing"));
    assert!(stdout.contains("1 passed, 2 failed"));
    let stderr = text(&output.stderr);
    for part in [
        "`outcome.status` differs from what is expected",
        "cases.yaml:18:25",
        "found \"failed\"",
        "the only attempt exited with code 3",
        "the case `expects nothing` expects nothing",
    ] {
        assert!(stderr.contains(part), "{part}: {stderr}");
    }
    // The excerpts do not reach the lines with the secret.
    assert!(!stderr.contains(SECRET), "{stderr}");
}

#[test]
fn results_are_written_as_json_and_as_a_junit_report() {
    let workspace = workspace(CASES);
    let arguments = ["tool", "test", "cases.yaml", "--output", "json"];
    let output = workspace.run(&[&arguments[..], &["--junit", "report.xml"]].concat());
    assert_eq!(output.status.code(), Some(1));
    let results: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(results[0]["passed"], true);
    assert_eq!(results[1]["name"], "fails");
    assert_eq!(results[1]["problems"][0]["location"], "cases.yaml:18:25");
    let report = fs::read_to_string(workspace.path().join("report.xml")).unwrap();
    assert!(report.contains(r#"<testsuite name="cases.yaml" tests="3" failures="2">"#));
    assert!(report.contains(r#"<testcase classname="cases.yaml" name="passes""#));
    assert!(!report.contains(SECRET), "{report}");
}

#[test]
fn an_update_changes_what_failed_cases_expect_and_nothing_else() {
    let workspace = workspace(CASES);
    let updated = workspace.run(&["tool", "test", "cases.yaml", "--update"]);
    assert_eq!(updated.status.code(), Some(0), "{}", said(&updated));
    let file = workspace.path().join("cases.yaml");
    let text = fs::read_to_string(&file).unwrap();
    let (kept, _) = CASES
        .split_once("    expect:\n      outcome: {status: completed}\n")
        .unwrap();
    assert!(text.starts_with(kept), "{text}");
    assert!(text.contains("reason: ScriptError"), "{text}");
    assert!(!text.contains(": null"), "{text}");
    assert_eq!(text.matches(SECRET).count(), 2, "{text}");
    let output = workspace.run(&["tool", "test", "cases.yaml"]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let again = workspace.run(&["tool", "test", "cases.yaml", "--update"]);
    assert_eq!(again.status.code(), Some(0));
    assert_eq!(fs::read_to_string(&file).unwrap(), text);
}

#[test]
fn a_case_in_braces_is_not_updated_and_the_file_stays() {
    let cases = "tool: container\ncases:\n  one: {config: {image: a, command: [b]}, expect: {outcome: {status: failed}}}\n";
    let workspace = workspace(cases);
    let output = workspace.run(&["tool", "test", "cases.yaml", "--update"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("write it as a block"));
    let kept = fs::read_to_string(workspace.path().join("cases.yaml")).unwrap();
    assert_eq!(kept, cases);
}

#[test]
fn a_job_that_is_not_created_is_a_difference() {
    let cases = "tool: container\ncases:\n  one:\n    config: {image: a, command: [b]}\n    jobs: [{}, {}]\n    expect: {calls: [{job: {name: x}}]}\n";
    let output = workspace(cases).run(&["tool", "test", "cases.yaml"]);
    assert_eq!(output.status.code(), Some(1));
    let stderr = text(&output.stderr);
    assert!(stderr.contains("`calls[0].job.name` differs"), "{stderr}");
    assert!(stderr.contains("created 1 jobs less"), "{stderr}");
}

#[test]
fn an_invalid_file_is_refused_at_its_places() {
    let cases = [
        ("tool: x\n", "expected `cases`"),
        ("cases: {a: {config: {}}}\n", "missing key `tool`"),
        ("tool: X\ncases: {a: {}}\n", "invalid tool `X`"),
        (
            "tool: x\ncases: {a: {confg: 1}}\n",
            "did you mean `config`?",
        ),
        (
            "tool: x\ncases: {a: {jobs: {}}}\n",
            "expected a list of jobs",
        ),
        (
            "tool: x\ncases: {a: {jobs: [{exit: 1}]}}\n",
            "unknown field `exit`",
        ),
        (
            "tool: x\ncases: {a: {jobs: [{fails: {reason: Odd}}]}}\n",
            "unknown reason `Odd`",
        ),
        (
            "tool: x\ncases: {a: {jobs: [{attempts: [{exit: 1, signal: 9}]}]}}\n",
            "one of `exit`, `signal` and `out-of-memory`",
        ),
        (
            "tool: x\ncases: {a: {expect: {outcome: {}, error: x}}}\n",
            "either an `outcome` or an `error`",
        ),
    ];
    for (text_of_case, expected) in cases {
        let output = workspace(text_of_case).run(&["tool", "test", "cases.yaml"]);
        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{stderr}");
        assert!(stderr.contains(expected), "{expected}: {stderr}");
        assert!(stderr.contains("cases.yaml:"), "{stderr}");
    }
}

#[test]
fn a_case_of_an_unknown_tool_expects_an_error() {
    let cases = "tool: absent\ncases:\n  a:\n    expect: {error: unknown tool}\n";
    let output = workspace(cases).run(&["tool", "test", "cases.yaml"]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
}

#[test]
fn what_a_tool_prints_is_in_the_log_line_by_line() {
    let cases = "tool: standard\ncases:\n  a:\n    config: {action: print}\n    expect: {outcome: {status: completed}}\n";
    let workspace = workspace(cases);
    let component = guests::file("guest-standard");
    let arguments = ["--plugins", component.to_str().unwrap()];
    let tested = workspace.run(&[&["tool", "test", "cases.yaml"], &arguments[..]].concat());
    assert_eq!(tested.status.code(), Some(0), "{}", said(&tested));
    let stderr = text(&tested.stderr);
    for line in ["the first line", "the second line", "a line without an end"] {
        assert!(stderr.contains(line), "{line}: {stderr}");
    }
    fs::write(workspace.path().join("config.yaml"), "action: print\n").unwrap();
    let call = [
        &["call", "standard", "--config", "config.yaml"],
        &arguments[..],
    ]
    .concat();
    let called = workspace.run(&call);
    assert_eq!(called.status.code(), Some(0), "{}", said(&called));
    assert!(!said(&called).contains("the first line"));
}

#[test]
fn a_component_is_checked_without_a_call() {
    let workspace = Workspace::new(&[
        ("text.wasm", "kind: x"),
        ("module.wasm", "\0asm\u{1}\0\0\0"),
    ]);
    let check = |file: &str| workspace.run(&["tool", "check", file]);
    let greet = guests::file("greet");
    let checked = check(greet.to_str().unwrap());
    assert_eq!(checked.status.code(), Some(0), "{}", said(&checked));
    let stdout = text(&checked.stdout);
    assert!(
        stdout.contains("- secrets\n    - jobs\n    - logs\n"),
        "{stdout}"
    );
    assert_eq!(text(&checked.stderr), "");
    for (file, found, remedy) in [
        ("text.wasm", "a file of another format", "wasm32-wasip2"),
        (
            "module.wasm",
            "a WebAssembly module",
            "wasm-tools component new",
        ),
    ] {
        let checked = check(file);
        let stderr = text(&checked.stderr).replace("\n        ", " ");
        assert_eq!(checked.status.code(), Some(1), "{stderr}");
        assert!(
            stderr.contains(found) && stderr.contains(remedy),
            "{stderr}"
        );
        assert!(stderr.lines().count() <= 3, "{stderr}");
    }
}

/// A program that takes the place of `npx`: it copies a component to the file after `-o`.
const FAKE_NPX: &str = "#!/bin/sh\n[ -f broken ] && exit 1\ncp \"$COMPONENT\" \"$5\"\n";

#[test]
fn a_project_is_built_and_tested_again_whenever_a_source_changes() {
    let workspace = Workspace::new(&[]);
    let created = workspace.run(&[
        "tool",
        "new",
        "greet",
        "--lang",
        "javascript",
        "--sdk",
        "sdk",
    ]);
    assert_eq!(created.status.code(), Some(0), "{}", said(&created));
    let project = workspace.path().join("greet");
    // Its packages are installed.
    fs::create_dir(project.join("node_modules")).unwrap();
    let programs = workspace.path().join("programs");
    fs::create_dir(&programs).unwrap();
    fs::write(programs.join("npx"), FAKE_NPX).unwrap();
    fs::set_permissions(programs.join("npx"), fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:/usr/bin:/bin", programs.display());
    let mut developing = workspace
        .command(&["tool", "dev", "greet"])
        .env("PATH", path)
        .env("COMPONENT", guests::file("greet"))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut shown = BufReader::new(developing.stderr.take().unwrap()).lines();
    let mut results = BufReader::new(developing.stdout.take().unwrap()).lines();
    let mut wait = || shown.find(|line| line.as_ref().unwrap().starts_with("waiting for a change"));
    let mut verdict = || results.find(|line| line.as_ref().unwrap().contains(" passed, "));
    wait().unwrap().unwrap();
    assert_eq!(verdict().unwrap().unwrap(), "4 passed, 0 failed");
    let cases = fs::read_to_string(project.join("cases.yaml")).unwrap();
    fs::write(
        project.join("cases.yaml"),
        cases.replace("output: \"Hello", "output: \"Hi"),
    )
    .unwrap();
    wait().unwrap().unwrap();
    assert_eq!(verdict().unwrap().unwrap(), "3 passed, 1 failed");
    fs::write(project.join("broken"), "").unwrap();
    wait().unwrap().unwrap();
    fs::remove_file(project.join("broken")).unwrap();
    wait().unwrap().unwrap();
    assert_eq!(verdict().unwrap().unwrap(), "3 passed, 1 failed");
    let process = Pid::from_child(&developing);
    kill_process(process, Signal::INT).unwrap();
    assert_eq!(developing.wait().unwrap().code(), Some(130));
}
