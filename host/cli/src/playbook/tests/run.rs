use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use toolhost::capability::FieldPath;
use toolhost::credential::CredentialsFile;
use toolhost::sealing::Vault;
use toolhost::template::{Renderer, TemplateContext};

use super::*;
use crate::playbook::*;

/// Renders the configuration and gives it back as the outcome; `status` in it says how the step ends.
#[derive(Default)]
struct FakeRunner {
    ran: Mutex<Vec<String>>,
    /// How many secrets the execution knew after each step was rendered.
    known: Mutex<Vec<usize>>,
}

#[derive(Debug, thiserror::Error)]
#[error("no such tool: `{0}`")]
struct NoTool(String);

impl StepRunner for FakeRunner {
    type Error = NoTool;

    async fn run_step(&self, call: StepCall) -> Result<StepResult, NoTool> {
        self.ran.lock().unwrap().push(call.step.clone());
        if call.tool == "unknown" {
            return Err(NoTool(call.tool));
        }
        let rendered = Renderer::new()
            .render_value(
                &call.config,
                &call.templates,
                &Vault::of_execution(call.secrets.clone()),
            )
            .await
            .unwrap();
        self.known
            .lock()
            .unwrap()
            .push(call.secrets.texts_by_now().len());
        let Value::Object(outcome) = rendered else {
            panic!("the configuration is a mapping")
        };
        let status = match outcome.get("status").and_then(Value::as_str) {
            Some("failed") => StepStatus::Failed,
            Some("cancelled") => StepStatus::Cancelled,
            Some("timeout") => StepStatus::Timeout,
            _ => StepStatus::Completed,
        };
        Ok(StepResult {
            tool: format!("{}@0.1.0", call.tool),
            status,
            outcome,
        })
    }
}

impl FakeRunner {
    fn ran(&self) -> Vec<String> {
        self.ran.lock().unwrap().clone()
    }
}

fn inputs(playbook: &Playbook) -> RunInputs {
    let credentials = Arc::new(CredentialsFile::default());
    RunInputs {
        execution_id: "run-1".parse().unwrap(),
        workload: playbook.workload().clone(),
        secrets: Arc::clone(&credentials) as _,
        keychain: Arc::new(playbook.keychain(credentials)),
    }
}

async fn ran(body: &str) -> (Result<Report, RunFailure<NoTool>>, Vec<String>) {
    let playbook = playbook(body);
    let runner = FakeRunner::default();
    let result = run(&playbook, inputs(&playbook), &runner).await;
    (result, runner.ran())
}

