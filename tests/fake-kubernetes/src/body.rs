//! Bodies of answers: whole ones, and streams that may break.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Frame;
use hyper::{Response, StatusCode, header};
use serde_json::Value;
use tokio::sync::mpsc;

use crate::status::Refusal;

/// The body of an answer. An error in it breaks the connection.
pub(crate) type Body = UnsyncBoxBody<Bytes, io::Error>;

/// An answer.
pub(crate) type Answer = Response<Body>;

/// How many pieces a stream holds before its writer waits for the reader.
const STREAM_CAPACITY: usize = 16;

/// Where a stream's pieces are put.
pub(crate) type Pieces = mpsc::Sender<io::Result<Bytes>>;

/// A body that is written while it is read.
struct Stream(mpsc::Receiver<io::Result<Bytes>>);

impl hyper::body::Body for Stream {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let next = self.0.poll_recv(context);
        next.map(|piece| piece.map(|piece| piece.map(Frame::data)))
    }
}

/// A body, and where to write it.
pub(crate) fn stream() -> (Pieces, Body) {
    let (sender, receiver) = mpsc::channel(STREAM_CAPACITY);
    (sender, Stream(receiver).boxed_unsync())
}

pub(crate) fn whole(bytes: impl Into<Bytes>) -> Body {
    let never = |error: std::convert::Infallible| match error {};
    Full::new(bytes.into()).map_err(never).boxed_unsync()
}

/// An answer with a body of that type.
pub(crate) fn answer(status: u16, content_type: &'static str, body: Body) -> Answer {
    let mut answer = Response::new(body);
    *answer.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let content_type = header::HeaderValue::from_static(content_type);
    answer
        .headers_mut()
        .insert(header::CONTENT_TYPE, content_type);
    answer
}

pub(crate) fn json(status: u16, value: &Value) -> Answer {
    answer(status, "application/json", whole(value.to_string()))
}

impl From<Refusal> for Answer {
    fn from(refusal: Refusal) -> Self {
        let mut answer = json(refusal.code, &refusal.to_status());
        if let Some(seconds) = refusal.retry_after_seconds() {
            let seconds = header::HeaderValue::from(seconds);
            answer.headers_mut().insert(header::RETRY_AFTER, seconds);
        }
        answer
    }
}
