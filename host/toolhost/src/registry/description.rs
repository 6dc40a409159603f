//! The description of a component, and the validation of its texts for people.

use semver::Version;
use serde::Deserialize;
use serde_json::Value;

use super::reference::is_kind;
use crate::grant::Capability;
use crate::scope::DescribedFields;

/// The result of `describe`. Further keys are ignored, since later versions of the ABI may add some.
#[derive(Debug, Deserialize)]
pub(super) struct Description {
    pub(super) kind: String,
    pub(super) version: Version,
    #[serde(default)]
    pub(super) summary: String,
    #[serde(default = "any_config")]
    pub(super) schema: Value,
    #[serde(default)]
    pub(super) fields: DescribedFields,
    /// The interfaces that it says it needs; only compared with its imports, so that any value is accepted.
    #[serde(default)]
    capabilities: Value,
}

impl Description {
    /// The capabilities that it says it needs. Names that this host does not know are left out.
    pub(super) fn capabilities(&self) -> Vec<Capability> {
        let named = self.capabilities.as_array().into_iter().flatten();
        let mut known: Vec<_> = named
            .filter_map(|name| name.as_str()?.parse().ok())
            .collect();
        known.sort_unstable();
        known.dedup();
        known
    }
}

/// The maximum size of a description, which is mostly the schema: that of the script tool has 12 kB, that of
/// a whole Kubernetes Job about 500.
const MAX_DESCRIPTION_BYTES: usize = 1 << 20;
/// The maximum length of a summary: a sentence, which `tool list` shows in a row.
const MAX_SUMMARY_BYTES: usize = 500;
/// The maximum length of a version, including pre-release and build metadata. A full commit digest fits.
const MAX_VERSION_BYTES: usize = 64;
/// The maximum length of a message that quotes a component.
const MAX_PROBLEM_BYTES: usize = 500;

/// Parses a description and limits the length of its texts.
///
/// # Errors
///
/// What is wrong with it, in a sentence of limited length.
pub(super) fn read(text: &str) -> Result<Description, String> {
    let bytes = text.len();
    if bytes > MAX_DESCRIPTION_BYTES {
        return Err(too_long("description", bytes, MAX_DESCRIPTION_BYTES));
    }
    let described: Description =
        serde_json::from_str(text).map_err(|error| shortened(error.to_string()))?;
    if !is_kind(&described.kind) {
        let shown = shortened(format!("`{}`", described.kind));
        return Err(format!(
            "invalid kind {shown}: expected at most 63 lowercase letters, digits, `-` and `_`, starting with a letter"
        ));
    }
    let bytes = described.version.to_string().len();
    if bytes > MAX_VERSION_BYTES {
        return Err(too_long("version", bytes, MAX_VERSION_BYTES));
    }
    let bytes = described.summary.len();
    if bytes > MAX_SUMMARY_BYTES {
        return Err(too_long("summary", bytes, MAX_SUMMARY_BYTES));
    }
    Ok(described)
}

/// The beginning of a text, for messages.
pub(super) fn shortened(mut text: String) -> String {
    if text.len() > MAX_PROBLEM_BYTES {
        text.truncate(text.floor_char_boundary(MAX_PROBLEM_BYTES));
        text.push('…');
    }
    text
}

fn too_long(what: &str, bytes: usize, limit: usize) -> String {
    format!("its {what} has {bytes} bytes; at most {limit} are allowed")
}

/// The schema of a tool that accepts anything.
fn any_config() -> Value {
    Value::Bool(true)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn described(kind: &str, version: &str, summary: &str) -> Result<Description, String> {
        read(&json!({"kind": kind, "version": version, "summary": summary}).to_string())
    }

    #[test]
    fn declared_capabilities_are_those_that_are_known_whatever_is_written() {
        let capabilities = |value: Value| {
            let text = json!({"kind": "k", "version": "1.0.0", "capabilities": value});
            read(&text.to_string()).unwrap().capabilities()
        };
        assert_eq!(
            capabilities(json!(["logs", "jobs", "later", "logs", 7])),
            [Capability::Jobs, Capability::Logs]
        );
        assert_eq!(capabilities(json!("jobs")), []);
        assert_eq!(capabilities(json!(null)), []);
    }

    #[test]
    fn texts_of_usual_length_are_taken() {
        let commit = format!("1.0.0-rc.1+{}", "0a".repeat(20));
        for version in ["0.1.0", &commit] {
            let summary = "s".repeat(MAX_SUMMARY_BYTES);
            assert!(described("a-kind", version, &summary).is_ok(), "{version}");
        }
        assert_eq!(
            read(r#"{"kind":"k","version":"1.0.0"}"#).unwrap().schema,
            true
        );
    }

    #[test]
    fn an_overlong_text_is_refused_with_a_short_message() {
        let long = "x".repeat(900_000);
        let version = format!("1.0.0-{long}");
        let cases = [
            described("k", "1.0.0", &long),
            described(&long, "1.0.0", ""),
            described("k", &version, ""),
            described("k", &long, ""),
            read(&json!({"kind": [long], "version": "1.0.0"}).to_string()),
            read(&json!({"kind": "k", "version": "1.0.0", "schema": [long, long]}).to_string()),
        ];
        for (index, case) in cases.into_iter().enumerate() {
            let problem = case.unwrap_err();
            assert!(problem.len() < 700, "{index}: {} bytes", problem.len());
        }
    }
}
