//! The calls that are going on, and how they hear of a shutdown.

use tokio::sync::watch;

/// The calls of one host.
///
/// Each holds a receiver of the phase: so they hear of it, and the sender knows how many there are.
#[derive(Debug)]
pub(super) struct Calls {
    phase: watch::Sender<Phase>,
}

/// One call, which is over when this is dropped.
#[derive(Debug)]
pub(super) struct CallGuard {
    phase: watch::Receiver<Phase>,
}

/// How far a shutdown has got. A host goes through the phases in this order and never back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    /// Calls are made.
    Open,
    /// No call is started any more; those whose tools run go on.
    Closed,
    /// Calls that run are cancelled.
    Stopping,
}

impl Calls {
    pub(super) fn new() -> Self {
        Self {
            phase: watch::Sender::new(Phase::Open),
        }
    }

    /// Counts one more call; none where the host is shutting down.
    pub(super) fn enter(&self) -> Option<CallGuard> {
        // Counted before the phase is looked at, so that a shutdown that is not seen here sees this call.
        let phase = self.phase.subscribe();
        let is_open = *phase.borrow() == Phase::Open;
        is_open.then_some(CallGuard { phase })
    }

    /// Lets no call start from now on.
    pub(super) fn close(&self) {
        self.advance(Phase::Closed);
    }

    /// Cancels the calls that run.
    pub(super) fn stop(&self) {
        self.advance(Phase::Stopping);
    }

    /// Waits until there is no call.
    ///
    /// # Cancel safety
    ///
    /// Safe.
    pub(super) async fn all_over(&self) {
        self.phase.closed().await;
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.phase.receiver_count()
    }

    fn advance(&self, to: Phase) {
        self.phase.send_if_modified(|phase| {
            let is_later = to > *phase;
            if is_later {
                *phase = to;
            }
            is_later
        });
    }
}

impl CallGuard {
    /// Waits until no call may start any more.
    pub(super) async fn closed(&mut self) {
        self.reached(Phase::Closed).await;
    }

    /// Waits until calls that run have to end.
    pub(super) async fn stopped(&mut self) {
        self.reached(Phase::Stopping).await;
    }

    async fn reached(&mut self, wanted: Phase) {
        let is_reached = |phase: &Phase| *phase >= wanted;
        // A call borrows its host, so the sender is never gone.
        if self.phase.wait_for(is_reached).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
