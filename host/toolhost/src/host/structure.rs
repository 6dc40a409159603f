//! Redaction of an outcome that keeps its structure.
//!
//! A secret may equal a word of the host: `completed`, `status`, `script`. Values that the host and the tools
//! generate themselves disclose nothing about it, and have to remain unchanged for programs that read
//! outcomes:
//!
//! * the keys that `docs/reasons.md` and the pages of the tools list; other keys may come from anywhere, and
//!   are redacted;
//! * `status`, which is one of four words, and a `reason` that is documented;
//! * numbers under those names, which count and measure;
//! * names by which the host knows the call: step, jobs, pods, namespace, files of logs, and paths of keys.
//!
//! Everything else, at any depth, is redacted: output, messages, hints, results, and everything that a tool
//! adds. A tool cannot read secrets, so it cannot write one into the values above; logs that it reads are
//! already redacted.

use serde_json::{Map, Value};

use crate::capability::Reason;
use crate::sealing::{MIN_SECRET_BYTES, Redactor};

/// The keys of outcomes, attempts and scripts.
const MEMBERS: [&str; 31] = [
    "adopted",
    "attempt",
    "attempts",
    "bytes",
    "duration",
    "etag",
    "execution_time",
    "exit_code",
    "failed",
    "field",
    "hint",
    "job_name",
    "log",
    "message",
    "namespace",
    "omitted_bytes",
    "output",
    "output_bytes",
    "pod_name",
    "reason",
    "result",
    "retryable",
    "script",
    "sha256",
    "signal",
    "status",
    "step",
    "succeeded",
    "uri",
    "version",
    "warnings",
];
/// Those whose values are names that the host knows.
const NAMES: [&str; 6] = ["field", "job_name", "log", "namespace", "pod_name", "step"];
/// Those whose values have further keys.
const PARTS: [&str; 2] = ["attempts", "script"];
/// The reasons of the tools of this repository, in addition to those of the host.
const TOOL_REASONS: [&str; 4] = [
    "ArgumentsInvalid",
    "MainMissing",
    "ResultInvalid",
    "ResultMissing",
];
/// The placeholder for a name that is cut out, so that no match spans it.
const CUT: &str = "\0";

/// Removes secrets from an outcome. `names` are the names by which the host knows the call, including keys of
/// the configuration.
pub(super) fn redact(members: &mut Map<String, Value>, redactor: &Redactor, names: &[String]) {
    let is_foreign =
        |name: &String| !MEMBERS.contains(&name.as_str()) && redactor.finds(name.as_bytes());
    if members.keys().any(is_foreign) {
        let renamed = std::mem::take(members).into_iter();
        let renamed = renamed.map(|(name, member)| {
            if is_foreign(&name) {
                (redactor.redact(&name).into_owned(), member)
            } else {
                (name, member)
            }
        });
        *members = renamed.collect();
    }
    for (name, member) in members.iter_mut() {
        redact_member(name, member, redactor, names);
    }
}

fn redact_member(name: &str, member: &mut Value, redactor: &Redactor, names: &[String]) {
    let is_known = MEMBERS.contains(&name);
    match member {
        Value::String(text) if is_structure(name, text, redactor, names) => {}
        Value::Number(_) if is_known && name != "result" => {}
        Value::Object(members) if PARTS.contains(&name) => redact(members, redactor, names),
        Value::Array(items) if PARTS.contains(&name) => {
            for item in items {
                match item {
                    Value::Object(members) => redact(members, redactor, names),
                    other => redactor.redact_value(other),
                }
            }
        }
        other => redactor.redact_value(other),
    }
}

/// Whether the host vouches for a text.
fn is_structure(name: &str, text: &str, redactor: &Redactor, names: &[String]) -> bool {
    match name {
        // The host has parsed it, and accepts no other word.
        "status" => crate::outcome::OutcomeStatus::parse(text).is_some(),
        "reason" => text.parse::<Reason>().is_ok() || TOOL_REASONS.contains(&text),
        name if NAMES.contains(&name) => {
            let mut rest = text.to_owned();
            for known in names.iter().filter(|known| known.len() >= MIN_SECRET_BYTES) {
                rest = rest.replace(known.as_str(), CUT);
            }
            !redactor.finds(rest.as_bytes())
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;
    use serde_json::json;

    use super::*;

    fn redacted(secrets: &[&str], outcome: Value) -> Value {
        let secrets: Vec<_> = secrets
            .iter()
            .map(|text| SecretString::from(*text))
            .collect();
        let redactor = Redactor::new(&secrets).unwrap();
        let names = ["script-greet-1".to_owned(), "completed-step".to_owned()];
        let Value::Object(mut members) = outcome else {
            panic!("no object");
        };
        redact(&mut members, &redactor, &names);
        Value::Object(members)
    }

    #[test]
    fn a_secret_that_is_a_word_of_the_host_leaves_the_structure_alone() {
        let secrets = [
            "completed",
            "status",
            "script",
            "output",
            "message",
            "attempts",
            "reason",
            "result",
            "job_name",
            "OOMKilled",
            "123456",
            "execution_time",
            "script-greet-1",
            "ResultMissing",
        ];
        let attempt = json!({
            "attempt": 123_456, "pod_name": "script-greet-1-x7k2p", "exit_code": 1,
            "reason": "ResultMissing", "message": null, "duration": 123_456.5,
            "output_bytes": 123_456, "omitted_bytes": 0, "log": "/tmp/script-greet-1-attempt-1.log",
        });
        let outcome = json!({
            "status": "completed", "step": "completed-step", "job_name": "script-greet-1",
            "execution_time": 123_456.0, "succeeded": 1, "reason": "OOMKilled", "adopted": true,
            "attempts": [attempt], "script": {"bytes": 123_456}, "warnings": [],
        });
        assert_eq!(redacted(&secrets, outcome.clone()), outcome);
    }

    #[test]
    fn everything_else_in_an_outcome_is_redacted() {
        let outcome = json!({
            "status": "failed", "reason": "hunter22-reason", "message": "has hunter22",
            "hint": "hunter22", "output": "HUNTER22", "job_name": "hunter22", "step": "x-hunter22",
            "field": "job.env.hunter22", "result": {"hunter22": [123_456, "hunter22"], "status": "hunter22"},
            "warnings": ["hunter22"], "script": {"uri": "https://h/?t=hunter22", "hunter22": 1},
            "attempts": [{"output": "hunter22"}, "hunter22"], "hunter22": "hunter22", "mine": 123_456,
            "exit_code": "hunter22",
        });
        let text = redacted(&["hunter22", "123456"], outcome).to_string();
        assert!(!text.to_lowercase().contains("hunter22"), "{text}");
        assert!(!text.contains("123456"), "{text}");
    }

    #[test]
    fn every_documented_reason_is_structure() {
        let page = include_str!("../../../../docs/reasons.md");
        let rows = page.lines().filter_map(|line| line.strip_prefix("| `"));
        let reasons: Vec<_> = rows.filter_map(|row| row.split('`').next()).collect();
        assert!(reasons.len() > 40, "{reasons:?}");
        for reason in reasons {
            let is_known = reason.parse::<Reason>().is_ok() || TOOL_REASONS.contains(&reason);
            assert!(
                is_known,
                "`{reason}` is in neither `Reason::ALL` nor `TOOL_REASONS`"
            );
        }
    }
}
