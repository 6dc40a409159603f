//! The calls of capabilities, as a case shows them.

use std::collections::BTreeMap;

use secrecy::ExposeSecret;
use serde_json::{Map, Value, json};
use toolhost::capability::{FetchRequest, JobRequest};

/// The secrets of a case by their values, which are shown by name.
pub(super) type SecretNames = BTreeMap<String, String>;

/// A request for an object: `{fetch: {uri: …}}` and its options.
pub(super) fn fetch(request: &FetchRequest, secrets: &SecretNames) -> Value {
    let options = &request.options;
    let mut shown = Map::new();
    let mut set = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            shown.insert(name.to_owned(), value);
        }
    };
    let text = |text: &Option<String>| text.clone().map(Value::String);
    set("uri", Some(json!(request.uri)));
    set("type", text(&options.source_type));
    set("auth", text(&options.credential));
    set("region", text(&options.region));
    set("endpoint", text(&options.endpoint));
    set("method", text(&options.method));
    set(
        "headers",
        (!options.headers.is_empty()).then(|| named(&options.headers, secrets)),
    );
    let timeout = options.timeout.map(|timeout| json!(timeout.as_millis()));
    set("timeout-ms", timeout);
    json!({ "fetch": shown })
}

/// A created job: `{job: {name: …}}` and its options.
pub(super) fn job(request: &JobRequest, secrets: &SecretNames) -> Value {
    let mut shown = Map::new();
    let mut set = |name: &str, value: Value| {
        if !is_empty(&value) {
            shown.insert(name.to_owned(), value);
        }
    };
    set("name", json!(request.name.as_str()));
    set("command", json!(request.command));
    if let Some(script) = &request.script {
        set("script-file", json!(script.file_name.as_str()));
        let content = String::from_utf8_lossy(&script.content);
        set("script", json!(hidden(&content, secrets)));
    }
    set("environment", named(&request.environment, secrets));
    set("backoffLimit", json!(request.backoff_limit));
    if let Some(deadline) = request.active_deadline {
        set("activeDeadlineSeconds", json!(deadline.as_secs()));
    }
    set("labels", json!(request.labels));
    set("annotations", json!(request.annotations));
    set("requests", json!(request.requests));
    set("limits", json!(request.limits));
    for (name, value) in &request.options {
        set(name, value.clone());
    }
    json!({ "job": shown })
}

fn named<N: ToString>(entries: &[(N, secrecy::SecretString)], secrets: &SecretNames) -> Value {
    let shown = entries.iter().map(|(name, value)| {
        let value = hidden(value.expose_secret(), secrets);
        (name.to_string(), Value::String(value))
    });
    Value::Object(shown.collect())
}

/// A text in which each secret of the case is replaced by the template that refers to it.
fn hidden(text: &str, secrets: &SecretNames) -> String {
    let mut text = text.to_owned();
    for (value, name) in secrets {
        text = text.replace(value.as_str(), &format!("{{{{ secret.{name} }}}}"));
    }
    text
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        _ => false,
    }
}
