use std::time::Duration;

use async_trait::async_trait;

use crate::{FetchRequest, ObjectSource};

/// What the suite needs to know of a source.
#[async_trait]
pub trait Harness: Send + Sync {
    /// The source.
    fn source(&self) -> &dyn ObjectSource;

    /// Puts an object where the source finds it, and gives the request that fetches it.
    ///
    /// `name` is what the object is called as far as the source lets it be: folders, spaces, percent signs and
    /// other languages included. Another object of the same name takes the place of the first.
    async fn put(&self, name: &str, bytes: &[u8]) -> FetchRequest;

    /// A request for an object that is not there, in a place that is.
    async fn missing(&self) -> FetchRequest;

    /// A request for an object that may not be read; none where everything may be.
    async fn forbidden(&self) -> Option<FetchRequest>;

    /// The same request over a bad line; none where nothing can come between the source and its objects.
    async fn over(&self, request: FetchRequest, line: BadLine) -> Option<FetchRequest>;

    /// How many connections there are now over the line that [`over`](Self::over) made last.
    async fn open_connections(&self) -> usize;

    /// How long the suite waits for anything before it fails. Generous: nothing waits longer than needed.
    fn patience(&self) -> Duration {
        Duration::from_mins(1)
    }
}

/// What is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BadLine {
    /// Each connection is cut after so many bytes of the server: the first one after the first number, and so
    /// on. Those that come later are not cut.
    Cuts(Vec<usize>),
    /// After so many bytes of the server, nothing more comes, and the connection stays open.
    Stalls(usize),
}
