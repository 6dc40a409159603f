//! Follows the log of one pod, from its first byte to its last.

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

/// How long a stream may be silent after the container ended. The kubelet ends it with the last byte; what it did not
/// send by then is read again, except for what was rotated away meanwhile.
const END_TIMEOUT: Duration = Duration::from_secs(3);
/// How long a container runs before its log is followed where many are: a container that has ended by then takes one
/// request for its log instead of two, and the following request costs the API server most.
const FOLLOW_DELAY: Duration = Duration::from_secs(5);
/// How long the end of the container is waited for after the end of a stream: the kubelet reports it up to a second
/// later. A stream that ended by itself is resumed after that.
const STATUS_DELAY: Duration = Duration::from_secs(2);
/// The longest delay before following a log is retried: that of a lost node, for example, whose pod is not ended. What
/// is missed meanwhile is read at the end.
const MAX_FOLLOW_DELAY: Duration = Duration::from_mins(1);
/// How long the rest of the log of an ended container is requested, while no data arrives.
const REST_TIMEOUT: Duration = Duration::from_mins(1);
/// Size of the end of a log that is kept to find why a script failed.
const TAIL_BYTES: usize = 4 << 10;

/// State of the container that writes the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Writing {
    /// It runs.
    Runs,
    /// It ended; its log exists.
    Ended,
    /// It is gone, and its log with it.
    Gone,
}

impl Writing {
    /// Returns the state of a pod's script; the pod's object may be gone from the server.
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

/// The log to follow, and its destination.
pub(super) struct Follower {
    pub(super) connection: Arc<Connection>,
    pub(super) namespace: String,
    pub(super) pod: String,
    pub(super) container: &'static str,
    pub(super) attempt: u32,
    pub(super) logs: Arc<dyn LogSink>,
    pub(super) writing: watch::Receiver<Writing>,
}

/// The result of following a log.
#[derive(Debug, Default)]
pub(super) struct Followed {
    /// The end of the log.
    pub(super) tail: Vec<u8>,
    /// Why some of the log may be missing.
    pub(super) problem: Option<String>,
}

/// How a stream ended.
enum StreamEnd {
    /// The server ended it properly.
    Complete,
    /// It was interrupted.
    Cut,
    /// There is no such log, and there will be none.
    Missing(Option<String>),
}

impl Follower {
    /// Follows the log until it is complete or unavailable, and reports its end to the sink.
    pub(super) async fn run(mut self) -> Followed {
        let mut reader = self.reader();
        let problem = self.read_all(&mut reader).await;
        reader.end(problem)
    }

    /// Reads the existing log of a container, and does not wait for more.
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
        let writing = *self.writing.borrow();
        if writing == Writing::Ended {
            return self.read_rest(reader).await;
        }
        if self.connection.follows_many().await {
            let ended = self.writing.wait_for(|writing| *writing != Writing::Runs);
            // A container that is gone is asked for its log once.
            if let Ok(Ok(Writing::Ended)) = timeout(FOLLOW_DELAY, ended)
                .await
                .map(|it| it.map(|it| *it))
            {
                return self.read_rest(reader).await;
            }
        }
        let mut backoff = backoff_up_to(&self.connection, MAX_FOLLOW_DELAY);
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
            // The end of a stream does not mean that the container ended.
            let ended = self.writing.wait_for(|writing| *writing != Writing::Runs);
            match timeout(delay, ended).await {
                Ok(Ok(writing)) if *writing == Writing::Gone => return None,
                Ok(_) => break,
                Err(_) => {}
            }
        }
        self.read_rest(reader).await
    }

    /// Reads once more after the end, so that nothing is missing whatever ended the stream.
    async fn read_rest(&self, reader: &mut Reader) -> Option<String> {
        let mut backoff = backoff_up_to(&self.connection, retry::MAX_DELAY);
        let mut give_up = Instant::now() + REST_TIMEOUT;
        loop {
            let before = reader.position();
            match self.read_stream(reader, false).await {
                StreamEnd::Complete => {
                    let remark = reader.stream.remark();
                    return remark
                        .map(|remark| format!("the node reports about its log: {remark}"));
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
                return Some("the node did not return the rest of the log".to_owned());
            }
            sleep(delay).await;
        }
    }

    /// Reads one stream. A following stream may be silent as long as the container runs; another one may not.
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
            biased;
            // Boxed, since following a log takes much longer than requesting it.
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
                // First, so that a stream whose data is always there cannot exceed its time.
                biased;
                () = silence.runs_out() => return StreamEnd::Cut,
                read = body.fill_buf() => read,
            };
            let taken = match read {
                Ok([]) => return StreamEnd::Complete,
                Ok(bytes) => {
                    reader.read(bytes);
                    bytes.len()
                }
                Err(error) => {
                    tracing::debug!(%error, pod = self.pod, "a log was interrupted and is resumed");
                    return StreamEnd::Cut;
                }
            };
            body.as_mut().consume_unpin(taken);
            // What existed before is not progress, however much of it arrives; a following stream may be behind.
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
            // In UTC, without characters that must be escaped.
            path.push_str("&sinceTime=");
            path.push_str(&since.to_string());
        }
        path
    }
}

/// Where the data goes.
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

    /// Reports the end of the log.
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

/// How long a stream may stay silent: a following stream as long as its container runs, and after that, like every
/// other stream, for some time.
struct Silence {
    /// Whether the container runs, where the stream follows it and its end is not known.
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

    /// Restarts the time: data arrived.
    fn begin(&mut self) {
        self.end = Instant::now() + self.longest;
    }

    /// Waits until the stream was silent for too long.
    ///
    /// # Cancel safety
    ///
    /// Safe.
    async fn runs_out(&mut self) {
        if let Some(writing) = &mut self.writing {
            let ended = writing.wait_for(|writing| *writing != Writing::Runs);
            // The task that watches the pod exists as long as this one.
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
        Some(403) => StreamEnd::Missing(Some(format!("not allowed to read the log: {error}"))),
        // A container that is about to start.
        Some(400) => StreamEnd::Cut,
        _ if passing(error).is_some() => StreamEnd::Cut,
        // The API server answers this for a kubelet that does not answer, in many variants.
        Some(500) => StreamEnd::Cut,
        _ => StreamEnd::Missing(Some(format!("cannot read the log: {error}"))),
    }
}

/// Whether the answer is that of a node, which the API server passes on with a kind of its own; for a pod that is gone
/// it gives the answer itself. A kubelet that was restarted does not know a pod until it has listed its pods, which
/// took up to a second.
fn is_of_node(error: &kube::Error) -> bool {
    let kube::Error::Api(status) = error else {
        return false;
    };
    let details = status.details.as_ref();
    details.is_some_and(|details| details.kind == "pods/log")
}
