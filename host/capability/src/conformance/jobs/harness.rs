use std::time::Duration;

use async_trait::async_trait;

use super::Behaviour;
use crate::{JobRequest, JobRunner, Reason};

/// What the suite needs from an engine.
#[async_trait]
pub trait Harness: Send + Sync {
    /// The engine.
    fn runner(&self) -> &dyn JobRunner;

    /// The durations of the engine.
    fn timing(&self) -> Timing;

    /// Returns a request for a job with this behavior.
    ///
    /// `case` is a DNS label of at most 40 characters, and unique for each job of the suite. The request's name must
    /// begin with it, and may be longer where jobs of an earlier run still exist. The suite adds environment, limits
    /// and retries to the request.
    async fn request(&self, case: &str, behaviour: &Behaviour) -> JobRequest;

    /// Returns a request for a job that can never start, such as one that no node has capacity for, and the reason of
    /// its wait. None where an engine starts every job immediately.
    async fn waiting_request(&self, case: &str) -> Option<(JobRequest, Reason)> {
        let _ = case;
        None
    }

    /// Whether a part of the job of that name runs, or is still to be run.
    async fn is_running(&self, name: &str) -> bool;
}

/// Durations on an engine.
#[derive(Debug, Clone, Copy)]
pub struct Timing {
    /// How long the suite waits for anything before it fails. Generous: nothing waits longer than needed.
    pub patience: Duration,
    /// A time in which a program certainly starts and exits.
    pub unit: Duration,
    /// The delay after the first failure.
    pub first_backoff: Duration,
    /// A delay that occurs after some failures, and is long enough for a cancellation. At most the tenth delay.
    pub long_backoff: Duration,
}
