use toolhost::capability::text::all_of;
use toolhost_diagnostic::{Diagnostic, Entry, Node, Source, Span, did_you_mean};

use super::refusal::Refusal;

/// The maximum number of problems of a playbook that are reported together.
pub(super) const MAX_PROBLEMS: usize = 50;

/// Collects the errors of a document, so that all of them are reported together.
pub(super) struct Checker<'document> {
    source: &'document Source,
    problems: Vec<Diagnostic>,
    warnings: Vec<Diagnostic>,
}

impl<'document> Checker<'document> {
    pub(super) fn new(source: &'document Source) -> Self {
        Self {
            source,
            problems: Vec::new(),
            warnings: Vec::new(),
        }
    }

    /// The warnings, if there are no problems; otherwise the problems in the order of their positions.
    pub(super) fn finish(mut self) -> Result<Vec<Diagnostic>, Vec<Diagnostic>> {
        let start = |problem: &Diagnostic| problem.span().map(|span| span.start);
        self.warnings.sort_by_key(start);
        if self.problems.is_empty() {
            return Ok(self.warnings);
        }
        self.problems.sort_by_key(start);
        let hidden = self.problems.len().saturating_sub(MAX_PROBLEMS);
        if hidden > 0 {
            self.problems.truncate(MAX_PROBLEMS);
            let message = format!("{hidden} more problems are not shown");
            self.problems.push(Diagnostic::error(message));
        }
        Err(self.problems)
    }

    /// The text of the document at a position.
    pub(super) fn source(&self) -> &'document Source {
        self.source
    }

    pub(super) fn report(&mut self, problem: Diagnostic) {
        self.problems.push(problem);
    }

    pub(super) fn warn(&mut self, warning: Diagnostic) {
        self.warnings.push(warning);
    }

    /// A problem with one position.
    pub(super) fn problem(
        &mut self,
        span: Span,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        let problem = Diagnostic::error(message);
        self.problems.push(problem.at(self.source, span).help(help));
    }

    /// A value of the wrong type.
    pub(super) fn wrong_type(&mut self, node: &Node, owner: &str, expected: &str, help: &str) {
        let message = format!("{owner} must be {expected}, not {}", node.type_name());
        let problem = Diagnostic::error(message).at(self.source, node.span);
        self.problems.push(match help {
            "" => problem,
            help => problem.help(help),
        });
    }

    /// The entries of a mapping.
    pub(super) fn mapping<'node>(
        &mut self,
        node: &'node Node,
        owner: &str,
    ) -> Option<&'node [Entry]> {
        let entries = node.entries();
        if entries.is_none() {
            self.wrong_type(node, owner, "a mapping", "");
        }
        entries
    }

    /// The items of a list.
    pub(super) fn list<'node>(&mut self, node: &'node Node, owner: &str) -> Option<&'node [Node]> {
        let items = node.items();
        if items.is_none() {
            self.wrong_type(node, owner, "a list", "");
        }
        items
    }

    /// A string that is not empty.
    pub(super) fn text(&mut self, node: &Node, owner: &str) -> Option<String> {
        let Some(text) = node.as_str() else {
            let is_scalar = node.items().is_none() && node.entries().is_none() && !node.is_null();
            let help = if is_scalar { "quote it" } else { "" };
            self.wrong_type(node, owner, "a string", help);
            return None;
        };
        if text.trim().is_empty() {
            self.problem(node.span, format!("{owner} is empty"), "write a text");
            return None;
        }
        Some(text.to_owned())
    }

    /// A key that a mapping at `span` must have.
    pub(super) fn missing(&mut self, span: Span, key: &str, owner: &str, help: impl Into<String>) {
        self.problem(span, format!("missing key `{key}` in {owner}"), help);
    }

    /// A key that is unknown here, or that this host does not support.
    pub(super) fn unknown_key(
        &mut self,
        key: &Entry,
        owner: &str,
        known: &[&'static str],
        refusals: &[Refusal],
    ) {
        let name = key.key.text.as_str();
        if let Some(refusal) = refusals.iter().find(|refusal| refusal.key == name) {
            let message = format!("`{name}` is not supported in {owner}");
            self.problem(key.key.span, message, refusal.help);
            return;
        }
        let help = suggest(name, known);
        self.problem(
            key.key.span,
            format!("unknown key `{name}` in {owner}"),
            help,
        );
    }
}

/// What was probably meant, or the valid names.
pub(super) fn suggest(word: &str, known: &[&'static str]) -> String {
    match did_you_mean(word, known.iter().copied()) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => format!("expected {}", all_of(known)),
    }
}
