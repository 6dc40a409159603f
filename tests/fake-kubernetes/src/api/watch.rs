use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep_until};

use super::read::Selection;
use super::{Api, shaped};
use crate::body::{self, Answer, Pieces};
use crate::call::Call;
use crate::json::entry;
use crate::kind::Kind;
use crate::status::{Cause, Refusal};
use crate::store::{Change, Store, Verb};

/// A watch that names no time ends after this, as `--min-request-timeout` has it.
const DEFAULT_TIMEOUT: Duration = Duration::from_mins(30);

struct Watch {
    store: Arc<Store>,
    kind: &'static Kind,
    call: Call,
    selection: Selection,
    /// The version of the last change that was looked at.
    seen: u64,
    bookmarks: Option<Duration>,
    end: Instant,
    expirations: u64,
}

pub(super) fn answer(api: &Api, kind: &'static Kind, call: &Call) -> Result<Answer, Refusal> {
    let sends_initial = call.parameter("sendInitialEvents").is_some();
    if sends_initial && !api.settings.has_watch_lists {
        let message = "Forbidden: sendInitialEvents is forbidden for watch unless the WatchList feature gate is \
                       enabled";
        let cause = Cause::new("sendInitialEvents", "FieldValueForbidden", message);
        return Err(Refusal::invalid("ListOptions", "meta.k8s.io", "", &[cause]));
    }
    let selection = Selection::of(call)?;
    let (existing, now) = api.store.list(kind, &selection.namespace);
    let version = call.parameter("resourceVersion").unwrap_or("");
    let mut first = Vec::new();
    let mut seen = match version {
        // Without a version, or with 0, a watch begins with what is there.
        "" | "0" => {
            let existing = existing.iter().filter(|object| selection.matches(object));
            first.extend(existing.map(|object| event("ADDED", &shaped(call, object))));
            now
        }
        version => version.parse().map_err(|_| {
            Refusal::bad_request(format!("resourceVersion: Invalid value: \"{version}\""))
        })?,
    };
    // A watch that asks for too much of the past begins, and ends with an error.
    if let Err(expired) = api.store.changes_since(seen) {
        let error = event("ERROR", &expired.to_status());
        return Ok(body::answer(200, "application/json", body::whole(error)));
    }
    if call.has("sendInitialEvents") {
        if !matches!(version, "" | "0") {
            let existing = existing.iter().filter(|object| selection.matches(object));
            first.extend(existing.map(|object| event("ADDED", &shaped(call, object))));
            seen = now;
        }
        let mut end = bookmark(kind, seen);
        let annotations = json!({"k8s.io/initial-events-end": "true"});
        *entry(entry(&mut end, "metadata"), "annotations") = annotations;
        first.push(event("BOOKMARK", &shaped(call, &end)));
    }
    let seconds = call
        .parameter("timeoutSeconds")
        .and_then(|seconds| seconds.parse().ok());
    let timeout = seconds.map_or(DEFAULT_TIMEOUT, Duration::from_secs);
    let watch = Watch {
        store: Arc::clone(&api.store),
        kind,
        call: call.clone(),
        selection,
        seen,
        bookmarks: call
            .has("allowWatchBookmarks")
            .then_some(api.settings.bookmark_interval),
        end: Instant::now() + timeout,
        expirations: api.store.expirations(),
    };
    let (pieces, stream) = body::stream();
    tokio::spawn(async move {
        for event in first {
            if pieces.send(Ok(event)).await.is_err() {
                return;
            }
        }
        watch.run(pieces).await;
    });
    Ok(body::answer(200, "application/json", stream))
}

impl Watch {
    async fn run(mut self, pieces: Pieces) {
        let mut versions = self.store.versions();
        let interval = self.bookmarks.unwrap_or(DEFAULT_TIMEOUT);
        let mut bookmark = Instant::now() + interval;
        loop {
            versions.mark_unchanged();
            if self.store.expirations() != self.expirations {
                let status = Refusal::expired(self.seen, self.store.version()).to_status();
                let _ = pieces.send(Ok(event("ERROR", &status))).await;
                return;
            }
            for change in self.store.every_change_since(self.seen) {
                self.seen = change.version;
                if let Some(event) = self.told(&change)
                    && pieces.send(Ok(event)).await.is_err()
                {
                    return;
                }
            }
            tokio::select! {
                biased;
                changed = versions.changed() => if changed.is_err() { return },
                () = pieces.closed() => return,
                () = sleep_until(self.end) => return,
                () = sleep_until(bookmark) => {
                    bookmark = Instant::now() + interval;
                    if self.bookmarks.is_some() && self.bookmark(&pieces).await.is_err() {
                        return;
                    }
                }
            }
        }
    }

    /// A change as this watch sees it: an object that no longer matches is deleted for it.
    fn told(&self, change: &Change) -> Option<Bytes> {
        if change.key.kind != self.kind {
            return None;
        }
        let was_selected = change
            .previous
            .as_ref()
            .is_some_and(|old| self.selection.matches(old));
        let is_selected = self.selection.matches(&change.object);
        let verb = match (was_selected, is_selected, change.verb) {
            (true, _, Verb::Deleted) | (true, false, _) => "DELETED",
            (false, true, Verb::Added | Verb::Modified) => "ADDED",
            (true, true, _) => "MODIFIED",
            (false, _, _) => return None,
        };
        Some(event(verb, &shaped(&self.call, &change.object)))
    }

    async fn bookmark(&self, pieces: &Pieces) -> io::Result<()> {
        let bookmark = bookmark(self.kind, self.seen);
        let sent = pieces
            .send(Ok(event("BOOKMARK", &shaped(&self.call, &bookmark))))
            .await;
        sent.map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

/// An object that says the version and nothing else.
fn bookmark(kind: &Kind, version: u64) -> Value {
    json!({
        "kind": kind.name,
        "apiVersion": kind.api_version(),
        "metadata": {"resourceVersion": version.to_string(), "creationTimestamp": null},
    })
}

fn event(verb: &str, object: &Value) -> Bytes {
    let mut line = json!({"type": verb, "object": object}).to_string();
    line.push('\n');
    line.into()
}
