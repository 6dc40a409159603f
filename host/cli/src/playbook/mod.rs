//! Playbooks: reading them, and running their steps.
//!
//! [`Playbook::parse`] reads the part of NoETL's language that this host runs, and refuses the rest by
//! name: every problem at once, each at its place. [`run`] lets a [`StepRunner`] check every step before the first
//! one runs, then walks the steps and gives it each one that has a tool; which tools there are is the runner's business, and nothing here knows a
//! kind of tool. [`Override`] and [`merge_payload`] change the workload from outside.
//!
//! # The order of the steps
//!
//! The first step is the one called `start`, or else the first one written. After a step its `next` is
//! followed; where no step of a playbook has a `next`, each is followed by the one written below it.
//! `next` leads forward only. Of several arcs the first whose `when` holds is taken, or in the mode
//! `inclusive` each one that holds. Steps run one after another, each at most once, and one to which
//! several arcs lead runs after all the steps before it that run at all.

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
