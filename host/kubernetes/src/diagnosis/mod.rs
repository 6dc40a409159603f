//! Why a job does not start, or failed: translates the states of the cluster's objects into a reason, a message, a hint
//! and a field.
//!
//! Everything here is pure: objects in, verdicts out; the time is a parameter. The texts of the kubelet, the scheduler
//! and the API server are not a stable interface, so a text that is unknown here is never decisive alone: it is passed
//! on, and given time.

mod admission;
mod attempt;
mod container;
mod creation;
mod disruption;
mod field;
mod image;
mod job;
mod login;
mod missing;
mod output;
mod pending;
mod pod_events;
mod queue;
mod quote;
mod refusal;
mod scheduling;
mod start;
mod wait_timer;
mod waiting;

#[cfg(test)]
mod tests;

#[cfg(test)]
pub(crate) use waiting::Class;

pub(crate) use attempt::{AttemptContext, AttemptVerdict, JobStop, attempt_end};
pub(crate) use creation::failed_create;
pub(crate) use job::{JobContext, attempts_missing, job_end};
pub(crate) use login::LoginFailed;
pub(crate) use output::from_log_tail;
pub(crate) use pending::waiting;
pub(crate) use pod_events::{from_pod_events, with_pull_secrets};
pub(crate) use queue::queued;
pub(crate) use refusal::{Creating, creation_refused};
pub(crate) use wait_timer::{Verdict, WaitTimer};
pub(crate) use waiting::{WaitPolicy, Waiting, WaitingContext};
