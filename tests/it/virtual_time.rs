//! Time that passes as soon as nothing else happens.

use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use tokio::runtime::Handle;

/// How long a case may take by the clock on the wall: what spins lets no virtual time pass, and would never end.
const PATIENCE: Duration = Duration::from_mins(1);

/// Runs a case on one thread of its own, where [`tokio::time::pause`] lets virtual time begin. What is set up by other
/// threads is set up before.
pub(crate) fn in_virtual_time<F: Future<Output = ()>>(case: impl FnOnce() -> F + Send + 'static) {
    let (ended, end) = channel::<()>();
    let thread = std::thread::spawn(move || {
        let _ended = ended;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(case());
    });
    match end.recv_timeout(PATIENCE) {
        // Nothing is ever sent: the other side is gone, with or without a panic.
        Err(RecvTimeoutError::Disconnected) => {
            if let Err(panic) = thread.join() {
                std::panic::resume_unwind(panic);
            }
        }
        _ => panic!("no time passes: something spins"),
    }
}

/// How often the thread of this runtime was woken up, for whatever reason.
pub(crate) fn wake_ups() -> u64 {
    Handle::current().metrics().worker_park_count(0)
}
