//! The events that end a call from outside.

use std::pin::Pin;
use std::time::Duration;

use tokio::time::{Instant, Sleep};
use tokio_util::sync::CancellationToken;

use super::calls::CallGuard;
use crate::capability::Reason;

/// The events that end a call from outside: its caller, its deadline, and the host's shutdown. They apply
/// from the beginning of the call to the end of its tool.
#[derive(Debug)]
pub(super) struct CallBounds {
    /// The call's own token: cancelling it does not affect the caller's token.
    cancel: CancellationToken,
    deadline: Pin<Box<Sleep>>,
    guard: CallGuard,
}

/// The event that ended a call before its tool was started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Interruption {
    /// The caller, or the deadline.
    Ended(Reason),
    /// The host starts no more calls.
    ShuttingDown,
}

impl CallBounds {
    /// The bounds of a call that starts now, may take `wall_time`, and ends with the caller's token.
    pub(super) fn new(caller: &CancellationToken, wall_time: Duration, guard: CallGuard) -> Self {
        Self {
            cancel: caller.child_token(),
            deadline: Box::pin(tokio::time::sleep(wall_time)),
            guard,
        }
    }

    /// The call's own token.
    pub(super) fn cancel(&self) -> &CancellationToken {
        &self.cancel
    }

    /// Runs a step before the start of the tool, unless the call ends first.
    pub(super) async fn before_start<T>(
        &mut self,
        work: impl Future<Output = T>,
    ) -> Result<T, Interruption> {
        tokio::select! {
            biased;
            // Work that is complete at its first poll, which is the usual case, waits for nothing else.
            result = work => {
                if self.cancel.is_cancelled() {
                    Err(Interruption::Ended(Reason::Cancelled))
                } else if Instant::now() >= self.deadline.deadline() {
                    Err(Interruption::Ended(Reason::Timeout))
                } else {
                    Ok(result)
                }
            }
            () = self.cancel.cancelled() => Err(Interruption::Ended(Reason::Cancelled)),
            () = &mut self.deadline => Err(Interruption::Ended(Reason::Timeout)),
            () = self.guard.closed() => Err(Interruption::ShuttingDown),
        }
    }

    /// Waits until the running tool has to end, and returns why.
    pub(super) async fn end(&mut self) -> Reason {
        tokio::select! {
            biased;
            () = self.cancel.cancelled() => Reason::Cancelled,
            () = &mut self.deadline => Reason::Timeout,
            () = self.guard.stopped() => Reason::Cancelled,
        }
    }
}
