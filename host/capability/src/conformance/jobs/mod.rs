//! The requirements for every engine, as a test suite that anyone can run against their own.
//!
//! A [`Harness`] provides the engine and turns a [`Behaviour`] into a request that the engine can run; [`run_all`] then
//! runs every case. Where an engine runs real programs and has `sh`, `yes`, `head`, `tail` and `sleep`,
//! [`shell_request`] does the work. Each case is public as well, so that it can be a test of its own. A case that fails
//! panics with what was observed.
//!
//! The suite makes no assumptions about paths, names of pods, or the time that an engine needs: the harness states how
//! long to wait. It does not check features of only some engines, such as adoption.
//!
//! ```
//! use std::time::Duration;
//! use async_trait::async_trait;
//! use toolhost_capability::conformance::jobs::{self, Behaviour, Harness, Timing, shell_request};
//! use toolhost_capability::{JobRequest, JobRunner};
//!
//! struct Suite<E> {
//!     engine: E,
//!     /// A folder that jobs write to, in which the engine has one of their name while they run.
//!     scratch: std::path::PathBuf,
//! }
//!
//! #[async_trait]
//! impl<E: JobRunner> Harness for Suite<E> {
//!     fn runner(&self) -> &dyn JobRunner {
//!         &self.engine
//!     }
//!
//!     fn timing(&self) -> Timing {
//!         Timing {
//!             patience: Duration::from_secs(30),
//!             unit: Duration::from_millis(500),
//!             first_backoff: Duration::from_millis(10),
//!             long_backoff: Duration::from_millis(640),
//!         }
//!     }
//!
//!     async fn request(&self, name: &str, behaviour: &Behaviour) -> JobRequest {
//!         let counter = self.scratch.join(name);
//!         let counter = counter.display();
//!         shell_request(name, behaviour, &format!("echo >> {counter}; wc -l < {counter}"))
//!     }
//!
//!     async fn is_running(&self, name: &str) -> bool {
//!         let jobs = std::fs::read_dir(self.scratch.join("jobs"));
//!         let mut jobs = jobs.into_iter().flatten().flatten();
//!         jobs.any(|job| job.file_name().to_string_lossy().starts_with(name))
//!     }
//! }
//!
//! async fn my_engine_conforms(engine: impl JobRunner, scratch: std::path::PathBuf) {
//!     jobs::run_all(&Suite { engine, scratch }).await;
//! }
//! ```

mod behaviour;
mod cancellation;
mod harness;
mod input;
pub mod observation;
mod outcomes;
mod refusals;
mod shell;
mod waiting;

pub use behaviour::{Behaviour, printed_bytes};
pub use cancellation::{
    cancels_a_job_that_ignores_it, cancels_a_running_job, cancels_during_the_backoff,
    changes_nothing_when_cancelled_after_the_end, ends_a_job_whose_creation_was_dropped,
    ends_a_job_whose_handle_was_dropped,
};
pub use harness::{Harness, Timing};
pub use input::{
    passes_an_empty_object_without_arguments, passes_arguments_byte_for_byte,
    passes_large_arguments_in_a_file, passes_the_environment,
};
pub use outcomes::{
    counts_the_deadline_over_all_attempts, gives_up_at_the_backoff_limit, keeps_logs_complete,
    retries_until_it_succeeds, succeeds, tells_when_memory_was_not_enough,
};
pub use refusals::{
    refuses_a_name_that_is_taken, refuses_an_unknown_option, refuses_what_makes_no_sense,
};
pub use shell::shell_request;
pub use waiting::{names_the_wait_at_the_deadline, names_the_wait_when_cancelled};

use std::str::FromStr;

use crate::NameError;

/// Passes the names of all cases to a macro, so that each can be a test of its own.
///
/// ```
/// macro_rules! count {
///     ($($case:ident),+ $(,)?) => { [$(stringify!($case)),+].len() };
/// }
/// assert!(toolhost_capability::for_each_conformance_case!(count) > 10);
/// ```
#[macro_export]
macro_rules! for_each_conformance_case {
    ($callback:ident) => {
        $callback! {
            succeeds,
            retries_until_it_succeeds,
            gives_up_at_the_backoff_limit,
            counts_the_deadline_over_all_attempts,
            tells_when_memory_was_not_enough,
            keeps_logs_complete,
            passes_the_environment,
            passes_an_empty_object_without_arguments,
            passes_arguments_byte_for_byte,
            passes_large_arguments_in_a_file,
            cancels_a_running_job,
            cancels_a_job_that_ignores_it,
            cancels_during_the_backoff,
            changes_nothing_when_cancelled_after_the_end,
            ends_a_job_whose_handle_was_dropped,
            ends_a_job_whose_creation_was_dropped,
            refuses_a_name_that_is_taken,
            refuses_an_unknown_option,
            refuses_what_makes_no_sense,
            names_the_wait_at_the_deadline,
            names_the_wait_when_cancelled,
        }
    };
}

/// A name that is chosen by the suite.
fn named<Name: FromStr<Err = NameError>>(text: &str) -> Name {
    text.parse().unwrap_or_else(|error| panic!("{error}"))
}

/// Runs every case, one after the other.
///
/// # Panics
///
/// At the first case that fails.
pub async fn run_all(harness: &dyn Harness) {
    macro_rules! one_after_the_other {
        ($($case:ident),+ $(,)?) => {
            $($case(harness).await;)+
        };
    }
    for_each_conformance_case!(one_after_the_other);
}
