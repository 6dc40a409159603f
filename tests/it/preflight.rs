//! What is wrong with a later step is known before the first one runs.

#![expect(
    clippy::needless_pass_by_value,
    reason = "steps are written as JSON where they are used"
)]

use std::process::Output;

use serde_json::{Value, json};

use crate::guests;
use crate::program::Workspace;

/// A folder with a playbook of these steps, of which the first says that it ran.
fn workspace(steps: &[Value]) -> Workspace {
    let workspace = Workspace::new(&[]);
    let trace = workspace.path().join("ran");
    let first = json!({"step": "first", "tool": {
        "kind": "script",
        "script": {"content": format!("echo ran > {}", trace.display()), "interpreter": "sh"},
    }});
    let steps: Vec<_> = [&first].into_iter().chain(steps).collect();
    let playbook = json!({
        "apiVersion": "noetl.io/v2", "kind": "Playbook", "metadata": {"name": "test"},
        "workload": {"city": "Turin"}, "workflow": steps,
    });
    // Each step on lines of its own, so that its place is known.
    let text = serde_json::to_string_pretty(&playbook).unwrap();
    std::fs::write(workspace.path().join("p.yaml"), text).unwrap();
    workspace
}

fn script(step: &str, more: Value) -> Value {
    let mut tool = json!({"kind": "script", "script": {"content": "true", "interpreter": "sh"}});
    let members = tool.as_object_mut().unwrap();
    members.extend(more.as_object().unwrap().clone());
    json!({"step": step, "tool": tool})
}

fn run(workspace: &Workspace, options: &[&str]) -> Output {
    let arguments: Vec<_> = ["run", "p.yaml"]
        .into_iter()
        .chain(options.iter().copied())
        .collect();
    workspace.run(&arguments)
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn first_ran(workspace: &Workspace) -> bool {
    workspace.path().join("ran").exists()
}

#[test]
fn every_problem_of_every_step_is_reported_at_its_position_and_none_runs() {
    let mut unknown_version = script("version", json!({}));
    unknown_version["tool"]["kind"] = json!("script@7");
    let workspace = workspace(&[
        json!({"step": "kind", "tool": {"kind": "scirpt"}}),
        unknown_version,
        script(
            "key",
            json!({"job": {"imag": "x", "env": {"A": "{{ first.output }}"}}}),
        ),
        script("type", json!({"job": {"backoffLimit": "many"}})),
        json!({"step": "missing", "tool": {"kind": "python", "args": {"a": "{{ first.output }}"}}}),
        script(
            "interpreter",
            json!({"script": {"content": "x", "interpreter": "no-such-program"}}),
        ),
        script(
            "extension",
            json!({"script": {"uri": "gs://{{ workload.city }}/a.R"}}),
        ),
        script(
            "contradiction",
            json!({
                "job": {"command": ["true"]},
            }),
        ),
    ]);
    let output = run(&workspace, &[]);
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(!first_ran(&workspace), "{said}");
    for expected in [
        "did you mean `script`?",
        "script@7",
        "did you mean `image`?",
        "many",
        "code",
        "`no-such-program` is not installed",
        "`Rscript` is not installed",
        "contradict",
    ] {
        assert!(said.contains(expected), "{expected}: {said}");
    }
    // The program looks it up in a folder of its own, and a text points at each place.
    assert_eq!(said.matches("p.yaml:").count(), 8, "{said}");
}

#[test]
fn a_missing_grant_is_reported_before_the_first_step_runs() {
    let workspace =
        workspace(&[json!({"step": "second", "tool": {"kind": "greet", "name": "Ada"}})]);
    let plugins = workspace.path().join("plugins");
    std::fs::create_dir(&plugins).unwrap();
    std::fs::copy(guests::file("greet"), plugins.join("greet.wasm")).unwrap();
    let output = run(&workspace, &["--plugins", "plugins"]);
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(3), "{said}");
    for granted in [
        "greet:",
        "- digest: sha256:",
        "- secrets",
        "- jobs",
        "- logs",
    ] {
        assert!(said.contains(granted), "{granted}: {said}");
    }
    assert!(!first_ran(&workspace), "{said}");
}

