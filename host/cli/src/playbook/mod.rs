//! Playbooks: reading them, and running their steps.
//!
//! [`Playbook::parse`] reads the part of NoETL's language that this host runs, and rejects the rest by name:
//! all problems together, each with its position. [`run`] has a [`StepRunner`] check every step before the
//! first one runs, then passes it each step that has a tool, in order; the runner determines which tools
//! exist, and this module is independent of them. [`Override`] and [`merge_payload`] change the workload
//! from outside.
//!
//! # The order of the steps
//!
//! The first step is the one named `start`, or otherwise the first one written. `next` of a step names its
//! successors; if no step of a playbook has a `next`, each is followed by the one written below it. `next`
//! only leads forward. Of several arcs the first whose `when` is true is taken, or in the mode `inclusive`
//! every one whose `when` is true. Steps run one after another, each at most once, and a step with several
//! incoming arcs runs after all of its predecessors that run at all.

mod execution_id;
mod graph;
mod model;
mod overrides;
mod parse;
mod preflight;
mod report;
mod run;
mod runner;

#[cfg(test)]
mod tests;

pub use execution_id::{ExecutionId, MAX_EXECUTION_ID_BYTES, ParseExecutionIdError};
pub use model::{Condition, Metadata, Next, NextArc, NextMode, Playbook, Step, StepTool};
pub use overrides::{Override, OverrideError, merge_payload};
pub use report::{Report, RunStatus, StepReport, StepStatus};
pub use run::{RunError, RunFailure, RunInputs, run};
pub use runner::{StepCall, StepProblem, StepResult, StepRunner};
