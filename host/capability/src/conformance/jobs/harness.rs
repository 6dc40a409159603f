use std::time::Duration;

use async_trait::async_trait;

use super::Behaviour;
use crate::{JobRequest, JobRunner, Reason};

/// What the suite needs to know of an engine.
#[async_trait]
pub trait Harness: Send + Sync {
    /// The engine.
    fn runner(&self) -> &dyn JobRunner;

    /// How long things take.
    fn timing(&self) -> Timing;

    /// A request for a job that behaves so.
    ///
    /// `case` is a DNS label of at most 40 characters, and another one for each job of the suite. The
    /// request's name shall begin with it, and may go on where jobs of an earlier run still exist. The
    /// suite adds environment, limits and retries to what is returned.
    async fn request(&self, case: &str, behaviour: &Behaviour) -> JobRequest;

    /// A request for a job that nothing lets start for as long as it lives, such as one that no node has room for, and
    /// the reason of its wait. None where an engine starts every job at once.
    async fn waiting_request(&self, case: &str) -> Option<(JobRequest, Reason)> {
        let _ = case;
        None
    }

    /// Whether anything of the job of that name runs, or is still to be run.
    async fn is_running(&self, name: &str) -> bool;
}

/// How long things take on an engine.
#[derive(Debug, Clone, Copy)]
pub struct Timing {
    /// How long the suite waits for anything before it fails. Generous: nothing waits longer than needed.
    pub patience: Duration,
    /// A time in which a program surely starts and exits.
    pub unit: Duration,
    /// The delay after the first failure.
    pub first_backoff: Duration,
    /// A delay that comes after some failures, and in which there is time enough to cancel. At most what
    /// the tenth delay would be.
    pub long_backoff: Duration,
}