#[test]
fn what_depends_on_a_template_is_left_to_its_step() {
    let workspace = workspace(&[
        script(
            "number",
            json!({"job": {"backoffLimit": "{{ first.succeeded }}"}}),
        ),
        script("whole", json!({"job": "{{ workload.job | default({}) }}"})),
        script(
            "interpreter",
            json!({"script": {
                "content": "echo $0", "interpreter": "{{ 'sh' if first.succeeded else 'x' }}",
            }}),
        ),
        script(
            "words",
            json!({"script": {
                "content": "true", "interpreter": "{{ 'sh' }} -e",
            }}),
        ),
        script(
            "command",
            json!({
                "script": {"content": "true"}, "job": {"command": ["{{ 'sh' }}", "-c", "true"]},
            }),
        ),
        script(
            "path",
            json!({
                "script": {"content": "true", "interpreter": "mine"},
                "job": {"env": {"PATH": "{{ first.job_name }}"}},
            }),
        ),
    ]);
    let output = run(&workspace, &["--output", "json"]);
    assert!(first_ran(&workspace), "{}", stderr(&output));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let steps = report["steps"].as_array().unwrap();
    let ran: Vec<_> = steps
        .iter()
        .map(|step| {
            (
                step["step"].as_str().unwrap(),
                step["status"].as_str().unwrap(),
            )
        })
        .collect();
    let completed = [
        "first",
        "number",
        "whole",
        "interpreter",
        "words",
        "command",
    ];
    let expected: Vec<_> = completed
        .map(|step| (step, "completed"))
        .into_iter()
        .chain([("path", "failed")])
        .collect();
    assert_eq!(ran, expected, "{}", stderr(&output));
}

#[test]
fn what_an_earlier_step_makes_need_not_be_there() {
    let workspace = workspace(&[
        script("make", json!({})),
        script("use", json!({"script": {"uri": "made.sh"}})),
        script(
            "tool",
            json!({"script": {"content": "true", "interpreter": "PLACE/tool"}}),
        ),
    ]);
    let folder = workspace.path().display().to_string();
    let make = "\"content\": \"true\",\n          \"interpreter\": \"sh\"";
    let text = std::fs::read_to_string(workspace.path().join("p.yaml")).unwrap();
    assert!(text.contains(make), "{text}");
    let making = format!(
        "\"content\": \"cd {folder}; echo true > made.sh; printf '#!/bin/sh\\\\n' > tool; chmod +x tool\",\n\
         \x20         \"interpreter\": \"sh\""
    );
    let text = text.replacen(make, &making, 1).replace("PLACE", &folder);
    std::fs::write(workspace.path().join("p.yaml"), text).unwrap();
    let output = run(&workspace, &[]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
}

#[test]
fn a_step_that_nothing_leads_to_is_warned_of_and_keeps_none_from_running() {
    let workspace = workspace(&[json!({"step": "lost", "tool": {"kind": "scirpt"}})]);
    let path = workspace.path().join("p.yaml");
    let text = std::fs::read_to_string(&path).unwrap();
    let text = text.replace("\"step\": \"first\"", "\"step\": \"first\", \"next\": []");
    std::fs::write(&path, text).unwrap();
    let output = run(&workspace, &[]);
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(first_ran(&workspace));
    assert!(said.contains("unknown tool `scirpt`"), "{said}");
}

#[test]
fn no_credential_is_opened_before_everything_else_is_right() {
    let workspace = workspace(&[
        script(
            "secret",
            json!({"job": {"env": {"A": "{{ secret.token }}"}, "auth": "db"}}),
        ),
        json!({"step": "kind", "tool": {"kind": "scirpt"}}),
    ]);
    let path = workspace.path();
    let helper = format!("echo asked >> {}/asked; exit 1", path.display());
    std::fs::write(path.join("helper.sh"), helper).unwrap();
    let output = run(
        &workspace,
        &["--credential-provider", "command:/bin/sh helper.sh"],
    );
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    assert!(!path.join("asked").exists());
}

#[test]
fn nothing_is_fetched_to_find_out() {
    // A server that counts is not needed: nothing listens there, so a fetch would fail.
    let workspace = workspace(&[script(
        "remote",
        json!({"script": {"uri": "http://127.0.0.1:9/a.sh"}}),
    )]);
    let output = run(&workspace, &["--output", "json"]);
    assert!(first_ran(&workspace), "{}", stderr(&output));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["steps"][1]["outcome"]["reason"], "FetchFailed");
}
