//! The expressions that `docs/style.md` rules out.

use std::fs;
use std::path::{Path, PathBuf};

use crate::guests;

/// An expression, and what to write instead. The words of an expression are separated by spaces; `a|b` is either
/// word, `*` any word, and `!a|b` any word but these.
const EXPRESSIONS: [(&str, &str); 28] = [
    (
        "!there|of is|are|was|were|be no !longer|more|less|deeper|larger|other",
        "`is not a …`, or `invalid …`",
    ),
    (
        "!there|if|option|value is|are|was|were none",
        "`is not one of …`, or `does not …`",
    ),
    ("whoever", "`anyone who`, or `the user who`"),
    ("tell|tells|told of", "`report`"),
    (
        "is|are|be|been|was|were told",
        "`is reported to`, or `knows`",
    ),
    (
        "hear|hears|heard of",
        "`receive`, `watch` or `be notified of`",
    ),
    ("nobody|nobody's", "`no one`, or the passive"),
    ("mend|mends|mended|mending", "`fix`"),
    ("shall", "`must`, `is to`, or the noun"),
    ("room|rooms", "`module`, `space` or `capacity`"),
    ("arrow|arrows", "`dependency`"),
    ("beside", "`next to`, `in addition to` or `compared with`"),
    (
        "!all|both|each|most|none|one|some of which",
        "a sentence of its own, or `whose`",
    ),
    (
        "lead|leads|led to what",
        "the noun: `invalid redirect target`",
    ),
    (
        "login to the cluster",
        "`cannot authenticate to the cluster`",
    ),
    ("by the|* hand of", "`by` or `through`"),
    ("for ever", "`forever` or `indefinitely`"),
    ("anew", "`again`"),
    ("let|lets go|loose", "`resume`, `release` or `drop`"),
    ("in the place of", "`instead of`"),
    ("go|goes|went before", "`take precedence over`"),
    (
        "stand|stands|stood in|on|under|below|behind|before|at|after|there|where|next",
        "`is in`, `is on` …",
    ),
    ("hand|hands|handed|handing over", "`pass`"),
    (
        "stranger|strangers|stranger's|strangers'",
        "`third party`, or `untrusted`",
    ),
    ("to the letter", "`verbatim` or `exactly`"),
    ("its own accord", "`by itself`"),
    ("misspelt|learnt", "the American spelling"),
    ("is|are not to be had", "`is not available`"),
];
/// Where the expressions may not appear: files and folders of the repository.
const TIDY: &[&str] = &[
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "README.md",
    "deploy",
    "docs",
    "examples",
    "fuzz/fuzz_targets",
    "host/capability",
    "host/cli",
    "host/diagnostic",
    "host/filesystem",
    "host/kubernetes/src",
    "host/toolhost/benches",
    "host/toolhost/examples",
    "host/toolhost/src/abi",
    "host/toolhost/src/backend/local",
    "host/toolhost/src/backend/objects",
    "host/toolhost/src/credential",
    "host/toolhost/src/digest.rs",
    "host/toolhost/src/engine.rs",
    "host/toolhost/src/grant.rs",
    "host/toolhost/src/host",
    "host/toolhost/src/http",
    "host/toolhost/src/lib.rs",
    "host/toolhost/src/limits",
    "host/toolhost/src/log",
    "host/toolhost/src/outcome.rs",
    "host/toolhost/src/progress.rs",
    "host/toolhost/src/registry",
    "host/toolhost/src/scope",
    "host/toolhost/src/template",
    "host/tools",
    "plugins",
    "tests/fake-kubernetes",
    "tests/guests",
    "tests/hostile",
    "tests/it",
    "tests/simulation",
    "wit",
];
/// Where an expression is right: the file, a part of the line, and the reason.
const ALLOWED: [(&str, &str, &str); 4] = [
    ("docs/style.md", "| `", "lists the expressions"),
    ("docs/local.md", "`nobody`", "the name of a user"),
    ("tests/it/cli.rs", "NOBODY", "the name of a user"),
    ("tests/it/tidy.rs", "", "lists the expressions"),
];
/// The endings of files that people write.
const ENDINGS: [&str; 6] = ["md", "py", "rs", "toml", "wit", "yaml"];

