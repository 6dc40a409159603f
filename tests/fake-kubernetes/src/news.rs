//! Tells many tasks that something changed, in the order in which they wait: `tokio::sync::watch` wakes them in a random
//! order, and runs in virtual time are to be the same each time.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Notify;

/// Notifies subscribers of changes.
#[derive(Debug, Clone, Default)]
pub(crate) struct News(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    count: AtomicU64,
    changed: Notify,
}

/// One that waits for changes.
#[derive(Debug)]
pub(crate) struct Subscriber {
    shared: Arc<Shared>,
    seen: u64,
}

impl News {
    pub(crate) fn tell(&self) {
        self.0.count.fetch_add(1, Ordering::SeqCst);
        self.0.changed.notify_waiters();
    }

    pub(crate) fn subscribe(&self) -> Subscriber {
        Subscriber {
            seen: self.0.count.load(Ordering::SeqCst),
            shared: Arc::clone(&self.0),
        }
    }
}

impl Subscriber {
    /// Marks all notifications so far as known.
    pub(crate) fn mark_unchanged(&mut self) {
        self.seen = self.shared.count.load(Ordering::SeqCst);
    }

    /// Waits for something that was not seen yet. It never fails.
    pub(crate) async fn changed(&mut self) -> Result<(), Infallible> {
        loop {
            let mut notified = std::pin::pin!(self.shared.changed.notified());
            notified.as_mut().enable();
            let now = self.shared.count.load(Ordering::SeqCst);
            if now != self.seen {
                self.seen = now;
                return Ok(());
            }
            notified.await;
        }
    }
}
