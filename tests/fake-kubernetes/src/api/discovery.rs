use serde_json::{Value, json};

use crate::body::{self, Answer};
use crate::call::Call;
use crate::kind::KINDS;

const VERBS: [&str; 8] = [
    "create",
    "delete",
    "deletecollection",
    "get",
    "list",
    "patch",
    "update",
    "watch",
];

/// The answer to the requests that ask what there is.
pub(super) fn answer(call: &Call) -> Option<Answer> {
    let found = match call.path.trim_end_matches('/') {
        "/version" => json!({
            "major": "1", "minor": "34", "gitVersion": "v1.34.0", "gitCommit": "fake",
            "gitTreeState": "clean", "buildDate": "2025-08-27T10:09:04Z",
            "goVersion": "go1.24.6", "compiler": "gc", "platform": "linux/amd64",
        }),
        "/livez" | "/readyz" | "/healthz" => {
            return Some(body::answer(200, "text/plain", body::whole("ok")));
        }
        "/api" => {
            json!({"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []})
        }
        "/apis" => json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": [batch()]}),
        "/apis/batch" => batch(),
        "/api/v1" => resources("", "v1"),
        "/apis/batch/v1" => resources("batch", "batch/v1"),
        _ => return None,
    };
    Some(body::json(200, &found))
}

fn batch() -> Value {
    let version = json!({"groupVersion": "batch/v1", "version": "v1"});
    json!({
        "kind": "APIGroup", "apiVersion": "v1", "name": "batch",
        "versions": [version], "preferredVersion": version,
    })
}

fn resources(group: &str, version: &str) -> Value {
    let resources: Vec<Value> = KINDS
        .into_iter()
        .filter(|kind| kind.group == group)
        .map(|kind| {
            json!({
                "name": kind.resource, "singularName": kind.singular, "kind": kind.name,
                "namespaced": kind.is_namespaced, "verbs": VERBS,
            })
        })
        .collect();
    json!({
        "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": version, "resources": resources,
    })
}
