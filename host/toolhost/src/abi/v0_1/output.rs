use std::sync::{Arc, Mutex};

use bytes::Bytes;
use tracing::Level;
use wasmtime_wasi::async_trait;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};

use super::shown::{GUEST_TARGET, shown};
use crate::capability::sync::lock;
use crate::scope::CallScope;

/// What a guest writes to its standard output and error.
///
/// The end of both is kept for the message of a trap. Each line is written to the host's log at the level `debug`.
#[derive(Clone)]
pub(super) struct GuestOutput {
    scope: Arc<CallScope>,
    end: Arc<Mutex<Vec<u8>>>,
}

/// One of the two streams.
#[derive(Clone)]
pub(super) struct GuestStream(Arc<Mutex<Lines>>);

/// The lines of a stream.
struct Lines {
    output: GuestOutput,
    /// The beginning of a line whose end has not been written.
    begun: Vec<u8>,
}

/// The maximum size of one write.
const WRITE_BYTES: usize = 64 << 10;
/// The part of a line that is logged by itself: more than a message of the log may have.
const MAX_LINE_BYTES: usize = 8 << 10;

impl GuestOutput {
    pub(super) fn new(scope: Arc<CallScope>) -> Self {
        let end = Arc::default();
        Self { scope, end }
    }

    /// A stream that writes to it.
    pub(super) fn stream(&self) -> GuestStream {
        let lines = Lines {
            output: self.clone(),
            begun: Vec::new(),
        };
        GuestStream(Arc::new(Mutex::new(lines)))
    }

    /// The end of what was written.
    pub(super) fn end(&self) -> String {
        String::from_utf8_lossy(&lock(&self.end)).into_owned()
    }

    /// Keeps the end instead of the beginning: a panic is the last message of a guest.
    fn append(&self, bytes: &[u8]) {
        let mut end = lock(&self.end);
        end.extend_from_slice(bytes);
        let surplus = end.len().saturating_sub(self.scope.limits.guest_log_bytes);
        end.drain(..surplus);
    }
}

impl Lines {
    fn append(&mut self, mut bytes: &[u8]) {
        self.output.append(bytes);
        if self.output.scope.is_rehearsal()
            || !tracing::enabled!(target: GUEST_TARGET, Level::DEBUG)
        {
            return;
        }
        while let Some(position) = bytes.iter().position(|byte| *byte == b'\n') {
            let (line, rest) = bytes.split_at(position);
            self.begun.extend_from_slice(line);
            self.log();
            bytes = rest.get(1..).unwrap_or_default();
        }
        self.begun.extend_from_slice(bytes);
        if self.begun.len() > MAX_LINE_BYTES {
            self.log();
        }
    }

    fn log(&mut self) {
        let line = String::from_utf8_lossy(&self.begun).into_owned();
        self.begun.clear();
        let scope = &self.output.scope;
        let tool = scope.context.tool.as_str();
        tracing::debug!(target: GUEST_TARGET, tool, "{}", shown(scope, line));
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        if !self.begun.is_empty() {
            self.log();
        }
    }
}

impl IsTerminal for GuestStream {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for GuestStream {
    fn async_stream(&self) -> Box<dyn tokio::io::AsyncWrite + Send + Sync> {
        // Only version 0.3 of WASI uses this, which is not linked.
        Box::new(tokio::io::sink())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

impl OutputStream for GuestStream {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        lock(&self.0).append(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(WRITE_BYTES)
    }
}

#[async_trait]
impl Pollable for GuestStream {
    async fn ready(&mut self) {}
}
