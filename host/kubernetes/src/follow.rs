//! Follows what one pod writes, from its first byte to its last.

use std::sync::Arc;
use std::time::Duration;

use futures_util::AsyncBufReadExt as _;
use http::Request;
use jiff::Timestamp;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use toolhost_capability::LogSink;

use super::client::Connection;
use super::log_stream::LogStream;
use super::phase;
use super::retry::{self, backoff_up_to, passing};
use super::view::PodView;

/// How long a stream may be silent after the container ended. The kubelet ends it with the last byte; what
/// it did not send by then is read again, but for what was rotated away meanwhile.
const END_TIMEOUT: Duration = Duration::from_secs(3);
/// How long a container runs before its log is followed where many are: one that is over by then takes one request
/// for its log instead of two, and it is the followed one that costs the API server most.
const FOLLOW_DELAY: Duration = Duration::from_secs(5);
/// How long after the end of a stream the end of the container is waited for: the kubelet says so up to a
/// second later. A stream that ended by itself is begun again then.
const STATUS_DELAY: Duration = Duration::from_secs(2);
/// The longest delay before a log that cannot be followed is followed again: that of a lost node, say, whose pod nobody
/// ends. What is missed meanwhile is read at the end.
const MAX_FOLLOW_DELAY: Duration = Duration::from_mins(1);
/// How long the rest of the log of a container that ended is asked for, while nothing of it comes.
const REST_TIMEOUT: Duration = Duration::from_mins(1);
/// How much of the end is kept to tell why a script failed.
const TAIL_BYTES: usize = 4 << 10;

/// What is known about the container that writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Writing {
    /// It runs.
    Runs,
    /// It ended; its log is there.
    Ended,
    /// It is gone, and its log with it.
    Gone,
}

impl Writing {
    /// What is known of a pod's script, whose object may be gone from the server.
    pub(super) fn of(pod: &PodView, is_gone: bool) -> Self {
        if is_gone || pod.is_lost() {
            Self::Gone
        } else if phase::phase(pod).has_ended {
            Self::Ended
        } else {
            Self::Runs
        }
    }
}

/// Whose log is followed, and where it goes.
pub(super) struct Follower {
    pub(super) connection: Arc<Connection>,
    pub(super) namespace: String,
    pub(super) pod: String,
    pub(super) container: &'static str,
    pub(super) attempt: u32,
    pub(super) logs: Arc<dyn LogSink>,
    pub(super) writing: watch::Receiver<Writing>,
}

/// What became of it.
#[derive(Debug, Default)]
pub(super) struct Followed {
    /// The last of what was written.
    pub(super) tail: Vec<u8>,
    /// Why something may be missing.
    pub(super) problem: Option<String>,
}

/// How a stream ended.
enum StreamEnd {
    /// The server ended it in order.
    Complete,
    /// It broke off.
    Cut,
    /// There is no such log, and there will be none.
    Missing(Option<String>),
}

impl Follower {
    /// Follows the log until it is complete, or cannot be had. Says so to the sink at its end.
    pub(super) async fn run(mut self) -> Followed {
        let mut reader = self.reader();
        let problem = self.read_all(&mut reader).await;
        reader.end(problem)
    }

    /// Reads what is there of the log of a container, and does not wait for more.
    pub(super) async fn run_rest(self) -> Followed {
        let mut reader = self.reader();
        let problem = self.read_rest(&mut reader).await;
        reader.end(problem)
    }

    fn reader(&self) -> Reader {
        Reader {
            stream: LogStream::default(),
            tail: Vec::new(),
            attempt: self.attempt,
            logs: Arc::clone(&self.logs),
        }
    }

    async fn read_all(&mut self, reader: &mut Reader) -> Option<String> {
        if self.connection.follows_many().await {
            let ended = self.writing.wait_for(|writing| *writing != Writing::Runs);
            // One that is gone is asked for once all the same.
            if let Ok(Ok(Writing::Ended)) = timeout(FOLLOW_DELAY, ended)
                .await
                .map(|it| it.map(|it| *it))
            {
                return self.read_rest(reader).await;
            }
        }
        let mut backoff = backoff_up_to(MAX_FOLLOW_DELAY);
        loop {
            let before = reader.position();
            let end = self.read_stream(reader, true).await;
            if reader.position() != before {
                backoff.reset();
            }
            let delay = match end {
                StreamEnd::Missing(problem) => return problem,
                StreamEnd::Complete => STATUS_DELAY + backoff.next_delay(),
                StreamEnd::Cut => backoff.next_delay(),
            };
            // A stream that is over says nothing about the container.
            let ended = self.writing.wait_for(|writing| *writing != Writing::Runs);
            match timeout(delay, ended).await {
                Ok(Ok(writing)) if *writing == Writing::Gone => return None,
                Ok(_) => break,
                Err(_) => {}
            }
        }
        self.read_rest(reader).await
    }

    /// Reads once more after the end: whatever ended the stream, nothing is missing then.
    async fn read_rest(&self, reader: &mut Reader) -> Option<String> {
        let mut backoff = backoff_up_to(retry::MAX_DELAY);
        let mut give_up = Instant::now() + REST_TIMEOUT;
        loop {
            let before = reader.position();
            match self.read_stream(reader, false).await {
                StreamEnd::Complete => {
                    let remark = reader.stream.remark();
                    return remark.map(|remark| format!("the node says of its log: {remark}"));
                }
                StreamEnd::Missing(problem) => return problem,
                StreamEnd::Cut => {}
            }
            if reader.position() != before {
                backoff.reset();
                give_up = Instant::now() + REST_TIMEOUT;
            }
            let delay = backoff.next_delay();
            if Instant::now() + delay >= give_up {
                return Some("the node did not give the rest of the log".to_owned());
            }
            sleep(delay).await;
        }
    }

