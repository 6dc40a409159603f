//! The bodies of answers: logs and watches, which may break anywhere.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use fake_kubernetes::Call;
use futures_util::stream;
use http::Response;
use http_body::{Body as _, Frame};
use http_body_util::{BodyExt as _, StreamBody};
use tokio::sync::mpsc;
use tokio::time::sleep;
use toolhost_kubernetes::AnswerBody;

use super::network::{EventFault, Link};

/// How many pieces are on their way.
const CAPACITY: usize = 16;

type Pieces = mpsc::Sender<io::Result<Bytes>>;

/// An answer as it arrives; it breaks, or falls silent, after so many bytes.
pub(crate) fn carried(
    link: Arc<Link>,
    call: &Call,
    answer: Response<AnswerBody>,
    end: Option<(u64, bool)>,
) -> Response<AnswerBody> {
    let is_watch = call.verb == "watch";
    answer.map(|body| {
        let (pieces, mut received) = mpsc::channel(CAPACITY);
        tokio::spawn(async move {
            let mut carrier = Carrier {
                pieces,
                left: end.map_or(u64::MAX, |(bytes, _)| bytes),
                is_watch,
                held: None,
            };
            let mut is_dead = link.is_dead.subscribe();
            let is_up = Arc::clone(&link.is_up);
            let stopped = carrier.pieces.clone();
            let breaks = tokio::select! {
                biased;
                _ = is_dead.wait_for(|is_dead| *is_dead) => false,
                () = is_up.down() => true,
                () = stopped.closed() => return,
                end_of_body = carrier.run(&link, body) => match end_of_body {
                    End::Complete => return,
                    End::Cut => true,
                    End::TooLong => end.is_some_and(|(_, breaks)| breaks),
                },
            };
            if breaks {
                let broken = Err(io::ErrorKind::ConnectionReset.into());
                let _ = stopped.send(broken).await;
            } else {
                stopped.closed().await;
            }
        });
        let frames = stream::poll_fn(move |context| {
            let piece = received.poll_recv(context);
            piece.map(|piece| piece.map(|piece| piece.map(Frame::data)))
        });
        StreamBody::new(frames).boxed_unsync()
    })
}

enum End {
    Complete,
    Cut,
    TooLong,
}

struct Carrier {
    pieces: Pieces,
    left: u64,
    is_watch: bool,
    /// An event that comes after the next one.
    held: Option<Bytes>,
}

impl Carrier {
    async fn run(&mut self, link: &Link, mut body: AnswerBody) -> End {
        while !body.is_end_stream() {
            let Some(Ok(frame)) = body.frame().await else {
                break;
            };
            let Ok(data) = frame.into_data() else {
                continue;
            };
            if self.piece(link, data).await.is_err() {
                return if self.left == 0 {
                    End::TooLong
                } else {
                    End::Cut
                };
            }
        }
        if let Some(held) = self.held.take() {
            // It is sent, or the connection breaks.
            let _ = self.send(held).await;
        }
        if self.left == 0 {
            End::TooLong
        } else {
            End::Complete
        }
    }

    async fn piece(&mut self, link: &Link, data: Bytes) -> Result<(), Broken> {
        let held = self.held.take();
        // Errors and bookmarks are not held: what follows them in a real watch follows them here.
        let is_event = self.is_watch
            && [
                &b"{\"type\":\"ADDED\""[..],
                b"{\"type\":\"MODIFIED\"",
                b"{\"type\":\"DELETED\"",
            ]
            .iter()
            .any(|beginning| data.starts_with(beginning));
        let fault = if is_event && held.is_none() {
            link.event_fault()
        } else {
            None
        };
        match fault {
            None => self.send(data).await?,
            Some(EventFault::Twice) => {
                self.send(data.clone()).await?;
                self.send(data).await?;
            }
            Some(EventFault::AfterNext) => {
                self.held = Some(data);
                return Ok(());
            }
            Some(EventFault::Late(time)) => {
                sleep(time).await;
                self.send(data).await?;
            }
            Some(EventFault::Cut) => {
                let half = data.len() / 2;
                self.send(data.slice(..half)).await?;
                return Err(Broken);
            }
        }
        match held {
            Some(held) => self.send(held).await,
            None => Ok(()),
        }
    }

    async fn send(&mut self, mut data: Bytes) -> Result<(), Broken> {
        let allowed = usize::try_from(self.left).unwrap_or(usize::MAX);
        let is_too_long = data.len() >= allowed;
        data.truncate(allowed);
        self.left -= data.len() as u64;
        if !data.is_empty() && self.pieces.send(Ok(data)).await.is_err() {
            return Err(Broken);
        }
        if is_too_long { Err(Broken) } else { Ok(()) }
    }
}

/// Nothing more is carried.
struct Broken;
