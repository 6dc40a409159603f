//! One step of a playbook, run on the cluster as a person runs it, and `kubectl`.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};

use super::{Place, kubeconfig};
use crate::program::Workspace;

/// No run of these tests takes this long; one that does is stuck, and would hold up all tests after it.
pub(super) const STUCK: Duration = Duration::from_mins(5);

/// What a run of one step came to.
pub(super) struct Ran {
    pub(super) outcome: Value,
    pub(super) code: Option<i32>,
    pub(super) stdout: String,
    pub(super) stderr: String,
    pub(super) took: Duration,
}

/// A run of one script as a step, still to be started.
pub(super) struct Run {
    namespace: String,
    workspace: Workspace,
    kubeconfig: PathBuf,
    more: Vec<&'static str>,
}

/// Runs one script as a step named `step`, with more of the step's `tool:` in `tool`.
pub(super) async fn run(place: &Place, step: &str, script: (&str, &str), tool: Value) -> Ran {
    Run::new(place, step, script, tool).finish().await
}

impl Run {
    pub(super) fn new(place: &Place, step: &str, script: (&str, &str), tool: Value) -> Self {
        let workspace = Workspace::new(&[script]);
        write_playbook(place, &workspace, step, script.0, tool);
        Self {
            namespace: place.namespace.clone(),
            workspace,
            kubeconfig: kubeconfig(),
            more: Vec::new(),
        }
    }

    /// With the login of another kubeconfig.
    pub(super) fn with_kubeconfig(mut self, path: &Path) -> Self {
        path.clone_into(&mut self.kubeconfig);
        self
    }

    /// With these secrets in a credentials file.
    pub(super) fn with_secrets(mut self, secrets: &Value) -> Self {
        const FILE: &str = "credentials.yaml";
        let text = json!({"secrets": secrets}).to_string();
        std::fs::write(self.workspace.path().join(FILE), text).unwrap();
        self.more.extend(["--credentials", FILE]);
        self
    }

    /// Runs it to its end.
    pub(super) async fn finish(self) -> Ran {
        let mut run = self;
        run.more.extend(["--output", "json"]);
        run.finish_and_see("", async {}).await
    }

    /// Starts it; it tells on standard error how it goes.
    pub(super) fn spawn(self) -> (Workspace, tokio::process::Child) {
        let mut arguments = vec!["run", "p.yaml", "--engine", "kubernetes"];
        arguments.extend(["--execution-id", "42"]);
        arguments.extend(self.more);
        let mut command = command(&self.workspace, &arguments);
        command.env("KUBECONFIG", &self.kubeconfig);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = tokio::process::Command::from(command)
            .kill_on_drop(true)
            .spawn();
        (self.workspace, child.unwrap())
    }

    /// Runs it to its end, and has it tell how it goes, which it does where no JSON is asked for; once it has told a line that holds `awaited`, `then` is done.
    pub(super) async fn finish_and_see(self, awaited: &str, then: impl Future<Output = ()>) -> Ran {
        let namespace = self.namespace.clone();
        let begun = Instant::now();
        let (_workspace, mut child) = self.spawn();
        let mut stdout = child.stdout.take().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut told = String::new();
        let telling = async {
            let mut then = Some(then);
            while let Some(line) = lines.next_line().await.unwrap() {
                told = std::mem::take(&mut told) + &line + "\n";
                if line.contains(awaited)
                    && let Some(then) = then.take()
                {
                    then.await;
                }
            }
        };
        let mut report = Vec::new();
        let ends = async { tokio::join!(stdout.read_to_end(&mut report), telling, child.wait()).2 };
        let Ok(status) = tokio::time::timeout(STUCK, ends).await else {
            child.start_kill().unwrap();
            let seen = kubectl(&["describe", "jobs,pods,events", "-n", &namespace]);
            panic!("it is not over after {STUCK:?}; it told\n{told}\n{seen}");
        };
        let output = Output {
            status: status.unwrap(),
            stdout: report,
            stderr: told.into_bytes(),
        };
        ran(&output, begun.elapsed())
    }
}

fn ran(output: &Output, took: Duration) -> Ran {
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    let report: Value = serde_json::from_str(&stdout).unwrap_or(Value::Null);
    Ran {
        outcome: report["steps"][0]["outcome"].clone(),
        code: output.status.code(),
        stdout,
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        took,
    }
}

/// A command of the program in a workspace, with the cluster of the tests.
pub(super) fn command(workspace: &Workspace, arguments: &[&str]) -> Command {
    let mut command = workspace.command(arguments);
    command.env("KUBECONFIG", kubeconfig());
    command
}

/// Writes a playbook of one step, whose job is made in the namespace.
fn write_playbook(place: &Place, workspace: &Workspace, step: &str, script: &str, mut tool: Value) {
    tool["kind"] = json!("script");
    tool["script"] = json!({"uri": script, "source": {"type": "file"}});
    tool["job"]["namespace"] = json!(place.namespace);
    let playbook = json!({
        "apiVersion": "noetl.io/v2", "kind": "Playbook", "metadata": {"name": "test"},
        "workflow": [{"step": step, "tool": tool}],
    });
    std::fs::write(workspace.path().join("p.yaml"), playbook.to_string()).unwrap();
}

/// What `kubectl` writes, as the administrator of the cluster.
pub(super) fn kubectl(arguments: &[&str]) -> String {
    let output = Command::new("kubectl")
        .args(arguments)
        .env("KUBECONFIG", kubeconfig())
        .output();
    let output = output.unwrap();
    assert!(
        output.status.success(),
        "{arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

/// Gives objects to `kubectl apply` or `kubectl delete`.
pub(super) fn kubectl_with(action: &str, objects: &[Value]) {
    let mut child = Command::new("kubectl")
        .args([action, "-f", "-"])
        .env("KUBECONFIG", kubeconfig())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let list = json!({"apiVersion": "v1", "kind": "List", "items": objects});
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(list.to_string().as_bytes()).unwrap();
    drop(stdin);
    assert!(child.wait().unwrap().success(), "kubectl {action}");
}
