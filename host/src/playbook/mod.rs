//! Playbooks: reading them, overriding their workload, and running their steps.
//!
//! [`Playbook::parse`] checks a whole document and reports everything that is wrong at once, each
//! problem at its place. What NoETL has and this host has not (`loop`, task lists, sub-playbooks) is
//! refused by name, never ignored. [`run()`] walks the steps and leaves each of them to a [`StepRunner`].
//!
//! # Which steps run
//!
//! The walk begins at the step `start`, or at the first one, and follows `next`. A step runs once, after
//! all steps that lead to it and ran. Of `arcs` the first whose `when` holds is followed, or with
//! `spec: {mode: inclusive}` every one; a plain list of steps is inclusive. Where no step has a `next`,
//! all run in the order in which they are written. The first step that does not complete ends the
//! playbook.

mod execution_id;
mod graph;
mod model;
mod overrides;
mod parse;
mod run;

#[cfg(test)]
mod tests;

pub use execution_id::{ExecutionIdError, new_execution_id};
pub use model::{NextArc, NextMode, Playbook, Step, ToolCall};
pub use overrides::{MAX_OVERRIDE_DEPTH, OverrideError, merge_payload, set_value};
pub use run::{
    RunFailure, RunProblem, RunReport, StepReport, StepResult, StepRunner, StepStatus, run,
};
