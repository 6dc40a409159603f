//! The running calls, and how they are notified of a shutdown.

use tokio::sync::watch;

/// The calls of one host.
///
/// Each holds a receiver of the phase: this notifies them, and the sender knows their number.
#[derive(Debug)]
pub(super) struct Calls {
    phase: watch::Sender<Phase>,
}

/// One call, which ends when this is dropped.
#[derive(Debug)]
pub(super) struct CallGuard {
    phase: watch::Receiver<Phase>,
}

/// The phase of a shutdown. A host goes through the phases in this order and never back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    /// Calls are accepted.
    Open,
    /// No new call is started; calls whose tools run continue.
    Closed,
    /// Running calls are cancelled.
    Stopping,
}

impl Calls {
    pub(super) fn new() -> Self {
        Self {
            phase: watch::Sender::new(Phase::Open),
        }
    }

    /// Counts one more call; `None` if the host is shutting down.
    pub(super) fn enter(&self) -> Option<CallGuard> {
        // Counted before the phase is read, so that a shutdown that is not seen here sees this call.
        let phase = self.phase.subscribe();
        let is_open = *phase.borrow() == Phase::Open;
        is_open.then_some(CallGuard { phase })
    }

    /// Stops accepting calls.
    pub(super) fn close(&self) {
        self.advance(Phase::Closed);
    }

    /// Cancels the running calls.
    pub(super) fn stop(&self) {
        self.advance(Phase::Stopping);
    }

    /// Waits until no call is left.
    ///
    /// # Cancel safety
    ///
    /// Safe.
    pub(super) async fn all_over(&self) {
        self.phase.closed().await;
    }

    /// The number of calls.
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
    /// Waits until calls are no longer accepted.
    pub(super) async fn closed(&mut self) {
        self.reached(Phase::Closed).await;
    }

    /// Waits until running calls have to end.
    pub(super) async fn stopped(&mut self) {
        self.reached(Phase::Stopping).await;
    }

    async fn reached(&mut self, wanted: Phase) {
        let is_reached = |phase: &Phase| *phase >= wanted;
        // A call borrows its host, so the sender still exists.
        if self.phase.wait_for(is_reached).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
