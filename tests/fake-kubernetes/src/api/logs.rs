use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use jiff::Timestamp;
use serde_json::Value;

use super::{Api, key};
use crate::body::{self, Answer, Pieces};
use crate::call::Call;
use crate::json::{list, text};
use crate::kind::PODS;
use crate::kubelet::{Log, Record};
use crate::status::Refusal;
use crate::time::{self, current_time};

/// How much of a log is put into one piece of the answer.
const PIECE_BYTES: usize = 32 << 10;

/// What of a log is wanted.
#[expect(
    clippy::struct_excessive_bools,
    reason = "they are the parameters of the request"
)]
struct Reading {
    log: Arc<Log>,
    follows: bool,
    has_timestamps: bool,
    ends_at_rotation: bool,
    since: Option<Timestamp>,
    tail: Option<usize>,
    /// How many bytes may still be sent.
    left: usize,
    /// Whether the next record begins a line.
    is_new_line: bool,
}

pub(super) fn answer(api: &Api, call: &Call) -> Result<Answer, Refusal> {
    let key = key(&PODS, call, &call.name);
    let pod = api.store.get(&key).ok_or_else(|| key.not_found())?;
    let container = container(call, &pod)?;
    // Without a node there is no kubelet to ask, and the response is empty.
    if text(&pod, "/spec/nodeName").is_empty() {
        return Ok(body::answer(200, "text/plain", body::whole("")));
    }
    check_started(&pod, &container, &call.name)?;
    let since = match call.parameter("sinceTime") {
        Some(time) => Some(time.parse::<Timestamp>().map_err(|error| {
            Refusal::bad_request(format!("sinceTime: Invalid value: \"{time}\": {error}"))
        })?),
        None => call
            .parameter("sinceSeconds")
            .and_then(|seconds| seconds.parse::<i64>().ok())
            .and_then(|seconds| Timestamp::from_second(current_time().as_second() - seconds).ok()),
    };
    let number = |name| {
        call.parameter(name)
            .and_then(|number| number.parse::<usize>().ok())
    };
    let reading = Reading {
        log: api.logs.of(text(&pod, "/metadata/uid"), &container),
        follows: call.has("follow"),
        has_timestamps: call.has("timestamps"),
        ends_at_rotation: api.settings.ends_follow_at_rotation,
        since,
        tail: number("tailLines"),
        left: number("limitBytes").unwrap_or(usize::MAX),
        is_new_line: true,
    };
    let (pieces, stream) = body::stream();
    tokio::spawn(reading.run(pieces));
    Ok(body::answer(200, "text/plain", stream))
}

fn container(call: &Call, pod: &Value) -> Result<String, Refusal> {
    let names = |path| {
        list(pod, path)
            .iter()
            .map(|container| text(container, "/name"))
    };
    let main: Vec<&str> = names("/spec/containers").collect();
    let name = &call.name;
    match (call.parameter("container"), main.as_slice()) {
        (Some(wanted), _) => {
            if main.contains(&wanted) || names("/spec/initContainers").any(|one| one == wanted) {
                return Ok(wanted.to_owned());
            }
            let message = format!("container {wanted} is not valid for pod {name}");
            Err(Refusal::bad_request(message))
        }
        (None, [one]) => Ok((*one).to_owned()),
        (None, many) => {
            let choices = many.join(" ");
            let message = format!(
                "a container name must be specified for pod {name}, choose one of: [{choices}]"
            );
            Err(Refusal::bad_request(message))
        }
    }
}

/// A container that did not start has no log.
fn check_started(pod: &Value, container: &str, name: &str) -> Result<(), Refusal> {
    let paths = ["/status/containerStatuses", "/status/initContainerStatuses"];
    let mut statuses = paths.into_iter().flat_map(|path| list(pod, path));
    let status = statuses.find(|status| text(status, "/name") == container);
    let waiting = match status {
        Some(status) if status.pointer("/state/waiting").is_some() => {
            text(status, "/state/waiting/reason")
        }
        Some(_) => return Ok(()),
        None => "ContainerCreating",
    };
    let why = match waiting {
        "ImagePullBackOff" | "ErrImagePull" => "trying and failing to pull image",
        reason => reason,
    };
    let message = format!("container \"{container}\" in pod \"{name}\" is waiting to start: {why}");
    Err(Refusal::bad_request(message))
}

impl Reading {
    async fn run(mut self, pieces: Pieces) {
        let mut news = self.log.changes();
        let file = self.log.file();
        let mut next = file;
        if let Some(tail) = self.tail {
            next = (file + self.log.since(file).0.len())
                .saturating_sub(tail)
                .max(file);
        }
        loop {
            news.mark_unchanged();
            let was_rotated = self.log.file() != file;
            let (records, is_over) = self.log.since(next);
            next += records.len();
            for piece in self.pieces(&records) {
                if pieces.send(Ok(piece)).await.is_err() {
                    return;
                }
            }
            let ends_here = was_rotated && self.ends_at_rotation;
            if is_over || !self.follows || self.left == 0 || ends_here {
                return;
            }
            tokio::select! {
                biased;
                changed = news.changed() => if changed.is_err() { return },
                () = pieces.closed() => return,
            }
        }
    }

    fn pieces(&mut self, records: &[Record]) -> Vec<Bytes> {
        let mut pieces = Vec::new();
        let mut piece = BytesMut::new();
        for record in records {
            if self.since.is_some_and(|since| record.time < since) {
                continue;
            }
            if self.is_new_line && self.has_timestamps {
                let stamp = time::nanoseconds(record.time) + " ";
                self.put(&mut piece, stamp.as_bytes());
            }
            self.is_new_line = record.bytes.ends_with(b"\n");
            self.put(&mut piece, &record.bytes);
            if piece.len() >= PIECE_BYTES {
                pieces.push(piece.split().freeze());
            }
        }
        if !piece.is_empty() {
            pieces.push(piece.freeze());
        }
        pieces
    }

    fn put(&mut self, piece: &mut BytesMut, bytes: &[u8]) {
        let length = bytes.len().min(self.left);
        piece.extend_from_slice(bytes.get(..length).unwrap_or_default());
        self.left -= length;
    }
}
