//! Checks shared by the parts of the file.

use std::path::PathBuf;

use crate::capability::text::all_of;
use crate::credential::SecretValue;
use crate::credential::provide::is_short;
use crate::credential::source::ValueSource;
use crate::diagnostic::{Diagnostic, Entry, Node, Source, did_you_mean};
use crate::sealing::MIN_SECRET_BYTES;

const SOURCE_KEYS: [&str; 2] = ["env", "file"];

/// Collects the problems of the file, so that all are reported together.
pub(super) struct Checker<'document> {
    pub(super) source: &'document Source,
    pub(super) problems: Vec<Diagnostic>,
    pub(super) warnings: Vec<Diagnostic>,
    pub(super) short: Vec<String>,
}

impl Checker<'_> {
    /// Returns the entries of a mapping; none for null, which is an empty mapping.
    pub(super) fn mapping<'node>(&mut self, node: &'node Node, owner: &str) -> &'node [Entry] {
        match node.entries() {
            Some(entries) => entries,
            None if node.is_null() => &[],
            None => {
                let message = format!("{owner} must be a mapping, not {}", node.type_name());
                self.problem(Diagnostic::error(message), node);
                &[]
            }
        }
    }

    /// Reads a value in the file, or the reference to its source.
    pub(super) fn value(&mut self, node: &Node, owner: &str) -> Option<ValueSource> {
        let sources: Vec<_> = node
            .entries()
            .unwrap_or_default()
            .iter()
            .filter(|entry| SOURCE_KEYS.contains(&entry.key.text.as_str()))
            .collect();
        match (node.entries(), sources.as_slice()) {
            (Some([_]), [source]) => {
                let Some(text) = source.value.as_str().filter(|text| !text.is_empty()) else {
                    let message = format!("`{}` of {owner} must be a text", source.key.text);
                    self.problem(Diagnostic::error(message), &source.value);
                    return None;
                };
                Some(match source.key.text.as_str() {
                    "env" => ValueSource::Variable(text.to_owned()),
                    _ => ValueSource::File(PathBuf::from(text)),
                })
            }
            (Some(_), [_, _]) => {
                let message = format!("{owner} can come from `env` or from `file`, not from both");
                self.problem(Diagnostic::error(message), node);
                None
            }
            // A mapping of one key that resembles `env` or `file` is a typo, and not a secret.
            (Some([only]), []) if did_you_mean(&only.key.text, SOURCE_KEYS).is_some() => {
                self.unknown_key(only, owner, &SOURCE_KEYS);
                None
            }
            _ => Some(ValueSource::Literal(SecretValue::new(node.to_value()))),
        }
    }

    /// Warns that a secret is not redacted in the output of a call.
    pub(super) fn warn_of_short(&mut self, source: &ValueSource, owner: &str, node: &Node) {
        if let ValueSource::Literal(value) = source
            && is_short(value)
        {
            let message = format!(
                "{owner} has fewer than {MIN_SECRET_BYTES} bytes: it is not redacted in logs and \
                 outcomes"
            );
            self.warnings
                .push(Diagnostic::warning(message).at(self.source, node.span));
            self.short.push(owner.to_owned());
        }
    }

    pub(super) fn unknown_key(&mut self, entry: &Entry, owner: &str, known: &[&'static str]) {
        let key = &entry.key.text;
        // A key that resembles no known one may be a value in the wrong place.
        let (message, help) = match did_you_mean(key, known.iter().copied()) {
            Some(meant) => (
                format!("unknown key `{key}` in {owner}"),
                format!("did you mean `{meant}`?"),
            ),
            None => (
                format!("unknown key in {owner}"),
                format!("expected {}", all_of(known)),
            ),
        };
        let diagnostic = Diagnostic::error(message)
            .at(self.source, entry.key.span)
            .help(help);
        self.problems.push(diagnostic);
    }

    pub(super) fn problem(&mut self, diagnostic: Diagnostic, node: &Node) {
        self.problems.push(diagnostic.at(self.source, node.span));
    }
}
