use super::CallError;
use crate::capability::text::all_of;
use crate::capability::{CapabilityError, FieldPath, Hint, Setting};
use crate::diagnostic::did_you_mean;
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
    pub help: Option<Hint>,
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

    /// How to fix it, if known.
    #[must_use]
    pub fn help(&self) -> Option<Hint> {
        match self {
            Self::UnknownTool(error) => help_with_tool(error),
            Self::Denied(error) => help_with_grant(error),
            Self::Template(error) => error.help().map(Into::into),
            Self::Config { problems, .. } => problems.first().and_then(help_with_problem),
            Self::Rejected(explanation) | Self::Refused(CapabilityError { explanation, .. }) => {
                explanation.hint.clone()
            }
            Self::TooLarge { .. } => Some("store large data elsewhere and pass its address".into()),
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

fn help_with_problem(problem: &ConfigProblem) -> Option<Hint> {
    let candidates = problem.candidates.iter().map(String::as_str);
    let meant = problem
        .word
        .as_deref()
        .and_then(|word| did_you_mean(word, candidates));
    if let Some(meant) = meant {
        return Some(format!("did you mean `{meant}`?").into());
    }
    if !problem.is_key || problem.candidates.is_empty() {
        return None;
    }
    // Each key has two spellings; the first one will do.
    let keys = problem.candidates.iter().filter(|key| !key.contains('_'));
    Some(format!("expected {}", all_of(keys)).into())
}

fn help_with_tool(error: &ResolveError) -> Option<Hint> {
    match error {
        ResolveError::UnknownKind { kind, known } => {
            let candidates = known.iter().map(String::as_str);
            let there_are = || {
                Hint::from(format!(
                    "there are {}; more are loaded from folders",
                    all_of(known)
                ))
                .setting(Setting::Tools)
            };
            Some(
                did_you_mean(kind, candidates)
                    .map_or_else(there_are, |meant| format!("did you mean `{meant}`?").into()),
            )
        }
        ResolveError::UnknownVersion { .. } => None,
    }
}

fn help_with_grant(error: &GrantError) -> Option<Hint> {
    match error {
        GrantError::Missing {
            kind,
            digest,
            needed,
            ..
        } => Some(format!(
            "if you trust it with that, add to `grants.yaml` in the folder that it was loaded from:\n\n{}",
            grant_entry(kind, digest, needed)
        ).into()),
        GrantError::UnknownImport { .. } => {
            Some("build it for the interface `noetl:tool@0.1` of this host".into())
        }
        GrantError::UnknownCapability { .. } => None,
    }
}
