//! What other people do to a job and its pods.

use bytes::Bytes;
use fake_kubernetes::FakeKubernetes;
use http::{Method, Request};
use serde_json::{Value, json};

use super::{JOB, NAMESPACE};
use crate::scenario::Edit;

/// Does it, as `kubectl` would. What is not there any more is left alone.
pub(crate) async fn edit(server: &FakeKubernetes, edit: Edit) {
    let job = format!("/apis/batch/v1/namespaces/{NAMESPACE}/jobs/{JOB}");
    match edit {
        Edit::DeleteJob { in_foreground } => {
            let policy = if in_foreground {
                "Foreground"
            } else {
                "Background"
            };
            send(
                server,
                Method::DELETE,
                &job,
                &json!({"propagationPolicy": policy}),
            )
            .await;
        }
        Edit::Suspend => {
            send(
                server,
                Method::PATCH,
                &job,
                &json!({"spec": {"suspend": true}}),
            )
            .await;
        }
        Edit::Resume => {
            send(
                server,
                Method::PATCH,
                &job,
                &json!({"spec": {"suspend": false}}),
            )
            .await;
        }
        Edit::Label => {
            let label = json!({"metadata": {"labels": {"team": "blue"}}});
            send(server, Method::PATCH, &job, &label).await;
            for pod in pods(server) {
                send(server, Method::PATCH, &path(&pod), &label).await;
            }
        }
        Edit::EvictPods => {
            for pod in pods(server).iter().filter(|pod| is_active(pod)) {
                evict(server, pod).await;
            }
        }
        Edit::DeletePods => {
            for pod in pods(server) {
                send(server, Method::DELETE, &path(&pod), &json!({})).await;
            }
        }
    }
}

async fn evict(server: &FakeKubernetes, pod: &Value) {
    let conditions = pod.pointer("/status/conditions").and_then(Value::as_array);
    let mut conditions = conditions.cloned().unwrap_or_default();
    conditions.push(json!({
        "type": "DisruptionTarget", "status": "True", "reason": "EvictionByEvictionAPI",
        "message": "Eviction API: evicting",
    }));
    let status = json!({"status": {"conditions": conditions}});
    send(
        server,
        Method::PATCH,
        &format!("{}/status", path(pod)),
        &status,
    )
    .await;
    send(server, Method::DELETE, &path(pod), &json!({})).await;
}

fn is_active(pod: &Value) -> bool {
    let phase = pod.pointer("/status/phase").and_then(Value::as_str);
    let is_deleted = pod.pointer("/metadata/deletionTimestamp").is_some();
    matches!(phase, Some("Pending" | "Running")) && !is_deleted
}

fn pods(server: &FakeKubernetes) -> Vec<Value> {
    server.existing("pods")
}

fn path(pod: &Value) -> String {
    let name = pod.pointer("/metadata/name").and_then(Value::as_str);
    format!(
        "/api/v1/namespaces/{NAMESPACE}/pods/{}",
        name.unwrap_or_default()
    )
}

async fn send(server: &FakeKubernetes, method: Method, path: &str, body: &Value) {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("content-type", "application/merge-patch+json")
        .header("user-agent", "someone-else")
        .body(Bytes::from(body.to_string()));
    if let Ok(request) = request {
        // It may be refused: what is not there cannot be edited.
        let _ = server.answer(request).await;
    }
}
