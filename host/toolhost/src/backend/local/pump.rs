use std::io::{self, PipeReader, Read};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use tokio::sync::oneshot;

use crate::capability::LogSink;
use crate::capability::sync::lock;

/// The default size of a pipe's buffer on Linux, so that one read empties it.
const CHUNK_BYTES: usize = 64 << 10;
/// Size of the end of the output that is kept to explain why a program ended.
const TAIL_BYTES: usize = 4 << 10;
/// Size of a pump's stack: the chunk is on the heap, and a sink's call is not deep.
const STACK_BYTES: usize = 512 << 10;
/// How long the last bytes may take once every writer is gone. They are in the pipe already; only a slow sink needs
/// time, and a process that survives SIGKILL.
const DRAIN_WAIT: Duration = Duration::from_secs(10);

/// Moves the output of an attempt to the sink, in a thread of its own: a sink may write to a file.
///
/// It keeps one chunk, however much is written, and blocks the program where the sink is slower.
#[derive(Debug)]
pub(super) struct Pump {
    outlet: Outlet,
    finished: oneshot::Receiver<Vec<u8>>,
}

impl Pump {
    /// # Errors
    ///
    /// The system cannot create a thread.
    pub(super) fn start(
        pipe: PipeReader,
        attempt: u32,
        sink: Arc<dyn LogSink>,
    ) -> io::Result<Self> {
        let outlet = Outlet(Arc::new(Mutex::new(Some(sink))));
        let (sender, finished) = oneshot::channel();
        let moved = outlet.clone();
        // The thread ends with the last writer of the pipe, and `end` disconnects it from the sink.
        thread::Builder::new()
            .name(format!("log-{attempt}"))
            .stack_size(STACK_BYTES)
            .spawn(move || drop(sender.send(pump(pipe, attempt, &moved))))?;
        Ok(Self { outlet, finished })
    }

    /// Waits until everything is in the sink, reports the end of the attempt to it, and returns the last bytes.
    ///
    /// To be called when every writer is gone. Nothing reaches the sink afterwards, even if there is a writer left.
    pub(super) async fn end(self, attempt: u32) -> Vec<u8> {
        let tail = tokio::time::timeout(DRAIN_WAIT, self.finished).await;
        if tail.is_err() {
            tracing::warn!(
                attempt,
                "the log was truncated: a process still has its pipe open"
            );
        }
        if let Some(sink) = self.outlet.close() {
            sink.end(attempt);
        }
        tail.ok().and_then(Result::ok).unwrap_or_default()
    }
}

/// The connection to the sink, until it is closed.
#[derive(Clone)]
struct Outlet(Arc<Mutex<Option<Arc<dyn LogSink>>>>);

impl Outlet {
    /// Whether the sink was still connected.
    fn write(&self, attempt: u32, bytes: &[u8]) -> bool {
        let sink = lock(&self.0);
        sink.as_ref()
            .map(|sink| sink.write(attempt, bytes))
            .is_some()
    }

    fn close(&self) -> Option<Arc<dyn LogSink>> {
        lock(&self.0).take()
    }
}

impl std::fmt::Debug for Outlet {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_tuple("Outlet").finish_non_exhaustive()
    }
}

fn pump(mut pipe: PipeReader, attempt: u32, outlet: &Outlet) -> Vec<u8> {
    let mut chunk = vec![0_u8; CHUNK_BYTES];
    let mut tail = Vec::with_capacity(2 * TAIL_BYTES);
    loop {
        let bytes = match pipe.read(&mut chunk) {
            Ok(0) => return tail,
            Ok(length) => chunk.get(..length).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => {
                tracing::warn!(attempt, %error, "the log could not be read to its end");
                return tail;
            }
        };
        if !outlet.write(attempt, bytes) {
            return tail;
        }
        let recent = bytes.len().saturating_sub(TAIL_BYTES);
        tail.extend_from_slice(bytes.get(recent..).unwrap_or_default());
        let surplus = tail.len().saturating_sub(TAIL_BYTES);
        tail.drain(..surplus);
    }
}
