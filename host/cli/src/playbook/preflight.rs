//! Checks of a playbook before its first step runs.

use std::collections::HashSet;

use toolhost::sealing::ExecutionSecrets;
use toolhost::template::TemplateContext;

use super::ExecutionId;
use super::model::Playbook;
use super::runner::{StepCall, StepProblem, StepRunner};

/// Has the runner check every step that has a tool, in the order in which they run, and returns the problems
/// of those that can be reached. Problems of the others are only reported to the runner.
pub(super) async fn check<R: StepRunner>(
    playbook: &Playbook,
    execution_id: &ExecutionId,
    runner: &R,
) -> Vec<StepProblem<R::Error>> {
    let mut problems = Vec::new();
    let reached: HashSet<_> = playbook.order.iter().copied().collect();
    let left = (0..playbook.steps.len()).filter(|index| !reached.contains(index));
    for index in playbook.order.iter().copied().chain(left) {
        let Some(step) = playbook.steps.get(index) else {
            continue;
        };
        let Some(tool) = &step.tool else { continue };
        let call = StepCall {
            step: step.name.clone(),
            tool: tool.reference.clone(),
            config: tool.config.clone(),
            templates: TemplateContext::default().with_execution_id(execution_id.to_string()),
            secrets: ExecutionSecrets::new(),
        };
        let Err(source) = runner.check_step(call).await else {
            continue;
        };
        let problem = StepProblem {
            step: step.name.clone(),
            source,
        };
        if reached.contains(&index) {
            problems.push(problem);
        } else {
            runner.note_unreachable(problem);
        }
    }
    problems
}
