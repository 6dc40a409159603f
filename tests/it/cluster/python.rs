//! The python tool, whose programs come back with a value through their pod's log.

use serde_json::{Value, json};
use tokio::time::timeout;

use super::Place;
use super::step::{STUCK, command};
use crate::guests;
use crate::kubernetes::process::RUN;
use crate::program::Workspace;

/// Runs a playbook, and gives what its steps came to.
async fn run(workspace: &Workspace, playbook: &Value) -> Value {
    std::fs::write(workspace.path().join("p.yaml"), playbook.to_string()).unwrap();
    let mut command = tokio::process::Command::from(command(workspace, &RUN));
    let output = timeout(STUCK, command.kill_on_drop(true).output()).await;
    let output = output.expect("it is not over").unwrap();
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)))
}

#[tokio::test]
#[ignore = "needs a cluster: TOOLHOST_TEST_KUBECONFIG"]
async fn verify_job_of_the_specification_reads_what_the_script_before_it_came_to() {
    let place = Place::new("python").await;
    let fixture = guests::workspace().join("tests/fixtures/spec/verify-job.yaml");
    let text = std::fs::read_to_string(fixture).unwrap();
    let mut playbook: Value = serde_saphyr::from_str(&text).unwrap();
    // The example is in the namespace `noetl`, and these tests are in their own.
    playbook["workflow"][0]["tool"]["job"] = json!({"namespace": place.namespace});
    playbook["workflow"][1]["job"] = json!({"namespace": place.namespace});
    let workspace = Workspace::new(&[]);
    std::fs::create_dir(workspace.path().join("scripts")).unwrap();
    let script = workspace.path().join("scripts/processor.py");
    std::fs::write(script, "print('processed')\n").unwrap();

    let report = run(&workspace, &playbook).await;
    let outcome = |step: usize| &report["steps"][step]["outcome"];
    assert_eq!(outcome(0)["output"], "processed\n", "{report:#}");
    assert_eq!(outcome(1)["status"], "completed", "{report:#}");
    assert_eq!(outcome(1)["result"], json!({"success": true}), "{report:#}");
    let output = outcome(1)["output"].as_str().unwrap();
    assert!(output.starts_with("✓ Job succeeded in "), "{output}");
    place.delete().await;
}

#[tokio::test]
#[ignore = "needs a cluster: TOOLHOST_TEST_KUBECONFIG"]
async fn an_exception_is_reported_with_its_line() {
    let place = Place::new("exception").await;
    let playbook = json!({
        "apiVersion": "noetl.io/v2", "kind": "Playbook", "metadata": {"name": "test"},
        "workflow": [{"step": "fails", "tool": {
            "kind": "python",
            "code": "def main(least):\n    print('comparing')\n    if least > 3:\n        raise ValueError(f'{least} is too much')\n",
            "args": {"least": 4},
            "job": {"namespace": place.namespace},
        }}],
    });
    let report = run(&Workspace::new(&[]), &playbook).await;
    let outcome = &report["steps"][0]["outcome"];
    assert_eq!(outcome["status"], "failed", "{report:#}");
    assert_eq!(
        outcome["message"], "`main` raised `ValueError: 4 is too much` in line 4 of `code`",
        "{report:#}"
    );
    assert_eq!(
        (&outcome["failed"], &outcome["result"]),
        (&json!(1), &Value::Null)
    );
    // Two pipes, which a node reads each by itself: which of both comes first is not sure.
    let output = outcome["output"].as_str().unwrap();
    assert!(output.contains("comparing\n"), "{output}");
    assert!(output.contains("Traceback"), "{output}");
    assert!(output.contains("ValueError: 4 is too much\n"), "{output}");
    place.delete().await;
}
