//! Events about objects, as controllers and kubelets write them.

use serde_json::{Value, json};

use crate::json::text;
use crate::kind::{EVENTS, Kind};
use crate::store::{Key, Store};
use crate::time;

/// Writes an event; a warning, or a normal one.
pub(crate) fn tell(
    store: &Store,
    (kind, about): (&'static Kind, &Value),
    source: &str,
    (is_warning, reason): (bool, &str),
    message: &str,
) {
    let name = text(about, "/metadata/name");
    let namespace = text(about, "/metadata/namespace");
    let event_name = format!("{name}.{:016x}", store.draw());
    let now = time::now();
    let event = json!({
        "kind": "Event",
        "apiVersion": "v1",
        "metadata": {},
        "involvedObject": {
            "kind": kind.name,
            "apiVersion": kind.api_version(),
            "namespace": namespace,
            "name": name,
            "uid": text(about, "/metadata/uid"),
            "resourceVersion": text(about, "/metadata/resourceVersion"),
        },
        "type": if is_warning { "Warning" } else { "Normal" },
        "reason": reason,
        "message": message,
        "source": {"component": source},
        "reportingComponent": source,
        "firstTimestamp": now,
        "lastTimestamp": now,
        "count": 1,
    });
    // The name was drawn, so it is free.
    let _ = store.create(&Key::new(&EVENTS, namespace, &event_name), event);
}
