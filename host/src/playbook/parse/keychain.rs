use std::collections::HashMap;

use super::checker::{Checker, Refused};
use crate::credential::{KeychainEntry, KeychainKind, MINTED_KEYCHAIN_KINDS};
use crate::diagnostic::{Diagnostic, Node};

const KEYS: [&str; 5] = ["name", "kind", "credential", "ref", "scope"];
/// Keys that say how long an entry lives or who shares it. An entry lives as long as the call here, and
/// is never shared, so they can be taken without effect.
const IGNORED_KEYS: [&str; 5] = ["scope", "ttl_seconds", "auto_renew", "description", "desc"];
const REFUSED_KEYS: [Refused; 8] = [
    refused("token"),
    refused("map"),
    refused("auth"),
    refused("provider"),
    refused("endpoint"),
    refused("data"),
    refused("headers"),
    refused("renew_config"),
];

const fn refused(key: &'static str) -> Refused {
    Refused {
        key,
        what: "a keychain entry takes its fields from a credential",
        instead: "put the values into `credentials:` of the credentials file, and name them with \
                  `credential`",
    }
}

pub(super) fn parse(checker: &mut Checker<'_>, node: &Node) -> Vec<KeychainEntry> {
    let mut spans = HashMap::new();
    let mut entries = Vec::new();
    for item in checker.list(node, "`keychain`") {
        let Some((entry, name)) = entry(checker, item) else {
            continue;
        };
        if let Some(first) = spans.insert(entry.name.clone(), name.span) {
            checker.problem(
                Diagnostic::error(format!("two keychain entries are called `{}`", entry.name))
                    .label(checker.source, first, "first here")
                    .label(checker.source, name.span, "and again here"),
            );
        }
        entries.push(entry);
    }
    entries
}

/// An entry, and where its name stands.
fn entry<'node>(
    checker: &mut Checker<'_>,
    node: &'node Node,
) -> Option<(KeychainEntry, &'node Node)> {
    let owner = "an entry of `keychain`";
    if node.entries().is_none() {
        checker.wrong_type(node, owner, "a mapping");
        return None;
    }
    let (mut name, mut kind, mut credential) = (None, KeychainKind::from_name("credential"), None);
    for entry in node.entries().unwrap_or_default() {
        let key = entry.key.text.as_str();
        let value = &entry.value;
        match key {
            "name" => {
                name = checker
                    .text(value, "`name` of a keychain entry")
                    .map(|name| (name, value));
            }
            "kind" => kind = parse_kind(checker, value),
            "credential" | "ref" => {
                let owner = format!("`{key}` of a keychain entry");
                credential = checker.text(value, &owner);
            }
            key if IGNORED_KEYS.contains(&key) => {}
            _ => checker.unknown_key(entry, owner, &KEYS, &REFUSED_KEYS),
        }
    }
    if node.get("name").is_none() {
        checker.problem(
            Diagnostic::error(format!("{owner} has no `name`")).at(checker.source, node.span),
        );
    }
    let (name, place) = name?;
    let entry = KeychainEntry {
        name: name.to_owned(),
        kind: kind?,
        credential: credential.unwrap_or(name).to_owned(),
    };
    Some((entry, place))
}

fn parse_kind(checker: &mut Checker<'_>, node: &Node) -> Option<KeychainKind> {
    let name = checker.text(node, "`kind` of a keychain entry")?;
    let kind = KeychainKind::from_name(name);
    if kind.is_none() {
        if MINTED_KEYCHAIN_KINDS.contains(&name) {
            let message = format!("keychain entries of kind `{name}` are not supported yet");
            checker.problem(
                Diagnostic::error(message).at(checker.source, node.span).help(
                    "use `kind: credential`, and a credential that holds the values or a valid token",
                ),
            );
        } else {
            checker.unknown_value(
                node,
                "`kind` of a keychain entry",
                name,
                &KeychainKind::NAMES,
            );
        }
    }
    kind
}
