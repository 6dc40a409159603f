use std::sync::Mutex;

use async_trait::async_trait;
use serde_json::{Value, json};

use super::*;
use crate::sealing::Vault;
use crate::template::{Renderer, TemplateContext, TemplateError};

/// Renders each step's configuration, returns it as the outcome, and does what `status` in it says.
#[derive(Default)]
struct Echo {
    ran: Mutex<Vec<String>>,
}

#[async_trait]
impl StepRunner for Echo {
    type Error = TemplateError;

    async fn run_step(
        &self,
        step: &Step,
        tool: &ToolCall,
        context: &TemplateContext,
    ) -> Result<StepResult, TemplateError> {
        assert_eq!(context.step, step.name);
        self.ran.lock().unwrap().push(step.name.clone());
        let outcome = Renderer::new()
            .render_value(&tool.config, context, &Vault::new())
            .await?;
        let status = outcome.get("status").and_then(Value::as_str);
        Ok(StepResult {
            status: StepStatus::from_name(status.unwrap_or("completed")).unwrap(),
            tool: format!("{}@0.1.0", tool.kind),
            outcome,
        })
    }
}

async fn walk(text: &str) -> (Vec<String>, Result<RunReport, RunFailure<TemplateError>>) {
    let playbook = parse(text);
    let context = TemplateContext {
        execution_id: "522095307073519743".to_owned(),
        workload: std::sync::Arc::new(playbook.workload.clone()),
        ..TemplateContext::default()
    };
    let echo = Echo::default();
    let result = run(&playbook, context, &Renderer::new(), &echo).await;
    let ran = echo.ran.lock().unwrap().clone();
    (ran, result)
}

async fn ran(text: &str) -> Vec<String> {
    let (ran, result) = walk(text).await;
    result.unwrap();
    ran
}

#[tokio::test]
async fn later_steps_see_the_results_of_earlier_ones() {
    let (_, result) = walk(
        "\
workload: {name: x}
workflow:
  - step: one
    tool: {kind: script, output: \"{{ workload.name }}1\"}
    next: two
  - step: two
    tool: {kind: script@0.1, seen: \"{{ one.output }}\", id: \"{{ execution_id }}\"}
    next: end
  - step: end
",
    )
    .await;
    assert_eq!(
        result.unwrap().to_json().to_string(),
        json!({
            "status": "completed",
            "execution_id": "522095307073519743",
            "steps": [
                {
                    "step": "one",
                    "kind": "script",
                    "tool": "script@0.1.0",
                    "status": "completed",
                    "outcome": {"output": "x1"},
                },
                {
                    "step": "two",
                    "kind": "script",
                    "tool": "script@0.1.0",
                    "status": "completed",
                    "outcome": {"seen": "x1", "id": "522095307073519743"},
                },
            ],
        })
        .to_string()
    );
}

#[tokio::test]
async fn the_first_step_that_does_not_complete_ends_the_playbook() {
    for status in ["failed", "cancelled", "timeout"] {
        let (ran, result) = walk(&format!(
            "\
workflow:
  - step: one
    tool: {{kind: script, status: {status}}}
    next: two
  - step: two
    tool: {{kind: script}}
"
        ))
        .await;
        let report = result.unwrap();
        assert_eq!(ran, ["one"]);
        assert_eq!(report.status.as_str(), status);
        assert_eq!(report.to_json()["status"], json!(status));
        assert_eq!(report.steps.len(), 1);
    }
}

#[tokio::test]
async fn conditions_choose_the_way() {
    let text = |mode: &str, n: u32| {
        format!(
            "\
workload: {{n: {n}}}
workflow:
  - step: one
    tool: {{kind: script, n: \"{{{{ workload.n }}}}\"}}
    next:
      spec: {{mode: {mode}}}
      arcs:
        - {{step: small, when: \"{{{{ one.n < 5 }}}}\"}}
        - {{step: tiny, when: one.n < 3}}
        - {{step: other, when: \"{{{{ one.n == 100 }}}}\"}}
  - {{step: small, tool: {{kind: script}}, next: end}}
  - {{step: tiny, tool: {{kind: script}}, next: end}}
  - {{step: other, tool: {{kind: script}}, next: end}}
  - {{step: end, tool: {{kind: script}}}}
"
        )
    };
    assert_eq!(ran(&text("exclusive", 1)).await, ["one", "small", "end"]);
    assert_eq!(
        ran(&text("inclusive", 1)).await,
        ["one", "small", "tiny", "end"]
    );
    assert_eq!(ran(&text("inclusive", 4)).await, ["one", "small", "end"]);
    assert_eq!(ran(&text("exclusive", 100)).await, ["one", "other", "end"]);
    assert_eq!(ran(&text("exclusive", 50)).await, ["one"]);
}

#[tokio::test]
async fn steps_without_any_next_run_in_order() {
    let text = "\
workflow:
  - {step: c, tool: {kind: script}}
  - {step: a, tool: {kind: script}}
  - {step: b, tool: {kind: script}}
";
    assert_eq!(ran(text).await, ["c", "a", "b"]);
}

#[tokio::test]
async fn a_step_that_nothing_leads_to_does_not_run() {
    let text = "\
workflow:
  - {step: a, tool: {kind: script}, next: c}
  - {step: b, tool: {kind: script}, next: c}
  - {step: c, tool: {kind: script}}
";
    assert_eq!(ran(text).await, ["a", "c"]);
}

#[tokio::test]
async fn a_step_that_makes_no_sense_ends_the_run_with_what_was_done() {
    let text = "\
workflow:
  - {step: a, tool: {kind: script}, next: b}
  - {step: b, tool: {kind: script, x: \"{{ a.absent }}\"}}
";
    let (_, result) = walk(text).await;
    let failure = result.unwrap_err();
    assert_eq!(failure.step, "b");
    assert_eq!(failure.report.status, StepStatus::Failed);
    assert_eq!(failure.report.steps.len(), 1);
    assert!(matches!(failure.problem, RunProblem::Step(_)));
}

#[tokio::test]
async fn a_condition_that_makes_no_sense_is_shown_at_its_place() {
    let text = "\
workflow:
  - step: fetch
    tool: {kind: script, status: completed}
    next:
      - {step: b, when: \"{{ fetch.statsu == 'x' }}\"}
  - step: b
";
    let (_, result) = walk(text).await;
    let failure = result.unwrap_err();
    let RunProblem::Condition { error, path } = failure.problem else {
        panic!("a condition");
    };
    let shown = error.diagnostic_at(&document(text), &path).render(false);
    let expected = "  \
  × `fetch.statsu` is not defined
   ╭─[book.yaml:5:29]
 4 │     next:
 5 │       - {step: b, when: \"{{ fetch.statsu == 'x' }}\"}
   ·                             ────────────
 6 │   - step: b
   ╰────
  help: did you mean `status`?
";
    assert_eq!(shown, expected);
}
