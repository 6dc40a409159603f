//! What the API server answers.

mod decoding;
mod discovery;
mod logs;
mod patch;
mod read;
mod review;
mod validation;
mod watch;
mod write;

use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Value, json};

use crate::body::Answer;
use crate::call::Call;
use crate::kind::{self, JOBS, Kind, NAMESPACES, PODS, WORKLOADS};
use crate::kubelet::Logs;
use crate::rights::Rights;
use crate::settings::Settings;
use crate::status::{Refusal, qualified};
use crate::store::{Key, Store};

/// The API server, without the network.
#[derive(Debug)]
pub(crate) struct Api {
    pub(crate) store: Arc<Store>,
    pub(crate) logs: Arc<Logs>,
    pub(crate) rights: Arc<Rights>,
    pub(crate) settings: Arc<Settings>,
}

impl Api {
    /// Answers a request.
    pub(crate) fn handle(&self, call: &Call, body: &Bytes) -> Answer {
        match self.try_handle(call, body) {
            Ok(answer) => answer,
            Err(refusal) => refusal.into(),
        }
    }

    fn try_handle(&self, call: &Call, body: &Bytes) -> Result<Answer, Refusal> {
        if let Some(answer) = discovery::answer(call) {
            return Ok(answer);
        }
        if let Some(answer) = review::answer(self, call, body)? {
            return Ok(answer);
        }
        let has_queue = self.settings.queue_slots.is_some();
        let kind = kind::find(&call.group, &call.resource);
        let Some(kind) = kind.filter(|kind| has_queue || *kind != &WORKLOADS) else {
            let message = "the server could not find the requested resource";
            return Err(Refusal::new(404, "NotFound", message));
        };
        self.rights.check(call)?;
        if call.subresource == "log" && kind == &PODS && call.verb == "get" {
            return logs::answer(self, call);
        }
        let is_status = call.subresource == "status" && (kind == &PODS || kind == &JOBS);
        if !call.subresource.is_empty() && !is_status {
            let message = "the server could not find the requested resource";
            return Err(Refusal::new(404, "NotFound", message));
        }
        match call.verb.as_str() {
            "create" => write::create(self, kind, call, body),
            "get" => read::get(self, kind, call),
            "list" => read::list(self, kind, call),
            "watch" => watch::answer(self, kind, call),
            "patch" => write::patch(self, kind, call, body),
            "update" => write::replace(self, kind, call, body),
            "delete" => write::delete(self, kind, call, body),
            "deletecollection" => write::delete_collection(self, kind, call, body),
            _ => {
                let message = "the server does not allow this method on the requested resource";
                Err(Refusal::new(405, "MethodNotAllowed", message))
            }
        }
    }
}

fn key(kind: &'static Kind, call: &Call, name: &str) -> Key {
    let namespace = if kind == &NAMESPACES {
        ""
    } else {
        call.namespace.as_str()
    };
    Key::new(kind, namespace, name)
}

/// An object as the client wants it: whole, or its metadata alone.
fn shaped(call: &Call, object: &Value) -> Value {
    if !call.accept.contains("as=PartialObjectMetadata") || object.get("metadata").is_none() {
        return object.clone();
    }
    json!({
        "kind": "PartialObjectMetadata",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": object.get("metadata"),
    })
}

fn unknown_namespace(namespace: &str) -> Refusal {
    Refusal::not_found("namespaces", "", namespace)
}

fn body_of(kind: &'static Kind, body: &Bytes) -> Result<Value, Refusal> {
    serde_json::from_slice(body).map_err(|error| {
        let what = qualified(kind.resource, kind.group);
        Refusal::bad_request(format!("the body is not an object of {what}: {error}"))
    })
}
