//! The program itself, on a cluster.

use std::path::Path;
use std::process::{Output, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::{guests, program};

/// How long a process may take.
const PATIENCE: Duration = Duration::from_mins(2);

/// A command of the program in `folder`, with the cluster of a kubeconfig.
pub(crate) fn command(folder: &Path, kubeconfig: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::from(program::command(folder, arguments));
    command
        // The tools are compiled once for all processes.
        .env("XDG_CACHE_HOME", guests::workspace().join("target/guests"))
        .env("KUBECONFIG", kubeconfig)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let credentials = folder.join("c.yaml");
    if credentials.exists() {
        command.env("TOOLHOST_CREDENTIALS", credentials);
    }
    command
}

/// Waits for the end of a process.
pub(crate) async fn finish(child: Child) -> Output {
    let output = timeout(PATIENCE, child.wait_with_output()).await;
    output.expect("the process does not end").unwrap()
}

/// Runs a command to its end.
pub(crate) async fn run(folder: &Path, kubeconfig: &Path, arguments: &[&str]) -> Output {
    finish(command(folder, kubeconfig, arguments).spawn().unwrap()).await
}

/// Writes a playbook of one step that runs a script of the shell.
pub(crate) fn write_playbook(folder: &Path, namespace: &str, script: &str) {
    write_playbook_with(folder, namespace, script, &json!({}));
}

/// Writes such a playbook whose job has a secret.
pub(crate) fn write_playbook_with_secret(folder: &Path, namespace: &str, script: &str) {
    let environment = json!({"TOKEN": "{{ secret.token }}"});
    write_playbook_with(folder, namespace, script, &environment);
}

fn write_playbook_with(folder: &Path, namespace: &str, script: &str, environment: &Value) {
    std::fs::write(folder.join("a.sh"), script).unwrap();
    std::fs::write(folder.join("c.yaml"), "secrets: {token: hunter2-hunter2}\n").unwrap();
    let job = json!({
        "image": "busybox:1", "namespace": namespace, "backoffLimit": 2, "env": environment,
    });
    let playbook = json!({
        "apiVersion": "noetl.io/v2", "kind": "Playbook", "metadata": {"name": "test"},
        "workflow": [{"step": "step", "tool": {
            "kind": "script", "script": {"uri": "a.sh", "source": {"type": "file"}}, "job": job,
        }}],
    });
    std::fs::write(folder.join("p.yaml"), playbook.to_string()).unwrap();
}

/// What runs the playbook.
pub(crate) const RUN: [&str; 8] = [
    "run",
    "p.yaml",
    "--engine",
    "kubernetes",
    "--output",
    "json",
    "--execution-id",
    "42",
];
/// The name of its job.
pub(crate) const JOB: &str = "script-step-42";

/// The outcome of the one step.
pub(crate) fn outcome(output: &Output) -> Value {
    let report: Value = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
    report["steps"][0]["outcome"].clone()
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}
