//! What everyone can read who may read jobs.

use serde_json::Value;

use crate::capability::JobRequest;

/// Where in a job `is_secret` holds for a text that others can read; none where it holds nowhere. Of the script's
/// content `is_sealed` is asked.
pub(super) fn secret_place(
    request: &JobRequest,
    is_secret: impl Fn(&str) -> bool,
    is_sealed: impl Fn(&str) -> bool,
) -> Option<String> {
    if is_secret(&request.name) {
        return Some("name".to_owned());
    }
    if request.command.iter().any(|word| is_secret(word)) {
        return Some("command".to_owned());
    }
    for (kind, values) in [
        ("label", &request.labels),
        ("annotation", &request.annotations),
    ] {
        let mut values = values.iter();
        if let Some((name, _)) = values.find(|(name, value)| is_secret(name) || is_secret(value)) {
            return Some(format!("{kind} `{name}`"));
        }
    }
    let mut options = request.options.iter();
    let is_secret_value = |value: &Value| match value {
        Value::String(text) => is_secret(text),
        other => is_secret(&other.to_string()),
    };
    if let Some((name, _)) = options.find(|(_, value)| is_secret_value(value)) {
        return Some(format!("option `{name}`"));
    }
    let mut variables = request.environment.iter();
    if variables.any(|(name, _)| is_secret(name)) {
        return Some("name of a variable".to_owned());
    }
    let script = request.script.as_ref()?;
    let shows_secret =
        is_secret(&script.file_name) || is_sealed(&String::from_utf8_lossy(&script.content));
    shows_secret.then(|| "script".to_owned())
}