#[tokio::test]
async fn the_workload_and_earlier_results_reach_later_templates() {
    let (report, _) = ran("\
workload: {bucket: b}
workflow:
  - step: first
    tool: {kind: echo, rows: 3, bucket: \"{{ workload.bucket }}\"}
  - step: second
    args: {id: \"{{ execution_id }}\"}
    tool: {kind: echo@0, rows: \"{{ first.rows + 1 }}\", all: \"{{ first.result.bucket }}/{{ step }}\"}
  - step: end
")
    .await;
    assert_eq!(
        serde_json::to_value(report.unwrap()).unwrap(),
        json!({
            "status": "completed",
            "execution_id": "run-1",
            "steps": [
                {
                    "step": "first",
                    "kind": "echo",
                    "tool": "echo@0.1.0",
                    "status": "completed",
                    "outcome": {"rows": 3, "bucket": "b"},
                },
                {
                    "step": "second",
                    "kind": "echo",
                    "tool": "echo@0@0.1.0",
                    "status": "completed",
                    "outcome": {"rows": 4, "all": "b/second", "args": {"id": "run-1"}},
                },
            ],
        })
    );
}

#[tokio::test]
async fn every_step_knows_the_secrets_of_those_before_it_and_of_conditions() {
    let book = playbook(
        "\
workflow:
  - step: first
    tool: {kind: echo, x: \"{{ secret.one }}\"}
    next: [{step: second, when: \"{{ secret.two == 'value of two' }}\"}]
  - step: second
    tool: {kind: echo}
",
    );
    let file = "secrets: {one: value of one, two: value of two, three: value of three}";
    let document = Document::parse_confidential("credentials.yaml", file).unwrap();
    let credentials = CredentialsFile::parse(&document, std::path::Path::new("")).unwrap();
    let mut inputs = inputs(&book);
    inputs.secrets = Arc::new(credentials);
    let runner = FakeRunner::default();
    run(&book, inputs, &runner).await.unwrap();
    assert_eq!(*runner.known.lock().unwrap(), [1, 2]);
}

#[tokio::test]
async fn a_step_that_does_not_complete_ends_the_run() {
    for (status, expected) in [
        ("failed", RunStatus::Failed),
        ("timeout", RunStatus::Failed),
        ("cancelled", RunStatus::Cancelled),
    ] {
        let (report, ran) = ran(&format!(
            "workflow:\n  - {{step: a, tool: {{kind: x}}}}\n  - {{step: b, tool: {{kind: x, status: {status}}}}}\n  - {{step: c, tool: {{kind: x}}}}\n"
        ))
        .await;
        let report = report.unwrap();
        assert_eq!(report.status, expected, "{status}");
        assert_eq!(
            report.status.to_string(),
            serde_json::to_value(expected).unwrap()
        );
        assert_eq!(report.steps.len(), 2);
        assert_eq!(ran, ["a", "b"]);
    }
}

#[tokio::test]
async fn a_step_that_was_not_run_ends_the_run_with_the_report_so_far() {
    let (result, ran) = ran("workflow:\n  - {step: a, tool: {kind: x}}\n  - {step: b, tool: {kind: unknown}}\n  - {step: c, tool: {kind: x}}\n").await;
    let failure = result.unwrap_err();
    assert_eq!(failure.report.status, RunStatus::Failed);
    assert_eq!(failure.report.steps.len(), 1);
    assert_eq!(failure.error.to_string(), "the step `b` was not run");
    assert!(matches!(failure.error, RunError::Step { step, .. } if step == "b"));
    assert_eq!(ran, ["a", "b"]);
}

/// A step `s` with outcome `{n: 5}`, this `next`, and the steps `a`, `b` and `both` behind them.
fn branches(next: &str) -> String {
    format!(
        "\
workload: {{yes: true, text: \"false\"}}
workflow:
  - step: s
    tool: {{kind: x, n: 5}}
    next: {next}
  - {{step: a, tool: {{kind: x}}, next: both}}
  - {{step: b, tool: {{kind: x}}, next: both}}
  - {{step: both, tool: {{kind: x}}}}
"
    )
}

#[tokio::test]
async fn conditions_choose_what_follows() {
    for (next, expected) in [
        (
            "[{step: a, when: \"{{ s.n > 5 }}\"}, {step: b}]",
            &["s", "b", "both"][..],
        ),
        (
            "[{step: a, when: \"{{ s.n == 5 }}\"}, {step: b}]",
            &["s", "a", "both"],
        ),
        (
            "[{step: a, when: \"s.n == 5\"}, {step: b}]",
            &["s", "a", "both"],
        ),
        (
            "[{step: a, when: false}, {step: b, when: true}]",
            &["s", "b", "both"],
        ),
        (
            "[{step: a, when: \"{{ workload.yes }}\"}, b]",
            &["s", "a", "both"],
        ),
        (
            "{arcs: [{step: a, when: \"{{ event.name == 'step.done' }}\"}, b]}",
            &["s", "a", "both"],
        ),
        (
            "{spec: {mode: inclusive}, arcs: [a, b]}",
            &["s", "a", "b", "both"],
        ),
        (
            "{spec: {mode: inclusive}, arcs: [{step: a, when: \"{{ not yes }}\"}, b]}",
            &["s", "b", "both"],
        ),
        ("[{step: a, when: false}, {step: b, when: false}]", &["s"]),
        ("[]", &["s"]),
    ] {
        let (report, ran) = ran(&branches(next)).await;
        assert_eq!(ran, expected, "{next}");
        assert_eq!(report.unwrap().status, RunStatus::Completed);
    }
}

#[tokio::test]
async fn a_condition_that_cannot_be_evaluated_ends_the_run_at_its_place() {
    let (result, ran) = ran(&branches("[{step: a, when: \"{{ s.n | tomato }}\"}, b]")).await;
    let failure = result.unwrap_err();
    assert_eq!(failure.report.status, RunStatus::Failed);
    assert_eq!(failure.report.steps.len(), 1);
    assert_eq!(ran, ["s"]);
    assert_eq!(
        failure.error.to_string(),
        "a condition of `next` of step `s` cannot be evaluated"
    );
    let RunError::Condition { problem, .. } = failure.error else {
        panic!("{}", failure.error)
    };
    assert_eq!(problem.location().as_deref(), Some("book.yaml:8:38"));
    assert_eq!(problem.message(), "unknown filter `tomato`");
}

#[tokio::test]
async fn what_is_wrong_with_a_configuration_is_shown_at_its_place() {
    let playbook = playbook(
        "\
workflow:
  - step: a
    input:
      rows: \"{{ workload.rows }}\"
    tool:
      kind: script
      script:
        uri: a.py
      job:
        resources:
          limits: {nvidia.com/gpu: many}
",
    );
    let shown = |path: &[&str], is_key| {
        let problem = playbook.diagnose("a", path, is_key, "odd", None);
        let span = problem.span().unwrap();
        (
            span.line,
            span.slice(playbook.document().source().text()).to_owned(),
        )
    };
    assert_eq!(shown(&["script", "uri"], false), (11, "a.py".to_owned()));
    assert_eq!(shown(&["script", "uri"], true), (11, "uri".to_owned()));
    assert_eq!(shown(&["script"], false), (10, "script".to_owned()));
    assert_eq!(
        shown(&["script", "missing"], false),
        (10, "script".to_owned())
    );
    assert_eq!(shown(&["args"], true), (6, "input".to_owned()));
    assert_eq!(shown(&["args", "rows"], true), (7, "rows".to_owned()));
    assert_eq!(shown(&[], false), (9, "script".to_owned()));

    let field = &FieldPath::from("job.resources.limits.nvidia.com/gpu");
    let problem = playbook.diagnose_field("a", field, "odd", Some("a number".to_owned()));
    assert_eq!(problem.location().as_deref(), Some("book.yaml:14:36"));
    assert_eq!(problem.help_text(), Some("a number"));
    let problem = playbook.diagnose_field("nowhere", field, "odd", None);
    assert_eq!(problem.location(), None);

    let tool = playbook.steps()[0].tool.as_ref().unwrap();
    let error = Renderer::new()
        .render_value(&tool.config, &TemplateContext::default(), &Vault::new())
        .await
        .unwrap_err();
    assert_eq!(
        playbook.diagnose_template("a", error).location().as_deref(),
        Some("book.yaml:7:17")
    );
}

#[test]
fn a_field_in_a_list_is_found_by_its_index() {
    let playbook = playbook(
        "workflow:\n  - step: a\n    tool:\n      kind: script\n      job:\n        \
         tolerations:\n          - key: x\n          - operator: Exist\n",
    );
    let field = &FieldPath::from("job.tolerations[1].operator");
    let problem = playbook.diagnose_field("a", field, "odd", None);
    let text = playbook.document().source().text();
    assert_eq!(problem.span().unwrap().slice(text), "Exist");
}

#[test]
fn overrides_change_the_workload_of_a_run() {
    let playbook = playbook("workload: {a: {b: 1, c: 2}}\nworkflow: [{step: end}]\n");
    let mut workload = playbook.workload().clone();
    let payload = Document::parse("payload.json", r#"{"a": {"b": 3}}"#).unwrap();
    merge_payload(&mut workload, &payload).unwrap();
    let from_outside: Override = "a.d=x".parse().unwrap();
    assert!(from_outside.apply(&mut workload).unwrap().is_none());
    assert_eq!(workload, json!({"a": {"b": 3, "c": 2, "d": "x"}}));
}
