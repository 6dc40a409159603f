//! The library speaks in the terms of requests: it names neither keys of a tool nor options of the command line.

use std::fs;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use crate::{guests, tidy};

/// The crates that serve any tool and any embedder.
const LIBRARY: [&str; 8] = [
    "host/capability/src",
    "host/diagnostic/src",
    "host/examples",
    "host/filesystem/src",
    "host/kubernetes/src",
    "host/quantity/src",
    "host/toolhost/src",
    "host/tools/src",
];
/// The keys of the first-party tools, which contain the values of their requests.
const KEYS: [&str; 5] = [
    "job.",
    "script.uri",
    "script.source",
    "script.interpreter",
    "source.auth",
];
/// The options of the command line.
const OPTIONS: [&str; 9] = [
    "--credentials",
    "--engine",
    "--kube-context",
    "--kubeconfig",
    "--namespace",
    "--plugins",
    "--policy",
    "--playbook",
    "--workspace",
];
/// Where such a text is right: the file, a part of the text, and the reason.
const ALLOWED: [(&str, &str, &str); 0] = [];

/// The string literals of code that is not a test, those in macros as well, but not its comments and attributes.
fn literals(tokens: TokenStream, found: &mut Vec<String>) {
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Punct(mark) if mark.as_char() == '#' => {
                let inner = tokens.next_if(|next| matches!(next, TokenTree::Punct(_)));
                let attribute = tokens.next().map(|token| token.to_string());
                if inner.is_none()
                    && attribute.is_some_and(|text| text == "[cfg (test)]" || text == "[cfg(test)]")
                {
                    skip_item(&mut tokens);
                }
            }
            TokenTree::Group(group) => literals(group.stream(), found),
            TokenTree::Literal(literal) => {
                if let Ok(text) = syn::parse_str::<syn::LitStr>(&literal.to_string()) {
                    found.push(text.value());
                }
            }
            TokenTree::Ident(_) | TokenTree::Punct(_) => {}
        }
    }
}

/// Skips to the end of an item: its body, or its semicolon.
fn skip_item(tokens: &mut impl Iterator<Item = TokenTree>) {
    for token in tokens {
        let is_end = match token {
            TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
            TokenTree::Punct(mark) => mark.as_char() == ';',
            TokenTree::Ident(_) | TokenTree::Literal(_) => false,
        };
        if is_end {
            return;
        }
    }
}

/// Whether a text names something that only one tool or one program has.
fn foreign_term(text: &str) -> Option<&'static str> {
    let quoted = |term: &str| {
        text.match_indices(term).any(|(at, _)| {
            let before = text[..at].chars().next_back();
            // `my.job.x` and `cronjob.x` are other names.
            before.is_none_or(|before| !before.is_alphanumeric() && !"._-/".contains(before))
        })
    };
    let mut terms = KEYS.into_iter().chain(OPTIONS);
    terms.find(|term| quoted(term))
}

#[test]
fn the_library_names_values_of_requests_and_settings() {
    let root = guests::workspace();
    let mut wrong = Vec::new();
    let mut read = 0;
    for path in LIBRARY
        .iter()
        .flat_map(|place| tidy::files(&root.join(place)))
    {
        if path.extension().is_none_or(|ending| ending != "rs") {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let path = path.strip_prefix(&root).unwrap().display().to_string();
        if path.contains("/tests/") || path.ends_with("tests.rs") || path.contains("/tests_") {
            continue;
        }
        let mut found = Vec::new();
        literals(text.parse().unwrap(), &mut found);
        read += found.len();
        for literal in found {
            let is_allowed =
                |(file, part, _): &(&str, &str, &str)| path == *file && literal.contains(part);
            if let Some(term) = foreign_term(&literal).filter(|_| !ALLOWED.iter().any(is_allowed)) {
                wrong.push(format!("{path}: `{term}` in: {literal}"));
            }
        }
    }
    assert!(read > 1000, "only {read} texts were read");
    assert!(
        wrong.is_empty(),
        "name the value of the request (`Hint::field`) or the setting (`Hint::setting`):\n{}",
        wrong.join("\n")
    );
}

#[test]
fn a_term_is_found_in_texts_alone() {
    let source = r#"
        /// Sets `job.image`.
        #[doc = "job.image"]
        fn a() { hint(format!("set `job.image` of {x}"), b"", 'a', r"--plugins"); }
        #[cfg(test)]
        mod tests { const A: &str = "job.image"; }
        const B: &str = "cronjob.x, my.job.x, job";
    "#;
    let mut found = Vec::new();
    literals(source.parse().unwrap(), &mut found);
    let terms: Vec<_> = found.iter().map(|text| foreign_term(text)).collect();
    assert_eq!(terms, [Some("job."), Some("--plugins"), None]);
}
