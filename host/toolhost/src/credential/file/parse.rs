use std::collections::BTreeMap;
use std::path::PathBuf;

use super::{StoredCredential, ValueSource, providers};
use crate::capability::text::{all_of, any_of};
use crate::credential::audience::{EXPECTED_SERVERS, servers};
use crate::credential::kind::HOSTS_FIELD;
use crate::credential::provide::is_short;
use crate::credential::{CredentialType, ProviderSettings, SecretValue};
use crate::diagnostic::{Diagnostic, Document, Entry, Node, NodeKind, Source, did_you_mean};
use crate::sealing::MIN_SECRET_BYTES;

const ROOT_KEYS: [&str; 3] = ["secrets", "credentials", "providers"];
const SOURCE_KEYS: [&str; 2] = ["env", "file"];
const TYPE_KEY: &str = "type";

/// What stands in the file.
#[derive(Default)]
pub(super) struct Parsed {
    pub(super) secrets: BTreeMap<String, ValueSource>,
    pub(super) credentials: BTreeMap<String, StoredCredential>,
    pub(super) providers: Vec<ProviderSettings>,
    pub(super) warnings: Vec<Diagnostic>,
    pub(super) short: Vec<String>,
}

/// Checks the whole document, and reports everything that is wrong at once.
pub(super) fn parse(document: &Document) -> Result<Parsed, Vec<Diagnostic>> {
    let mut checker = Checker {
        source: document.source(),
        problems: Vec::new(),
        warnings: Vec::new(),
        short: Vec::new(),
    };
    let mut parsed = Parsed::default();
    for entry in checker.mapping(document.root(), "the credentials file") {
        match entry.key.text.as_str() {
            "secrets" => {
                for secret in checker.mapping(&entry.value, "`secrets`") {
                    let owner = format!("secret `{}`", secret.key.text);
                    if let Some(source) = checker.value(&secret.value, &owner) {
                        checker.warn_of_short(&source, &owner, &secret.value);
                        parsed.secrets.insert(secret.key.text.clone(), source);
                    }
                }
            }
            "credentials" => {
                for credential in checker.mapping(&entry.value, "`credentials`") {
                    if let Some(stored) = checker.credential(credential) {
                        parsed
                            .credentials
                            .insert(credential.key.text.clone(), stored);
                    }
                }
            }
            "providers" => parsed.providers = providers::parse(&mut checker, &entry.value),
            _ => checker.unknown_key(entry, "the credentials file", &ROOT_KEYS),
        }
    }
    if checker.problems.is_empty() {
        parsed.warnings = checker.warnings;
        parsed.short = checker.short;
        Ok(parsed)
    } else {
        Err(checker.problems)
    }
}

pub(super) struct Checker<'document> {
    source: &'document Source,
    problems: Vec<Diagnostic>,
    warnings: Vec<Diagnostic>,
    short: Vec<String>,
}

impl Checker<'_> {
    /// The entries of a mapping; nothing for null, which is a mapping left empty.
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

    fn credential(&mut self, entry: &Entry) -> Option<StoredCredential> {
        let name = &entry.key.text;
        let owner = format!("credential `{name}`");
        let before = self.problems.len();
        let fields = self.mapping(&entry.value, &owner);
        let kind = self.credential_type(entry, &owner)?;
        let mut stored = BTreeMap::new();
        for field in fields.iter().filter(|field| field.key.text != TYPE_KEY) {
            let field_name = field.key.text.as_str();
            if let Some(known) = kind.fields()
                && !known.contains(&field_name)
            {
                self.unknown_key(field, &format!("{owner} of type `{kind}`"), known);
                continue;
            }
            let field_owner = format!("`{field_name}` of {owner}");
            let Some(source) = self.value(&field.value, &field_owner) else {
                continue;
            };
            if matches!(source, ValueSource::Literal(_))
                && !kind.takes_structure(field_name)
                && !matches!(field.value.kind, NodeKind::Scalar(_))
            {
                let message = format!(
                    "{field_owner} must be a text, `{{env: VARIABLE}}` or `{{file: PATH}}`, not {}",
                    field.value.type_name()
                );
                self.problem(Diagnostic::error(message), &field.value);
                continue;
            }
            if field_name == HOSTS_FIELD
                && kind.fields().is_some()
                && let ValueSource::Literal(value) = &source
                && servers(value.expose()).is_none()
            {
                let message = format!("invalid {field_owner}: {EXPECTED_SERVERS}");
                self.problem(Diagnostic::error(message), &field.value);
                continue;
            }
            if kind.is_secret_field(field_name) {
                self.warn_of_short(&source, &field_owner, &field.value);
            }
            stored.insert(field_name.to_owned(), source);
        }
        for required in kind.required_fields() {
            if !fields.iter().any(|field| field.key.text == *required) {
                let message = format!("{owner} of type `{kind}` has no `{required}`");
                self.problems
                    .push(Diagnostic::error(message).at(self.source, entry.key.span));
            }
        }
        (self.problems.len() == before).then_some(StoredCredential {
            kind,
            fields: stored,
        })
    }

    fn credential_type(&mut self, entry: &Entry, owner: &str) -> Option<CredentialType> {
        entry.value.entries()?;
        let names = CredentialType::ALL.map(CredentialType::as_str);
        let Some(node) = entry.value.get(TYPE_KEY) else {
            let diagnostic = Diagnostic::error(format!("{owner} has no `{TYPE_KEY}`"))
                .at(self.source, entry.key.span)
                .help(format!("expected {}", any_of(names)));
            self.problems.push(diagnostic);
            return None;
        };
        let Some(name) = node.as_str() else {
            let message = format!(
                "`{TYPE_KEY}` of {owner} must be a text, not {}",
                node.type_name()
            );
            self.problem(Diagnostic::error(message), node);
            return None;
        };
        let kind = CredentialType::from_name(name);
        if kind.is_none() {
            let help = match did_you_mean(name, names) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => format!("expected {}", any_of(names)),
            };
            // What stands there may be the secret itself.
            let message = format!("{owner} has an unknown type");
            self.problem(Diagnostic::error(message).help(help), node);
        }
        kind
    }

    /// A value that stands in the file, or where it comes from.
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
            // A mapping of one key that almost reads `env` or `file` is a slip, and not a secret.
            (Some([only]), []) if did_you_mean(&only.key.text, SOURCE_KEYS).is_some() => {
                self.unknown_key(only, owner, &SOURCE_KEYS);
                None
            }
            _ => Some(ValueSource::Literal(SecretValue::new(node.to_value()))),
        }
    }

    /// Says that a secret is not searched for in what leaves a call.
    fn warn_of_short(&mut self, source: &ValueSource, owner: &str, node: &Node) {
        if let ValueSource::Literal(value) = source
            && is_short(value)
        {
            let message = format!(
                "{owner} has fewer than {MIN_SECRET_BYTES} bytes: it is not searched for in logs and \
                 outcomes"
            );
            self.warnings
                .push(Diagnostic::warning(message).at(self.source, node.span));
            self.short.push(owner.to_owned());
        }
    }

    pub(super) fn unknown_key(&mut self, entry: &Entry, owner: &str, known: &[&'static str]) {
        let key = &entry.key.text;
        // What is like no key may be a value that was written in the place of one.
        let (message, help) = match did_you_mean(key, known.iter().copied()) {
            Some(meant) => (
                format!("unknown key `{key}` in {owner}"),
                format!("did you mean `{meant}`?"),
            ),
            None => (
                format!("unknown key in {owner}"),
                format!("known are {}", all_of(known)),
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
