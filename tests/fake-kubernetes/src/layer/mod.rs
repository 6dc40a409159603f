//! What lies before the store, or before a real server: the list of requests, and faults.

mod fault;
mod listener;
mod requests;

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use hyper::Request;
use hyper::body::Body as _;
use hyper::http::request::Parts;
use tokio::time::sleep;

pub use self::fault::{Fault, Faults, Hook, Match, Planned, When};
pub(crate) use self::listener::Listener;
pub use self::requests::{RequestRecord, Requests};
use crate::body::{self, Answer, Body};
use crate::call::Call;
use crate::status::Refusal;

/// The largest body of a request, twice what `etcd` would take.
const MAX_BODY_BYTES: usize = 3 << 20;

type Work = Pin<Box<dyn Future<Output = io::Result<Answer>> + Send>>;
type Inner = dyn Fn(Parts, Arc<Call>, Bytes) -> Work + Send + Sync;

/// Records, breaks, and hands on.
pub(crate) struct Layer {
    pub(crate) requests: Requests,
    pub(crate) faults: Faults,
    inner: Box<Inner>,
}

impl fmt::Debug for Layer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Layer")
            .field("requests", &self.requests)
            .finish_non_exhaustive()
    }
}

impl Layer {
    pub(crate) fn new(
        inner: impl Fn(Parts, Arc<Call>, Bytes) -> Work + Send + Sync + 'static,
    ) -> Self {
        Self {
            requests: Requests::default(),
            faults: Faults::default(),
            inner: Box::new(inner),
        }
    }

    /// Answers one request. An error closes the connection without an answer.
    pub(crate) async fn serve<B>(&self, request: Request<B>) -> io::Result<Answer>
    where
        B: hyper::body::Body<Data = Bytes>,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let (head, body) = request.into_parts();
        let call = Arc::new(Call::of(&head));
        let number = self.requests.begin(&call);
        // A client that gives up drops this future: its request then has an end, but no status.
        let mut ending = Ending {
            requests: &self.requests,
            number,
            status: None,
        };
        let faults = self.faults.due(&call);
        for fault in &faults {
            if let Some(end) = meet(fault, When::BeforeWork, &call).await {
                return ending.with(end);
            }
        }
        let answer = match Limited::new(body, MAX_BODY_BYTES).collect().await {
            Ok(body) => {
                let body = body.to_bytes();
                self.requests.note_body(number, &body);
                (self.inner)(head, Arc::clone(&call), body).await
            }
            Err(error) => Ok(Refusal::of_code(413, &error.to_string()).into()),
        };
        for fault in &faults {
            if let Some(end) = meet(fault, When::AfterWork, &call).await {
                return ending.with(end);
            }
        }
        let answer = answer.map(|answer| faults.iter().fold(answer, spoil));
        ending.with(answer)
    }
}

struct Ending<'a> {
    requests: &'a Requests,
    number: usize,
    status: Option<u16>,
}

impl Ending<'_> {
    fn with(&mut self, answer: io::Result<Answer>) -> io::Result<Answer> {
        self.status = answer.as_ref().ok().map(|answer| answer.status().as_u16());
        answer
    }
}

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.requests.end(self.number, self.status);
    }
}

/// Applies a fault at this stage; returns an end if the request must not continue.
async fn meet(fault: &Fault, now: When, call: &Call) -> Option<io::Result<Answer>> {
    match fault {
        Fault::Refuse(when, refusal) if *when == now => Some(Ok(refusal.clone().into())),
        Fault::Close(when) if *when == now => Some(Err(io::ErrorKind::ConnectionAborted.into())),
        Fault::Stall(when, Some(time)) if *when == now => {
            sleep(*time).await;
            None
        }
        Fault::Stall(when, None) if *when == now => std::future::pending().await,
        Fault::Call(when, hook) if *when == now => {
            hook.call(call);
            None
        }
        _ => None,
    }
}

fn spoil(answer: Answer, fault: &Fault) -> Answer {
    match *fault {
        Fault::Cut { bytes } => answer.map(|body| shortened(body, bytes, true)),
        Fault::Say(text) => body::answer(200, "text/plain", body::whole(text)),
        Fault::Silence { bytes } => answer.map(|body| shortened(body, bytes, false)),
        _ => answer,
    }
}

/// A body that breaks, or says nothing more, after so many bytes.
fn shortened(mut body: Body, bytes: usize, breaks: bool) -> Body {
    let (pieces, stream) = body::stream();
    tokio::spawn(async move {
        let mut left = bytes;
        while left > 0 && !body.is_end_stream() {
            let frame = tokio::select! {
                    frame = body.frame() => frame,
                () = pieces.closed() => return,
            };
            let Some(Ok(frame)) = frame else { return };
            let Ok(mut data) = frame.into_data() else {
                continue;
            };
            data.truncate(left);
            left -= data.len();
            if pieces.send(Ok(data)).await.is_err() {
                return;
            }
        }
        if left > 0 {
            return;
        }
        if breaks {
            let _ = pieces
                .send(Err(io::ErrorKind::ConnectionReset.into()))
                .await;
        } else {
            pieces.closed().await;
        }
    });
    stream
}
