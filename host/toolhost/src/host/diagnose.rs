use super::CallError;
use crate::capability::text::all_of;
use crate::capability::{CapabilityError, FieldPath};
use crate::diagnostic::{Diagnostic, Document, did_you_mean};
use crate::grant::GrantError;
use crate::registry::{ConfigProblem, ResolveError, grant_entry};

/// A problem of a call, with the path of the culprit within the tool's configuration; an empty path means the
/// tool itself.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// The keys and indices that lead to the culprit.
    pub path: Vec<String>,
    /// Whether the culprit is the key rather than its value.
    pub is_key: bool,
    /// What is wrong.
    pub message: String,
    /// How to fix it, if known.
    pub help: Option<String>,
}

impl CallError {
    /// All problems, with their paths.
    #[must_use]
    pub fn findings(&self) -> Vec<Finding> {
        let whole = |path: Vec<String>| Finding {
            path,
            is_key: false,
            message: self.to_string(),
            help: self.help(),
        };
        match self {
            Self::Config { problems, .. } => problems.iter().map(finding).collect(),
            Self::Rejected(explanation) | Self::Refused(CapabilityError { explanation, .. }) => {
                let field = explanation.field.as_ref();
                vec![whole(field.map(FieldPath::names).unwrap_or_default())]
            }
            Self::Template(error) => vec![whole(error.path.clone())],
            Self::UnknownTool(_) | Self::Denied(_) | Self::TooLarge { .. } | Self::ShuttingDown => {
                vec![whole(Vec::new())]
            }
        }
    }

    /// The error at its positions in the document that contains the configuration.
    #[must_use]
    pub fn diagnostics(&self, document: &Document) -> Vec<Diagnostic> {
        if let Self::Template(error) = self {
            return vec![error.diagnostic(document, &[] as &[&str])];
        }
        self.findings()
            .into_iter()
            .map(|finding| at(document, finding))
            .collect()
    }

    /// How to fix it, if known.
    #[must_use]
    pub fn help(&self) -> Option<String> {
        match self {
            Self::UnknownTool(error) => help_with_tool(error),
            Self::Denied(error) => help_with_grant(error),
            Self::Template(error) => error.help(),
            Self::Config { problems, .. } => problems.first().and_then(help_with_problem),
            Self::Rejected(explanation) | Self::Refused(CapabilityError { explanation, .. }) => {
                explanation.hint.clone()
            }
            Self::TooLarge { .. } => {
                Some("store large data elsewhere and pass its address".to_owned())
            }
            Self::ShuttingDown => None,
        }
    }
}

fn finding(problem: &ConfigProblem) -> Finding {
    Finding {
        path: problem.path.clone(),
        is_key: problem.is_key,
        message: problem.message.clone(),
        help: help_with_problem(problem),
    }
}

fn at(document: &Document, finding: Finding) -> Diagnostic {
    let place = document.locate_nearest(&finding.path);
    let text = document.source().text();
    // A value of several lines is better identified by its key.
    let is_block = place.value.slice(text).trim_end().contains('\n');
    let span = place
        .key
        .filter(|_| finding.is_key || is_block)
        .unwrap_or(place.value);
    let diagnostic = Diagnostic::error(finding.message).at(document.source(), span);
    match finding.help {
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
    Some(format!("expected {}", all_of(keys)))
}

fn help_with_tool(error: &ResolveError) -> Option<String> {
    match error {
        ResolveError::UnknownKind { kind, known } => {
            let candidates = known.iter().map(String::as_str);
            let there_are = || {
                format!(
                    "there are {}; more come from `--plugins DIR`",
                    all_of(known)
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
        GrantError::Missing {
            kind,
            digest,
            needed,
            ..
        } => Some(format!(
            "if you trust it with that, add to `grants.yaml` in the folder of `--plugins`:\n\n{}",
            grant_entry(kind, digest, needed)
        )),
        GrantError::UnknownImport { .. } => {
            Some("build it for the interface `noetl:tool@0.1` of this host".to_owned())
        }
        GrantError::UnknownCapability { .. } => None,
    }
}
