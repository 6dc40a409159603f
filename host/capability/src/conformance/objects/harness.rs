use std::time::Duration;

use async_trait::async_trait;

use crate::{FetchRequest, ObjectSource};

/// What the suite needs from a source.
#[async_trait]
pub trait Harness: Send + Sync {
    /// The source.
    fn source(&self) -> &dyn ObjectSource;

    /// Puts an object where the source finds it, and returns the request that fetches it.
    ///
    /// `name` is the name of the object as far as the source allows: including folders, spaces, percent signs and other
    /// languages. Another object of the same name replaces the first.
    async fn put(&self, name: &str, bytes: &[u8]) -> FetchRequest;

    /// Returns a request for an object that does not exist, in a place that does.
    async fn missing(&self) -> FetchRequest;

    /// Returns a request for an object that may not be read; none where everything may be.
    async fn forbidden(&self) -> Option<FetchRequest>;

    /// Returns the same request over a faulty connection; none where the source has no connections.
    async fn over(&self, request: FetchRequest, line: BadLine) -> Option<FetchRequest>;

    /// Returns the number of open connections of the line that [`over`](Self::over) created last.
    async fn open_connections(&self) -> usize;

    /// How long the suite waits for anything before it fails. Generous: nothing waits longer than needed.
    fn patience(&self) -> Duration {
        Duration::from_mins(1)
    }
}

/// The fault of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BadLine {
    /// Each connection is cut after this number of bytes of the server: the first one after the first number, and so
    /// on. Later ones are not cut.
    Cuts(Vec<usize>),
    /// After this number of bytes of the server, no more arrive, and the connection stays open.
    Stalls(usize),
}