    /// Reads one stream. One that follows may be quiet as long as the container runs; another one may not.
    async fn read_stream(&self, reader: &mut Reader, follow: bool) -> StreamEnd {
        let Ok((client, _permit)) = self.connection.log_client().await else {
            return StreamEnd::Cut;
        };
        let path = self.path(reader.stream.begin(), follow);
        let Ok(request) = Request::get(path).body(Vec::new()) else {
            return StreamEnd::Missing(None);
        };
        let mut silence = Silence::new(self, follow);
        let answer = tokio::select! {
            // Boxed, since a log is followed for much longer than it is asked for.
            answer = Box::pin(client.request_stream(request)) => answer,
            () = silence.runs_out() => return StreamEnd::Cut,
        };
        let mut body = match answer {
            Ok(body) => Box::pin(body),
            Err(error) => return refused(&error),
        };
        let mut position = reader.position();
        loop {
            let read = tokio::select! {
                read = body.fill_buf() => read,
                () = silence.runs_out() => return StreamEnd::Cut,
            };
            let taken = match read {
                Ok([]) => return StreamEnd::Complete,
                Ok(bytes) => {
                    reader.read(bytes);
                    bytes.len()
                }
                Err(error) => {
                    tracing::debug!(%error, pod = self.pod, "a log broke off, and is gone on with");
                    return StreamEnd::Cut;
                }
            };
            body.as_mut().consume_unpin(taken);
            // What was there before is no news, however much of it comes; a stream that follows may be behind.
            if follow || reader.position() != position {
                position = reader.position();
                silence.begin();
            }
        }
    }

    fn path(&self, since: Option<Timestamp>, follow: bool) -> String {
        let Self {
            namespace,
            pod,
            container,
            ..
        } = self;
        let mut path = format!(
            "/api/v1/namespaces/{namespace}/pods/{pod}/log?container={container}&timestamps=true"
        );
        if follow {
            path.push_str("&follow=true");
        }
        if let Some(since) = since {
            // In UTC, with nothing that must be escaped.
            path.push_str("&sinceTime=");
            path.push_str(&since.to_string());
        }
        path
    }
}

/// Where what is read goes.
struct Reader {
    stream: LogStream,
    tail: Vec<u8>,
    attempt: u32,
    logs: Arc<dyn LogSink>,
}

impl Reader {
    fn read(&mut self, bytes: &[u8]) {
        let (stream, write) = self.parts();
        stream.read(bytes, write);
    }

    /// Says that there is no more.
    fn end(mut self, problem: Option<String>) -> Followed {
        let (stream, write) = self.parts();
        stream.end(write);
        self.logs.end(self.attempt);
        Followed {
            tail: self.tail,
            problem,
        }
    }

    fn parts(&mut self) -> (&mut LogStream, impl FnMut(&[u8])) {
        let Self {
            stream,
            tail,
            attempt,
            logs,
        } = self;
        let write = |new: &[u8]| {
            logs.write(*attempt, new);
            tail.extend_from_slice(new);
            if tail.len() > 2 * TAIL_BYTES {
                tail.drain(..tail.len() - TAIL_BYTES);
            }
        };
        (stream, write)
    }

    fn position(&self) -> u64 {
        self.stream.passed_on()
    }
}

/// How long a stream may go on being silent: one that follows as long as its container runs, and then, as
/// every other one, for some time.
struct Silence {
    /// Whether the container runs, where the stream follows it and the end was not heard of.
    writing: Option<watch::Receiver<Writing>>,
    longest: Duration,
    end: Instant,
}

impl Silence {
    fn new(follower: &Follower, follow: bool) -> Self {
        let longest = if follow {
            END_TIMEOUT
        } else {
            follower.connection.request_timeout()
        };
        Self {
            writing: follow.then(|| follower.writing.clone()),
            longest,
            end: Instant::now() + longest,
        }
    }

    /// Something was heard.
    fn begin(&mut self) {
        self.end = Instant::now() + self.longest;
    }

    /// Waits until it was silent for too long.
    ///
    /// # Cancel safety
    ///
    /// Safe.
    async fn runs_out(&mut self) {
        if let Some(writing) = &mut self.writing {
            let ended = writing.wait_for(|writing| *writing != Writing::Runs);
            // Who watches the pod is there as long as this is.
            if ended.await.is_err() {
                std::future::pending::<()>().await;
            }
            self.writing = None;
            self.begin();
        }
        sleep_until(self.end).await;
    }
}

fn refused(error: &kube::Error) -> StreamEnd {
    match retry::code(error) {
        Some(404) if is_of_node(error) => StreamEnd::Cut,
        Some(404) => StreamEnd::Missing(None),
        Some(403) => StreamEnd::Missing(Some(format!("the log may not be read: {error}"))),
        // A container that is about to start.
        Some(400) => StreamEnd::Cut,
        _ if passing(error).is_some() => StreamEnd::Cut,
        // The API server says so of a kubelet that does not answer, in many words.
        Some(500) => StreamEnd::Cut,
        _ => StreamEnd::Missing(Some(format!("the log cannot be read: {error}"))),
    }
}

/// Whether a node says so, which the API server passes on with a kind of its own; of a pod that is gone it says so
/// itself. A kubelet that was started anew does not know a pod until it has listed its pods, which took up to a
/// second.
fn is_of_node(error: &kube::Error) -> bool {
    let kube::Error::Api(status) = error else {
        return false;
    };
    let details = status.details.as_ref();
    details.is_some_and(|details| details.kind == "pods/log")
}
