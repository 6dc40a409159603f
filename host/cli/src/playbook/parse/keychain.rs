use std::collections::HashMap;
use std::time::Duration;

use serde_json::Value;
use toolhost::credential::{KeychainEntry, KeychainKind, MINTED_KEYCHAIN_KINDS};
use toolhost_diagnostic::{Diagnostic, Node, Span};

use super::checker::{Checker, suggest};
use super::refusal;

/// `ref` is another name for `credential`. `auto_renew` and `ttl_seconds` tell a NoETL server how long to
/// keep a token; here a token is always renewed before it expires.
const ENTRY_KEYS: &[&str] = &[
    "name",
    "kind",
    "credential",
    "ref",
    "scope",
    "min_ttl",
    "auto_renew",
    "ttl_seconds",
];
/// Who shares an entry on a NoETL server: the execution, all of them, those that it started, the version of
/// the playbook. Here each process obtains its own, so that all of them are equivalent.
const SCOPES: &[&str] = &["local", "global", "shared", "catalog"];
/// The maximum `min_ttl`, in seconds: a token that is valid for a day need not be renewed for a step.
const MAX_MIN_TTL: u64 = 24 * 3600;
/// The kind of an entry that does not name one.
const DEFAULT_KIND: &str = "credential";

/// The entries of `keychain:`.
pub(super) fn parse(checker: &mut Checker<'_>, node: &Node) -> Vec<KeychainEntry> {
    let mut entries = Vec::new();
    if node.is_null() {
        return entries;
    }
    let mut names: HashMap<String, Span> = HashMap::new();
    for item in checker.list(node, "`keychain`").unwrap_or_default() {
        let Some(entry) = parse_entry(checker, item) else {
            continue;
        };
        let span = item.get("name").map_or(item.span, |name| name.span);
        if let Some(first) = names.insert(entry.name.clone(), span) {
            let problem = Diagnostic::error(format!(
                "two entries of the keychain have the name `{}`",
                entry.name
            ));
            let problem = problem
                .label(checker.source(), first, "first defined here")
                .label(checker.source(), span, "defined again here")
                .help("give one of them another name");
            checker.report(problem);
        }
        entries.push(entry);
    }
    entries
}

fn parse_entry(checker: &mut Checker<'_>, item: &Node) -> Option<KeychainEntry> {
    let fields = checker.mapping(item, "an entry of `keychain`")?;
    let label = item.get("name").and_then(Node::as_str);
    let owner = match label {
        Some(name) => format!("the keychain entry `{name}`"),
        None => "an entry of `keychain`".to_owned(),
    };
    let kind = parse_kind(checker, item, &owner);
    // An entry whose kind is rejected has keys of that kind; the important error was reported.
    if kind.is_some() {
        for field in fields {
            if !ENTRY_KEYS.contains(&field.key.text.as_str()) {
                checker.unknown_key(field, &owner, ENTRY_KEYS, refusal::KEYCHAIN);
            }
        }
    }
    if let Some(scope) = item.get("scope") {
        let text = checker.text(scope, &format!("`scope` of {owner}"));
        if let Some(text) = text.filter(|text| !SCOPES.contains(&text.as_str())) {
            let message = format!("unknown scope `{text}` of {owner}");
            checker.problem(scope.span, message, suggest(&text, SCOPES));
        }
    }
    let name = if let Some(node) = item.get("name") {
        checker.text(node, "`name` of an entry of `keychain`")
    } else {
        let help = "write `name: NAME`; templates then use `{{ keychain.NAME.FIELD }}`";
        checker.missing(item.span, "name", &owner, help);
        None
    };
    let kind = kind?;
    let credential = if let Some(node) = item.get("credential").or_else(|| item.get("ref")) {
        checker.text(node, &format!("`credential` of {owner}"))
    } else {
        let help = "name a credential from the credentials file";
        checker.missing(item.span, "credential", &owner, help);
        None
    };
    let min_ttl = match item.get("min_ttl") {
        Some(node) => parse_min_ttl(checker, node, &owner)?,
        None => Duration::ZERO,
    };
    let mut entry = KeychainEntry::new(name?, kind, credential?);
    entry.min_ttl = min_ttl;
    Some(entry)
}

/// Seconds, as a number or a string.
fn parse_min_ttl(checker: &mut Checker<'_>, node: &Node, owner: &str) -> Option<Duration> {
    let seconds = match node.to_value() {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    };
    let seconds = seconds.filter(|seconds| *seconds <= MAX_MIN_TTL);
    if seconds.is_none() {
        let message = format!("`min_ttl` of {owner} is not a number of seconds");
        let help = format!("write a whole number from 0 to {MAX_MIN_TTL}");
        checker.problem(node.span, message, help);
    }
    seconds.map(Duration::from_secs)
}

fn parse_kind(checker: &mut Checker<'_>, item: &Node, owner: &str) -> Option<KeychainKind> {
    let Some(node) = item.get("kind") else {
        return KeychainKind::from_name(DEFAULT_KIND);
    };
    let text = checker.text(node, &format!("`kind` of {owner}"))?;
    // In NoETL, such an entry may have a custom request: `endpoint`, `headers` and `data`.
    let has_credential = item.get("credential").or_else(|| item.get("ref")).is_some();
    if text == "oauth2" && !has_credential {
        let message = format!("{owner} has no `credential`, and a custom request is not supported");
        let help = "put `token_url`, `client_id` and `client_secret` into a credential of type \
                    `oauth2`, and write `credential: NAME`";
        checker.problem(node.span, message, help);
        return None;
    }
    let kind = KeychainKind::from_name(&text);
    if kind.is_none() {
        let (message, help) = if MINTED_KEYCHAIN_KINDS.contains(&text.as_str()) {
            let message = format!("unsupported kind `{text}` of {owner}");
            let help = "put the values into a credential of the credentials file, and write `kind: \
                        credential` and `credential: NAME`";
            (message, help.to_owned())
        } else {
            let message = format!("unknown kind `{text}` of {owner}");
            (message, suggest(&text, &KeychainKind::NAMES))
        };
        checker.problem(node.span, message, help);
    }
    kind
}
