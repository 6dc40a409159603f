use crate::diagnostic::{Diagnostic, Entry, Node, Source, did_you_mean};

/// Gathers everything that is wrong with a document.
pub(super) struct Checker<'document> {
    pub(super) source: &'document Source,
    problems: Vec<Diagnostic>,
    warnings: Vec<Diagnostic>,
}

/// A key that NoETL has, and that is not supported here.
pub(super) struct Refused {
    pub(super) key: &'static str,
    /// What it is, for the message.
    pub(super) what: &'static str,
    /// What to write instead.
    pub(super) instead: &'static str,
}

impl<'document> Checker<'document> {
    pub(super) fn new(source: &'document Source) -> Self {
        Self {
            source,
            problems: Vec::new(),
            warnings: Vec::new(),
        }
    }

    pub(super) fn problem(&mut self, problem: Diagnostic) {
        self.problems.push(problem);
    }

    pub(super) fn warn(&mut self, warning: Diagnostic) {
        self.warnings.push(warning);
    }

    pub(super) fn has_problems(&self) -> bool {
        !self.problems.is_empty()
    }

    /// The problems in the order in which their places stand in the document.
    pub(super) fn into_problems(mut self) -> Vec<Diagnostic> {
        self.problems
            .sort_by_key(|problem| problem.span().map(|span| span.start));
        self.problems
    }

    pub(super) fn into_warnings(self) -> Vec<Diagnostic> {
        self.warnings
    }

    /// The entries of a mapping; nothing for null, which is a mapping left empty.
    pub(super) fn mapping<'node>(&mut self, node: &'node Node, owner: &str) -> &'node [Entry] {
        match node.entries() {
            Some(entries) => entries,
            None if node.is_null() => &[],
            None => {
                self.wrong_type(node, owner, "a mapping");
                &[]
            }
        }
    }

    /// The items of a list; nothing for null, which is a list left empty.
    pub(super) fn list<'node>(&mut self, node: &'node Node, owner: &str) -> &'node [Node] {
        match node.items() {
            Some(items) => items,
            None if node.is_null() => &[],
            None => {
                self.wrong_type(node, owner, "a list");
                &[]
            }
        }
    }

    /// A text that is not empty.
    pub(super) fn text<'node>(&mut self, node: &'node Node, owner: &str) -> Option<&'node str> {
        match node.as_str() {
            Some("") => {
                let message = format!("{owner} is empty");
                self.problem(Diagnostic::error(message).at(self.source, node.span));
                None
            }
            Some(text) => Some(text),
            None => {
                self.wrong_type(node, owner, "a text");
                None
            }
        }
    }

    pub(super) fn wrong_type(&mut self, node: &Node, owner: &str, expected: &str) {
        let actual = node.type_name();
        let diagnostic = Diagnostic::error(format!("{owner} must be {expected}, not {actual}"))
            .at(self.source, node.span);
        let is_scalar = matches!(actual, "a number" | "true or false");
        self.problem(if expected == "a text" && is_scalar {
            diagnostic.help("quote it")
        } else {
            diagnostic
        });
    }

    /// A key that is not known, or known and refused.
    pub(super) fn unknown_key(
        &mut self,
        entry: &Entry,
        owner: &str,
        known: &[&'static str],
        refused: &[Refused],
    ) {
        let key = entry.key.text.as_str();
        if let Some(refused) = refused.iter().find(|refused| refused.key == key) {
            let message = format!("`{key}` is not supported yet: {}", refused.what);
            self.problem(
                Diagnostic::error(message)
                    .at(self.source, entry.key.span)
                    .help(refused.instead),
            );
            return;
        }
        let diagnostic = Diagnostic::error(format!("unknown key `{key}` in {owner}"))
            .at(self.source, entry.key.span);
        let help = suggestion(key, known);
        self.problem(diagnostic.help(help));
    }

    /// A value that is none of those that there are.
    pub(super) fn unknown_value(
        &mut self,
        node: &Node,
        owner: &str,
        value: &str,
        known: &[&'static str],
    ) {
        let message = format!("{owner} cannot be `{value}`");
        self.problem(
            Diagnostic::error(message)
                .at(self.source, node.span)
                .help(suggestion(value, known)),
        );
    }
}

fn suggestion(word: &str, known: &[&'static str]) -> String {
    if let Some(meant) = did_you_mean(word, known.iter().copied()) {
        return format!("did you mean `{meant}`?");
    }
    let quoted: Vec<_> = known.iter().map(|name| format!("`{name}`")).collect();
    match quoted.as_slice() {
        [only] => format!("it must be {only}"),
        _ => format!("known are {}", quoted.join(", ")),
    }
}
