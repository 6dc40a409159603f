use serde_json::Value;
use toolhost_diagnostic::{Diagnostic, Node, NodeKind, Source};

/// The number of differences that are shown: further ones are mostly of the same cause.
const MAX_DIFFERENCES: usize = 20;
/// The length of a value in a message, in characters.
const MAX_SHOWN: usize = 200;

/// Compares what is expected with what was found. A mapping may leave keys out, and `null` expects that a key is
/// absent; a list must have all its items.
pub(super) fn differences(
    what: &str,
    expected: &Node,
    found: &Value,
    source: &Source,
) -> Vec<Diagnostic> {
    let mut comparison = Comparison {
        source,
        differences: Vec::new(),
    };
    comparison.compare(what, expected, found);
    comparison.differences
}

struct Comparison<'a> {
    source: &'a Source,
    differences: Vec<Diagnostic>,
}

impl Comparison<'_> {
    fn compare(&mut self, path: &str, expected: &Node, found: &Value) {
        match (&expected.kind, found) {
            (NodeKind::Mapping(entries), Value::Object(members)) => {
                for entry in entries {
                    let name = &entry.key.text;
                    let found = members.get(name).unwrap_or(&Value::Null);
                    self.compare(&format!("{path}.{name}"), &entry.value, found);
                }
            }
            (NodeKind::Sequence(items), Value::Array(values)) if items.len() == values.len() => {
                for (index, (item, value)) in items.iter().zip(values).enumerate() {
                    self.compare(&format!("{path}[{index}]"), item, value);
                }
            }
            (NodeKind::Sequence(items), Value::Array(values)) => {
                let message = format!(
                    "`{path}` has {} items, expected {}",
                    values.len(),
                    items.len()
                );
                self.report(expected, message, found);
            }
            _ if expected.to_value() == *found => {}
            _ => {
                let message = format!("`{path}` differs from what is expected");
                self.report(expected, message, found);
            }
        }
    }

    fn report(&mut self, expected: &Node, message: String, found: &Value) {
        if self.differences.len() >= MAX_DIFFERENCES {
            return;
        }
        let found = if found.is_null() {
            "there is none".to_owned()
        } else {
            let text = found.to_string();
            let shown: String = text.chars().take(MAX_SHOWN).collect();
            let more = if shown.len() < text.len() { "…" } else { "" };
            format!("found {shown}{more}")
        };
        let difference = Diagnostic::error(message).label(self.source, expected.span, "expected");
        self.differences.push(difference.help(found));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use toolhost_diagnostic::Document;

    use super::*;

    fn compare(expected: &str, found: &Value) -> Vec<String> {
        let document = Document::parse("cases.yaml", expected).unwrap();
        let found = differences("outcome", document.root(), found, document.source());
        let shown = found.iter().map(|difference| {
            let help = difference.help_text().unwrap_or_default();
            format!("{}: {help}", difference.message())
        });
        shown.collect()
    }

    #[test]
    fn a_mapping_may_leave_keys_out_and_a_list_may_not() {
        let found = json!({"status": "completed", "list": [1, {"a": 2, "b": 3}]});
        assert_eq!(compare("{status: completed}", &found), [""; 0]);
        assert_eq!(compare("{list: [1, {b: 3}]}", &found), [""; 0]);
        assert_eq!(compare("{absent: null}", &found), [""; 0]);
        assert_eq!(
            compare("{list: [1]}", &found),
            ["`outcome.list` has 2 items, expected 1: found [1,{\"a\":2,\"b\":3}]"]
        );
    }

    #[test]
    fn each_difference_names_its_path_and_what_was_found() {
        let found = json!({"status": "failed", "list": [1, 2]});
        assert_eq!(
            compare("{status: completed, list: [1, 3], more: x}", &found),
            [
                "`outcome.status` differs from what is expected: found \"failed\"",
                "`outcome.list[1]` differs from what is expected: found 2",
                "`outcome.more` differs from what is expected: there is none",
            ]
        );
    }

    #[test]
    fn a_number_is_not_its_text() {
        assert_eq!(compare("{a: '1'}", &json!({"a": 1})).len(), 1);
        assert_eq!(compare("{a: 1}", &json!({"a": 1})), [""; 0]);
    }
}
