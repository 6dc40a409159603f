use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::capability::{CapabilityError, Reason};

/// The number of bytes that the host holds for a guest, and its limit.
#[derive(Debug, Clone)]
pub(super) struct ByteBudget(Arc<Held>);

#[derive(Debug)]
struct Held {
    limit: u64,
    bytes: AtomicU64,
}

/// Bytes that count as held until the last clone is dropped.
#[derive(Debug, Clone)]
pub(super) struct Reservation(
    #[expect(dead_code, reason = "it is only kept to be dropped")] Arc<Reserved>,
);

#[derive(Debug)]
struct Reserved {
    held: Arc<Held>,
    bytes: u64,
}

impl ByteBudget {
    pub(super) fn new(limit: u64) -> Self {
        let bytes = AtomicU64::new(0);
        Self(Arc::new(Held { limit, bytes }))
    }

    /// Counts bytes before they are held, or rejects them.
    pub(super) fn reserve(&self, bytes: u64) -> Result<Reservation, CapabilityError> {
        let Held { limit, bytes: held } = &*self.0;
        let add = |held: u64| held.checked_add(bytes).filter(|sum| sum <= limit);
        // No other memory access depends on its order.
        if held
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, add)
            .is_err()
        {
            let held = held.load(Ordering::Relaxed);
            let message = format!(
                "the host holds at most {limit} bytes of objects, secrets and jobs for a tool; it \
                 holds {held}, and {bytes} more were requested"
            );
            return Err(CapabilityError::new(Reason::TooLarge, message));
        }
        let held = Arc::clone(&self.0);
        Ok(Reservation(Arc::new(Reserved { held, bytes })))
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        self.held.bytes.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_is_given_back_when_the_last_of_it_is_gone() {
        let budget = ByteBudget::new(10);
        let six = budget.reserve(6).unwrap();
        let shared = six.clone();
        assert_eq!(
            budget.reserve(5).unwrap_err().explanation.reason,
            Reason::TooLarge
        );
        assert!(budget.reserve(u64::MAX).is_err());
        drop(six);
        assert!(budget.reserve(5).is_err(), "a clone holds it");
        drop(shared);
        assert!(budget.reserve(10).is_ok());
    }
}
