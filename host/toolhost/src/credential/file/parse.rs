use std::collections::BTreeMap;

use super::checker::Checker;
use super::providers;
use crate::capability::text::any_of;
use crate::credential::audience::{EXPECTED_SERVERS, servers};
use crate::credential::kind::HOSTS_FIELD;
use crate::credential::source::ValueSource;
use crate::credential::{CredentialType, ProviderSettings};
use crate::diagnostic::{Diagnostic, Document, Entry, NodeKind, did_you_mean};

const ROOT_KEYS: [&str; 3] = ["secrets", "credentials", "providers"];
const TYPE_KEY: &str = "type";

/// The content of the file.
#[derive(Default)]
pub(super) struct Parsed {
    pub(super) secrets: BTreeMap<String, ValueSource>,
    pub(super) credentials: BTreeMap<String, StoredCredential>,
    pub(super) providers: Vec<ProviderSettings>,
    pub(super) warnings: Vec<Diagnostic>,
    pub(super) short: Vec<String>,
}

/// A credential in the file.
pub(super) struct StoredCredential {
    pub(super) kind: CredentialType,
    pub(super) fields: BTreeMap<String, ValueSource>,
}

/// Checks the whole document, and reports all problems together.
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

impl Checker<'_> {
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
            // The text may be the secret itself.
            let message = format!("{owner} has an unknown type");
            self.problem(Diagnostic::error(message).help(help), node);
        }
        kind
    }
}
