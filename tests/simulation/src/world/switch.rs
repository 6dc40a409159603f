//! Whether the server is up. Those that wait for it are woken in their order, so that runs are the same each time.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// A server that is up, until it is not.
#[derive(Debug, Default)]
pub(crate) struct Switch {
    is_down: AtomicBool,
    changed: Notify,
}

impl Switch {
    pub(crate) fn set_up(&self, is_up: bool) {
        self.is_down.store(!is_up, Ordering::SeqCst);
        self.changed.notify_waiters();
    }

    pub(crate) fn is_up(&self) -> bool {
        !self.is_down.load(Ordering::SeqCst)
    }

    /// Waits until the server is down.
    pub(crate) async fn down(&self) {
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            changed.as_mut().enable();
            if !self.is_up() {
                return;
            }
            changed.await;
        }
    }
}
