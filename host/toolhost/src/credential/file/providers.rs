use std::path::PathBuf;

use super::checker::Checker;
use crate::capability::text::all_of;
use crate::credential::provide::{ProviderSettings, Settings, server};
use crate::diagnostic::{Diagnostic, Entry, Node, did_you_mean};

const KINDS: [&str; 4] = ["env", "folder", "noetl", "command"];
const NOETL_KEYS: [&str; 2] = ["url", "token"];

/// Parses the list `providers:`.
pub(super) fn parse(checker: &mut Checker<'_>, node: &Node) -> Vec<ProviderSettings> {
    let Some(items) = node.items() else {
        if !node.is_null() {
            let message = format!("`providers` must be a list, not {}", node.type_name());
            checker.problem(Diagnostic::error(message), node);
        }
        return Vec::new();
    };
    let providers = items.iter().filter_map(|item| provider(checker, item));
    providers.map(ProviderSettings).collect()
}

fn provider(checker: &mut Checker<'_>, item: &Node) -> Option<Settings> {
    if let Some(name) = item.as_str() {
        if name == "env" {
            return Some(Settings::Environment);
        }
        unknown(checker, name, item);
        return None;
    }
    let Some([entry]) = item.entries() else {
        let message = "a provider must be `env`, or a mapping of one key";
        let help =
            "write `- env`, `- folder: PATH`, `- noetl: {url: URL}` or `- command: [PROGRAM]`";
        checker.problem(Diagnostic::error(message).help(help), item);
        return None;
    };
    match entry.key.text.as_str() {
        "env" if entry.value.is_null() => Some(Settings::Environment),
        "folder" => {
            text(checker, entry, "the provider").map(|path| Settings::Folder(PathBuf::from(path)))
        }
        "noetl" => noetl(checker, &entry.value),
        "command" => command(checker, &entry.value),
        name => {
            unknown(checker, name, item);
            None
        }
    }
}

fn unknown(checker: &mut Checker<'_>, name: &str, node: &Node) {
    let help = match did_you_mean(name, KINDS) {
        Some(meant) if meant != name => format!("did you mean `{meant}`?"),
        _ => format!("expected {}", all_of(KINDS)),
    };
    let message = "unknown or malformed provider";
    checker.problem(Diagnostic::error(message).help(help), node);
}

fn noetl(checker: &mut Checker<'_>, node: &Node) -> Option<Settings> {
    let owner = "the provider `noetl`";
    let mut url = None;
    let mut token = None;
    let entries = checker.mapping(node, owner);
    for entry in entries {
        match entry.key.text.as_str() {
            "url" => {
                let text = text(checker, entry, owner)?;
                url = server(&text);
                if url.is_none() {
                    let message =
                        format!("invalid `url` of {owner}: expected an http or https URL");
                    checker.problem(Diagnostic::error(message), &entry.value);
                    return None;
                }
            }
            "token" => token = Some(checker.value(&entry.value, &format!("`token` of {owner}"))?),
            _ => checker.unknown_key(entry, owner, &NOETL_KEYS),
        }
    }
    let Some(url) = url else {
        checker.problem(Diagnostic::error(format!("{owner} has no `url`")), node);
        return None;
    };
    Some(Settings::Noetl { url, token })
}

fn command(checker: &mut Checker<'_>, node: &Node) -> Option<Settings> {
    let words: Option<Vec<_>> = match (node.as_str(), node.items()) {
        (Some(text), _) => Some(text.split_whitespace().map(str::to_owned).collect()),
        (None, Some(items)) => items
            .iter()
            .map(|item| item.as_str().map(str::to_owned))
            .collect(),
        (None, None) => None,
    };
    let words = words.filter(|words| words.first().is_some_and(|word| !word.is_empty()));
    if words.is_none() {
        let message = "`command` of a provider must be a list of a program and its arguments";
        checker.problem(Diagnostic::error(message), node);
    }
    words.map(Settings::Command)
}

fn text(checker: &mut Checker<'_>, entry: &Entry, owner: &str) -> Option<String> {
    let text = entry.value.as_str().filter(|text| !text.is_empty());
    if text.is_none() {
        let message = format!("`{}` of {owner} must be a text", entry.key.text);
        checker.problem(Diagnostic::error(message), &entry.value);
    }
    text.map(str::to_owned)
}
