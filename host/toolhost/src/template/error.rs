use crate::capability::text::chain;
use crate::credential::CredentialError;
use crate::diagnostic::{Diagnostic, Document, Span, there_are};
use crate::sealing::OpenError;

/// Why a configuration value could not be rendered, and its path.
///
/// Nothing in it depends on the value of a secret: it names parts of the template and of plain data.
#[derive(Debug, thiserror::Error)]
#[error("cannot render the template at `{}`", self.pointer())]
#[non_exhaustive]
pub struct TemplateError {
    /// The keys and indices that lead to the value.
    pub path: Vec<String>,
    /// The line of the template, from 1.
    pub line: Option<usize>,
    /// The part of the template that caused the error.
    pub expression: Option<String>,
    /// What is wrong.
    #[source]
    pub problem: TemplateProblem,
}

/// What is wrong with a template.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TemplateProblem {
    /// It is not a template.
    #[error("invalid template: {detail}")]
    Syntax {
        /// What was found, and what was expected.
        detail: String,
    },
    /// It uses an undefined name.
    #[error("`{name}` is not defined")]
    Undefined {
        /// The whole path, such as `workload.outputs`.
        name: String,
        /// What was probably meant.
        suggestion: Option<String>,
    },
    /// It uses an unknown secret.
    #[error("the secret `{name}` is not defined")]
    UnknownSecret {
        /// The secret.
        name: String,
        /// What was probably meant.
        suggestion: Option<String>,
        /// The names that exist, as far as they can be listed.
        known: Vec<String>,
    },
    /// It uses an unknown filter.
    #[error("unknown filter `{name}`")]
    UnknownFilter {
        /// The filter.
        name: String,
        /// What was probably meant.
        suggestion: Option<String>,
    },
    /// An operation in it failed.
    #[error("{detail}")]
    Failed {
        /// Why, which may quote plain data.
        detail: String,
    },
    /// An operation in it failed, and the cause is withheld because it depends on a secret.
    #[error("{kind} (details are withheld, because the template uses a secret)")]
    Withheld {
        /// What kind of failure it is.
        kind: String,
    },
    /// It takes too many steps, or produces too much data.
    #[error("the template exceeds its limits: it was stopped after {limit}")]
    TooMuch {
        /// The limit that it reached.
        limit: String,
    },
    /// A secret that it uses is unavailable.
    #[error("cannot get a secret that the template uses")]
    Credential(#[source] CredentialError),
    /// The variables of a credential that it names are unavailable.
    #[error("cannot get the variables of the credential")]
    Environment(#[source] CredentialError),
    /// The rendered value could not be sealed.
    #[error("cannot seal the rendered value")]
    Sealing(#[source] OpenError),
}

impl TemplateError {
    /// The path of the value, as a person writes it: `job.env.TOKEN`, `args.0`.
    #[must_use]
    pub fn pointer(&self) -> String {
        self.path.join(".")
    }

    /// How to fix it, if known.
    #[must_use]
    pub fn help(&self) -> Option<String> {
        match &self.problem {
            TemplateProblem::Undefined {
                suggestion: Some(suggestion),
                ..
            }
            | TemplateProblem::UnknownFilter {
                suggestion: Some(suggestion),
                ..
            } => Some(format!("did you mean `{suggestion}`?")),
            TemplateProblem::UnknownSecret {
                name,
                suggestion,
                known,
            } => {
                let add = format!("add `{name}` to `secrets:` of the credentials file");
                Some(match suggestion {
                    Some(suggestion) => format!("did you mean `{suggestion}`? Or {add}"),
                    None => add + &there_are(known.iter().map(String::as_str)),
                })
            }
            TemplateProblem::Undefined { .. } => Some(
                "`… | default(VALUE)` sets a default for a value that may be absent".to_owned(),
            ),
            TemplateProblem::Syntax { .. } => {
                Some("write `{{ '{{' }}` for literal braces".to_owned())
            }
            TemplateProblem::Credential(error) | TemplateProblem::Environment(error) => {
                error.help()
            }
            TemplateProblem::UnknownFilter { .. }
            | TemplateProblem::Failed { .. }
            | TemplateProblem::Withheld { .. }
            | TemplateProblem::TooMuch { .. }
            | TemplateProblem::Sealing(_) => None,
        }
    }

    /// The problem at its position in the source document of the value; `base` is the path of the rendered
    /// value.
    #[must_use]
    pub fn diagnostic(&self, document: &Document, base: &[impl AsRef<str>]) -> Diagnostic {
        let base = base.iter().map(|segment| segment.as_ref().to_owned());
        let path: Vec<_> = base.chain(self.path.iter().cloned()).collect();
        self.diagnostic_at(document, &path)
    }

    /// As [`diagnostic`](Self::diagnostic), if `path` is that of the template itself.
    #[must_use]
    pub fn diagnostic_at(&self, document: &Document, path: &[impl AsRef<str>]) -> Diagnostic {
        let span = document.locate_nearest(path).value;
        let span = self.narrow(document.source().text(), span);
        let diagnostic = Diagnostic::error(chain(&self.problem)).at(document.source(), span);
        match self.help() {
            Some(help) => diagnostic.help(help),
            None => diagnostic,
        }
    }

    /// The part of the value's span with the culprit, if it can be found: a string may be written with
    /// escapes, or folded.
    fn narrow(&self, text: &str, span: Span) -> Span {
        let Some(expression) = self.expression.as_deref().filter(|part| !part.is_empty()) else {
            return span;
        };
        let slice = span.slice(text);
        // A block starts with its indicator, and its first line is the next one.
        let first_line = usize::from(slice.starts_with(['|', '>']));
        let line_start = slice
            .split_inclusive('\n')
            .take(first_line + self.line.unwrap_or(1).saturating_sub(1))
            .map(str::len)
            .sum::<usize>();
        let found = slice
            .get(line_start..)
            .and_then(|rest| rest.find(expression))
            .map(|offset| line_start + offset)
            .or_else(|| slice.find(expression));
        match found {
            Some(offset) => {
                let start = span.start + offset;
                Span::locate(text, start, start + expression.len())
            }
            None => span,
        }
    }
}
