//! Requests that are answered in this process, without a network.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::BodyExt as _;
use http_body_util::combinators::UnsyncBoxBody;
use kube::Client;
use kube::client::Body;
use tower::service_fn;

use super::answer::answered;

/// The namespace of a job that names none.
pub(super) const NAMESPACE: &str = "default";
/// What messages call the server.
pub(super) const SERVER: &str = "in this process";

/// The body of an answer. An error breaks the answer, as a lost connection does.
pub type AnswerBody = UnsyncBoxBody<Bytes, io::Error>;
/// An answer that is to come. An error is a connection that was lost before it.
pub type PendingAnswer = Pin<Box<dyn Future<Output = io::Result<Response<AnswerBody>>> + Send>>;

/// Answers an engine's requests instead of an API server: for simulations, which need neither a network nor real time.
///
/// A run can be repeated: delays between requests are exact, and the time is that of the transport.
pub trait Transport: Send + Sync + 'static {
    /// Answers a request. Its URI has a path and a query only.
    fn send(self: Arc<Self>, request: Request<Bytes>) -> PendingAnswer;

    /// The time of this host.
    fn now(&self) -> SystemTime;
}

/// Creates a client that sends its requests through the transport. An answer that does not begin within `timeout` is an
/// error.
pub(super) fn client(transport: &Arc<dyn Transport>, timeout: Option<Duration>) -> Client {
    let transport = Arc::clone(transport);
    let service = service_fn(move |request: Request<Body>| {
        let transport = Arc::clone(&transport);
        let answer = async move {
            let (head, body) = request.into_parts();
            // Requests are complete: the engine sends no streams.
            let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
            transport.send(Request::from_parts(head, body)).await
        };
        answered(answer, timeout)
    });
    Client::new(service, NAMESPACE)
}
