//! What the tools of NoETL share that run a program as a job.
//!
//! A tool makes a [`JobPlan`] of its configuration, which finds what is wrong with it before anything is
//! started, runs it, and makes an [`Outcome`] of the [`FinishedJob`]. Each decision is a module that knows of
//! no host: `name` (what the job is called), `environment` (what the program finds), `options` (what
//! the engine shall provide), `watch` (what happened), `explanation` and `hint` (why, and how to mend
//! it).

#![no_std]

extern crate alloc;

mod compact;
pub mod config;
mod environment;
mod explanation;
mod hash;
mod hint;
mod name;
mod options;
mod outcome;
mod output;
mod plan;
mod resources;
mod watch;

pub use compact::compact;
pub use hash::hash;
pub use outcome::{AttemptOutcome, Outcome, ScriptOutcome};
pub use output::Output;
pub use plan::{CAPABILITIES, FinishedJob, JobPlan, Profile};
pub use watch::{Attempt, MAX_ATTEMPTS, Record};
