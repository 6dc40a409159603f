use std::collections::BTreeMap;

use toolhost_capability::request::invalid;
use toolhost_capability::{CapabilityError, FieldPath, JobRequest};

use super::settings::ManifestSettings;

/// The label that identifies objects of this program.
pub(crate) const MANAGED_BY_LABEL: &str = "app.kubernetes.io/managed-by";
/// Its value.
pub(crate) const MANAGED_BY_VALUE: &str = "toolhost";
/// Maximum length of a label's value.
const MAX_VALUE_BYTES: usize = 63;

/// Returns the labels of every object, and of the pods: those of the request, and those that identify jobs where the
/// request has none of that name.
///
/// # Errors
///
/// `InvalidRequest` where the request declares that something else manages the job.
pub(super) fn labels(
    request: &JobRequest,
    settings: &ManifestSettings,
) -> Result<BTreeMap<String, String>, CapabilityError> {
    let mut labels = request.labels.clone();
    let defaults = [
        ("app", "noetl-script"),
        ("app.kubernetes.io/name", "noetl-script"),
        ("app.kubernetes.io/component", "job"),
        (MANAGED_BY_LABEL, MANAGED_BY_VALUE),
        ("noetl.io/execution-id", &request.execution_id),
    ];
    let more = settings
        .labels
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()));
    // An execution whose ID is not a valid label value has no such label.
    let defaults = defaults.into_iter().filter(|(_, value)| is_value(value));
    for (name, value) in defaults.chain(more) {
        let entry = labels.entry(name.to_owned());
        entry.or_insert_with(|| value.to_owned());
    }
    if labels.get(MANAGED_BY_LABEL).map(String::as_str) == Some(MANAGED_BY_VALUE) {
        return Ok(labels);
    }
    let field = FieldPath::from("labels").key(MANAGED_BY_LABEL);
    let message = format!(
        "the label `{MANAGED_BY_LABEL}` must be `{MANAGED_BY_VALUE}`: leftover objects are found by it"
    );
    Err(invalid(message)
        .with_hint("remove it, or use another label")
        .with_field(field))
}

/// Whether it is a valid and non-empty label value.
fn is_value(text: &str) -> bool {
    let is_end = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric());
    text.len() <= MAX_VALUE_BYTES
        && is_end(text.bytes().next())
        && is_end(text.bytes().next_back())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}
