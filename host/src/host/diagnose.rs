use super::CallError;
use crate::diagnostic::{Diagnostic, Document, did_you_mean};
use crate::grant::GrantError;
use crate::registry::{ConfigProblem, ResolveError};

impl CallError {
    /// The error at its places in the document that the configuration came from.
    ///
    /// `base` leads to the map of the tool: the one that holds `kind` and the configuration.
    #[must_use]
    pub fn diagnostics(&self, document: &Document, base: &[String]) -> Vec<Diagnostic> {
        match self {
            Self::UnknownTool(error) => vec![with_help(
                at(
                    document,
                    &join(base, ["kind".to_owned()]),
                    false,
                    self.to_string(),
                ),
                help_with_tool(error),
            )],
            Self::Denied(error) => vec![with_help(
                at(
                    document,
                    &join(base, ["kind".to_owned()]),
                    false,
                    self.to_string(),
                ),
                help_with_grant(error),
            )],
            Self::Template(error) => vec![error.diagnostic(document, base)],
            Self::Config { problems, .. } => problems
                .iter()
                .map(|problem| of_problem(problem, document, base))
                .collect(),
            Self::Rejected {
                message,
                hint,
                field,
            } => {
                let path = field
                    .iter()
                    .flat_map(|field| field.split('.'))
                    .map(str::to_owned);
                let diagnostic = at(document, &join(base, path), false, message.clone());
                vec![with_help(diagnostic, hint.clone())]
            }
            Self::TooLarge { .. } => vec![at(document, base, false, self.to_string())],
            Self::ShuttingDown => vec![Diagnostic::error(self.to_string())],
        }
    }

    /// How to mend it, where that is known.
    #[must_use]
    pub fn help(&self) -> Option<String> {
        match self {
            Self::UnknownTool(error) => help_with_tool(error),
            Self::Denied(error) => help_with_grant(error),
            Self::Template(error) => error.help(),
            Self::Config { problems, .. } => problems.first().and_then(help_with_problem),
            Self::Rejected { hint, .. } => hint.clone(),
            Self::TooLarge { .. } => {
                Some("put large data into an object and pass its address".to_owned())
            }
            Self::ShuttingDown => None,
        }
    }
}

fn of_problem(problem: &ConfigProblem, document: &Document, base: &[String]) -> Diagnostic {
    let path = join(base, problem.path.iter().cloned());
    with_help(
        at(document, &path, problem.is_key, problem.message.clone()),
        help_with_problem(problem),
    )
}

fn at(document: &Document, path: &[String], is_key: bool, message: String) -> Diagnostic {
    let place = document.locate_nearest(path);
    let span = match place.key {
        Some(key) if is_key || spans_lines(document, place.value.start, place.value.end) => key,
        _ => place.value,
    };
    Diagnostic::error(message).at(document.source(), span)
}

/// Whether a value is better pointed at by its key, since it goes over several lines.
fn spans_lines(document: &Document, start: usize, end: usize) -> bool {
    document
        .source()
        .text()
        .get(start..end)
        .is_some_and(|text| text.trim_end().contains('\n'))
}

fn with_help(diagnostic: Diagnostic, help: Option<String>) -> Diagnostic {
    match help {
        Some(help) => diagnostic.help(help),
        None => diagnostic,
    }
}

fn help_with_problem(problem: &ConfigProblem) -> Option<String> {
    let candidates = problem.candidates.iter().map(String::as_str);
    let meant = problem
        .word
        .as_deref()
        .and_then(|word| did_you_mean(word, candidates));
    if let Some(meant) = meant {
        return Some(format!("did you mean `{meant}`?"));
    }
    if !problem.is_key || problem.candidates.is_empty() {
        return None;
    }
    // Each key has two spellings; the first one will do.
    let keys = problem.candidates.iter().filter(|key| !key.contains('_'));
    let keys: Vec<_> = keys.map(|key| format!("`{key}`")).collect();
    Some(format!("the keys here are {}", keys.join(", ")))
}

fn help_with_tool(error: &ResolveError) -> Option<String> {
    match error {
        ResolveError::UnknownKind { kind, known } => {
            let candidates = known.iter().map(String::as_str);
            let there_are = || {
                format!(
                    "there are {}; more come from `--plugins DIR`",
                    quoted(known)
                )
            };
            Some(
                did_you_mean(kind, candidates)
                    .map_or_else(there_are, |meant| format!("did you mean `{meant}`?")),
            )
        }
        ResolveError::UnknownVersion { .. } => None,
    }
}

fn help_with_grant(error: &GrantError) -> Option<String> {
    match error {
        GrantError::Missing { kind, missing } => {
            let names: Vec<_> = missing.iter().map(ToString::to_string).collect();
            Some(format!(
                "if you trust it with that, write into `grants.yaml` in the folder of `--plugins`:\n\ngrants:\n  {kind}: [{}]",
                names.join(", ")
            ))
        }
        GrantError::UnknownImport { .. } => {
            Some("build it for this host's interface `noetl:tool@0.1`".to_owned())
        }
        GrantError::UnknownCapability { .. } => None,
    }
}

fn quoted(words: &[String]) -> String {
    words
        .iter()
        .map(|word| format!("`{word}`"))
        .collect::<Vec<_>>()
        .join(", ")
}

fn join(base: &[String], rest: impl IntoIterator<Item = String>) -> Vec<String> {
    base.iter().cloned().chain(rest).collect()
}
