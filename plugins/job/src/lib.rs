//! Code shared by NoETL's tools that run a program as a job.
//!
//! A tool creates a [`JobPlan`] from its configuration, which reports errors before anything is started, runs
//! it, and creates an [`Outcome`] from the [`FinishedJob`]. Each decision is a module that does not depend on
//! the host: `name` (the name of the job), `environment` (the environment of the program), `options` (the
//! options of the job), `watch` (what happened), `explanation` and `hint` (why, and how to fix it).

#![no_std]

extern crate alloc;

mod compact;
pub mod config;
mod environment;
mod explanation;
mod hash;
mod hint;
mod image;
mod name;
mod options;
mod outcome;
mod output;
mod plan;
mod profile;
mod resources;
mod watch;

pub use compact::compact;
pub use hash::hash;
pub use image::ImageProgram;
pub use outcome::{AttemptOutcome, Outcome, ScriptOutcome};
pub use output::Output;
pub use plan::{CAPABILITIES, FinishedJob, JobPlan};
pub use profile::Profile;
pub use watch::{Attempt, MAX_ATTEMPTS, Record};
