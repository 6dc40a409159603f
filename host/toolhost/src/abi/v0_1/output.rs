use std::sync::{Arc, Mutex};

use crate::capability::sync::lock;
use bytes::Bytes;
use wasmtime_wasi::async_trait;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};

/// The end of what a guest wrote to its standard error.
#[derive(Debug, Clone)]
pub(super) struct GuestStderr {
    limit: usize,
    written: Arc<Mutex<Vec<u8>>>,
}

/// The maximum size of one write.
const WRITE_BYTES: usize = 64 << 10;

impl GuestStderr {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit,
            written: Arc::default(),
        }
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&lock(&self.written)).into_owned()
    }

    /// Keeps the end instead of the beginning: a panic is the last message of a guest.
    fn append(&self, bytes: &[u8]) {
        let mut written = lock(&self.written);
        written.extend_from_slice(bytes);
        let surplus = written.len().saturating_sub(self.limit);
        written.drain(..surplus);
    }
}

impl IsTerminal for GuestStderr {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for GuestStderr {
    fn async_stream(&self) -> Box<dyn tokio::io::AsyncWrite + Send + Sync> {
        // Only version 0.3 of WASI uses this, which is not linked.
        Box::new(tokio::io::sink())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

impl OutputStream for GuestStderr {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.append(&bytes);
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
impl Pollable for GuestStderr {
    async fn ready(&mut self) {}
}
