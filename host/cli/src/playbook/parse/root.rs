use serde_json::{Map, Value};
use toolhost::capability::text::any_of;
use toolhost::credential::KeychainEntry;
use toolhost_diagnostic::{Diagnostic, Entry, Node, did_you_mean};

use super::checker::Checker;
use super::{keychain, refusal, workflow};
use crate::playbook::model::{Metadata, Step};

const ROOT_KEYS: &[&str] = &[
    "apiVersion",
    "kind",
    "metadata",
    "executor",
    "workload",
    "keychain",
    "workflow",
];
/// The supported versions of the language; what only the older one has is rejected by name.
const API_VERSIONS: &[&str] = &["noetl.io/v2", "noetl.io/v1"];
const KIND: &str = "Playbook";
/// The keys of `executor` that do not change the behavior of a playbook here.
const EXECUTOR_KEYS: &[&str] = &["profile", "version", "requires", "name", "description"];
const OWNER: &str = "the playbook";

type Parts = (Metadata, Value, Vec<KeychainEntry>, Vec<Step>);

pub(super) fn parse(checker: &mut Checker<'_>, root: &Node) -> Parts {
    let mut metadata = Metadata::default();
    let mut workload = Value::Object(Map::new());
    let mut keychain = Vec::new();
    let mut steps = Vec::new();
    let Some(entries) = root.entries() else {
        let help = "a playbook starts with `apiVersion: noetl.io/v2` and `kind: Playbook`, and \
                    its steps are under `workflow:`";
        checker.wrong_type(root, "a playbook", "a mapping", help);
        return (metadata, workload, keychain, steps);
    };
    for entry in entries {
        let value = &entry.value;
        match entry.key.text.as_str() {
            "apiVersion" => one_of(checker, entry, API_VERSIONS),
            "kind" => one_of(checker, entry, &[KIND]),
            "metadata" => metadata = parse_metadata(checker, entry),
            "executor" => check_executor(checker, entry),
            "workload" if value.is_null() => {}
            "workload" => {
                if checker.mapping(value, "`workload`").is_some() {
                    workload = value.to_value();
                }
            }
            "keychain" => keychain = keychain::parse(checker, value),
            "workflow" => steps = workflow::parse(checker, value),
            _ => checker.unknown_key(entry, OWNER, ROOT_KEYS, refusal::ROOT),
        }
    }
    for (key, help) in [
        ("apiVersion", "write `apiVersion: noetl.io/v2`"),
        ("kind", "write `kind: Playbook`"),
        ("metadata", "write `metadata: {name: NAME}`"),
        (
            "workflow",
            "write the steps as a list under `workflow:`, each with `step` and `tool`",
        ),
    ] {
        // A key that was mistyped is reported as such.
        let is_mistyped = |entry: &Entry| {
            !ROOT_KEYS.contains(&entry.key.text.as_str())
                && did_you_mean(&entry.key.text, ROOT_KEYS.iter().copied()) == Some(key)
        };
        if root.get(key).is_none() && !entries.iter().any(is_mistyped) {
            checker.missing(root.span, key, OWNER, help);
        }
    }
    (metadata, workload, keychain, steps)
}

fn one_of(checker: &mut Checker<'_>, entry: &Entry, known: &[&'static str]) {
    let key = &entry.key.text;
    let Some(text) = checker.text(&entry.value, &format!("`{key}`")) else {
        return;
    };
    if !known.contains(&text.as_str()) {
        let message = format!("unsupported {key} `{text}`");
        let help = format!("write {}", any_of(known));
        checker.problem(entry.value.span, message, help);
    }
}

fn parse_metadata(checker: &mut Checker<'_>, entry: &Entry) -> Metadata {
    let mut metadata = Metadata::default();
    let Some(entries) = checker.mapping(&entry.value, "`metadata`") else {
        return metadata;
    };
    for field in entries {
        let owner = format!("`metadata.{}`", field.key.text);
        // Other metadata is for catalogs, and not for this host.
        match field.key.text.as_str() {
            "name" => metadata.name = checker.text(&field.value, &owner).unwrap_or_default(),
            "path" if !field.value.is_null() => metadata.path = checker.text(&field.value, &owner),
            "description" if !field.value.is_null() => {
                metadata.description = checker.text(&field.value, &owner);
            }
            "labels" if !field.value.is_null() => {
                checker.mapping(&field.value, &owner);
            }
            _ => {}
        }
    }
    if entry.value.get("name").is_none() {
        let help = "write `name: NAME`";
        checker.missing(entry.key.span, "name", "`metadata`", help);
    }
    metadata
}

/// Most requests of NoETL's `executor` do not apply to this host; those that would change the steps are
/// rejected.
fn check_executor(checker: &mut Checker<'_>, entry: &Entry) {
    let Some(entries) = checker.mapping(&entry.value, "`executor`") else {
        return;
    };
    let is_harmless = |field: &&Entry| EXECUTOR_KEYS.contains(&field.key.text.as_str());
    for field in entries.iter().filter(|field| !is_harmless(field)) {
        let message = format!("`{}` is not supported in `executor`", field.key.text);
        let help = "remove it: the playbook starts with the step `start` or the first one, and \
                    `next` of a step names its successors";
        checker.problem(field.key.span, message, help);
    }
    let warning = Diagnostic::warning("`executor` has no effect")
        .at(checker.source(), entry.key.span)
        .help("this host runs the playbook itself; `--engine` says where jobs run");
    checker.warn(warning);
}