/// A word or a punctuation mark of a text, in lower case, and its line.
struct Word {
    text: String,
    line: usize,
}

/// The words of a text. The parts of `snake_case` are words; markers of comments and quotes are left out, so that an
/// expression is found across lines.
fn words(text: &str) -> Vec<Word> {
    let mut words = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let mut word = String::new();
        let mut is_escaped = false;
        for character in line.chars().chain([' ']) {
            let is_part = character.is_alphanumeric() || character == '\'';
            if is_part && !is_escaped {
                word.extend(character.to_lowercase());
            } else if !word.is_empty() {
                let text = std::mem::take(&mut word);
                words.push(Word {
                    text,
                    line: index + 1,
                });
            }
            if ".,;:()|{}".contains(character) {
                let text = character.to_string();
                words.push(Word {
                    text,
                    line: index + 1,
                });
            }
            is_escaped = character == '\\' && !is_escaped;
        }
    }
    words
}

fn fits(pattern: &str, word: &str) -> bool {
    let is_word = word.chars().any(char::is_alphanumeric);
    match pattern.strip_prefix('!') {
        _ if pattern == "*" => is_word,
        Some(others) => is_word && others.split('|').all(|other| other != word),
        None => pattern.split('|').any(|other| other == word),
    }
}

/// Where an expression is in a text: the lines, and the words that were found.
fn find(expression: &str, words: &[Word]) -> Vec<(usize, String)> {
    let patterns: Vec<_> = expression.split(' ').collect();
    let matches = words.windows(patterns.len()).filter(|words| {
        let mut pairs = patterns.iter().zip(*words);
        pairs.all(|(pattern, word)| fits(pattern, &word.text))
    });
    let found = |words: &[Word]| {
        let texts: Vec<_> = words.iter().map(|word| word.text.as_str()).collect();
        (words[0].line, texts.join(" "))
    };
    matches.map(found).collect()
}

/// The files below a path of the repository that people write.
pub(crate) fn files(path: &Path) -> Vec<PathBuf> {
    if path.is_file() {
        return vec![path.to_owned()];
    }
    let mut found = Vec::new();
    for entry in fs::read_dir(path).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let ending = path.extension().unwrap_or_default().to_string_lossy();
        if path.is_dir() && name != "target" && name != "node_modules" {
            found.append(&mut files(&path));
        } else if ENDINGS.contains(&ending.as_ref()) {
            found.push(path);
        }
    }
    found.sort();
    found
}

#[test]
fn text_is_plain_english() {
    let root = guests::workspace();
    let mut wrong = Vec::new();
    for path in TIDY.iter().flat_map(|place| files(&root.join(place))) {
        let mut text = fs::read_to_string(&path).unwrap();
        if path.extension().is_some_and(|ending| ending == "py") {
            // So Python compares a value with nothing.
            text = text.replace(" is None", " == None");
        }
        let path = path.strip_prefix(&root).unwrap().display().to_string();
        let words = words(&text);
        for (expression, instead) in EXPRESSIONS {
            for (line, found) in find(expression, &words) {
                let source = text.lines().nth(line - 1).unwrap_or_default();
                let is_allowed = ALLOWED
                    .iter()
                    .any(|(file, part, _)| path == *file && source.contains(part));
                if !is_allowed {
                    wrong.push(format!("{path}:{line}: `{found}`: write {instead}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "see docs/style.md:\n{}", wrong.join("\n"));
}

#[test]
fn an_expression_is_found_across_lines_and_in_names() {
    let text = "/// What the cluster\n/// tells\n/// of `x`.\nfn a_word_is_no_name() {}\n\"a\\nis \
                no\\\n  one\"";
    let words = words(text);
    let places = |expression| -> Vec<_> {
        let found = find(expression, &words);
        found.into_iter().map(|(line, _)| line).collect()
    };
    assert_eq!(places("tells|told of"), [2]);
    assert_eq!(places("!there is no *"), [4, 5]);
    assert_eq!(places("!there|word is|are no *"), [5]);
}
