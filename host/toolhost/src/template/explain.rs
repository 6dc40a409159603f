use super::environment::FILTER_NAMES;
use super::error::{TemplateError, TemplateProblem};
use super::evaluate::{Failure, FailureKind};
use super::evaluation::{Miss, Traces};
use crate::diagnostic::did_you_mean;

/// A problem in a template, whose path is not known yet.
pub(super) struct Located {
    line: Option<usize>,
    expression: Option<String>,
    problem: TemplateProblem,
}

impl Located {
    pub(super) fn at(self, path: Vec<String>) -> TemplateError {
        TemplateError {
            path,
            line: self.line,
            expression: self.expression,
            problem: self.problem,
        }
    }
}

impl From<TemplateProblem> for Located {
    fn from(problem: TemplateProblem) -> Self {
        Self {
            line: None,
            expression: None,
            problem,
        }
    }
}

pub(super) fn too_much(limit: String) -> Located {
    Located::from(TemplateProblem::TooMuch { limit })
}

/// The undefined path, if the template only accessed a part of it.
pub(super) fn looked_into<'misses>(
    failure: &Failure,
    misses: &'misses [Miss],
) -> Option<&'misses str> {
    match &failure.kind {
        FailureKind::Undefined {
            name: Some(name),
            looked_into: true,
        } => find_miss(misses, name).map(|miss| miss.path.as_str()),
        _ => None,
    }
}

/// The missing name that a name of the template refers to: the same path, or one with the same end because
/// the template reached it through a variable.
fn find_miss<'misses>(misses: &'misses [Miss], name: &str) -> Option<&'misses Miss> {
    let last_name = name
        .trim_end_matches(['\'', '"', ']'])
        .rsplit(['.', '[', '\'', '"'])
        .next()
        .unwrap_or(name);
    let newest_first = || misses.iter().rev();
    newest_first()
        .find(|miss| miss.path == name)
        .or_else(|| newest_first().find(|miss| miss.name == last_name))
}

/// The explanation of a failed evaluation.
pub(super) fn explain(template: &str, failure: Failure, traces: &Traces) -> Located {
    let problem = match failure.kind {
        FailureKind::Undefined { name, .. } => {
            let miss = match &name {
                Some(name) => find_miss(&traces.misses, name),
                None => traces.misses.last(),
            };
            let path = miss.map(|miss| miss.path.clone()).or_else(|| name.clone());
            let located = undefined(
                template,
                path.as_deref().unwrap_or("a value"),
                name.as_deref(),
                traces,
            );
            return Located {
                line: failure.line,
                expression: failure.expression.or(located.expression),
                problem: located.problem,
            };
        }
        FailureKind::Syntax => TemplateProblem::Syntax {
            detail: failure.detail,
        },
        FailureKind::UnknownFilter(name) => TemplateProblem::UnknownFilter {
            suggestion: did_you_mean(&name, FILTER_NAMES).map(str::to_owned),
            name,
        },
        FailureKind::TooMuch => TemplateProblem::TooMuch {
            limit: failure.detail,
        },
        FailureKind::Other(kind) if traces.touched => TemplateProblem::Withheld { kind },
        FailureKind::UnknownName | FailureKind::Other(_) => TemplateProblem::Failed {
            detail: failure.detail,
        },
    };
    Located {
        line: failure.line,
        expression: failure.expression,
        problem,
    }
}

/// The explanation of an undefined path; `name` is its name in the template.
pub(super) fn undefined(
    template: &str,
    path: &str,
    name: Option<&str>,
    traces: &Traces,
) -> Located {
    let miss = traces.misses.iter().rev().find(|miss| miss.path == path);
    let suggestion = miss.and_then(|miss| {
        did_you_mean(&miss.name, miss.siblings.iter().map(String::as_str)).map(str::to_owned)
    });
    // A path that is not literal in the template may contain a secret, as in `workload[secret.x]`.
    let spelled_out = template.contains(path);
    let name = match name {
        _ if spelled_out || !traces.touched => path,
        Some(name) => name,
        None => "a name that depends on a secret",
    };
    let problem = match name.strip_prefix("secret.") {
        Some(secret) if miss.is_some_and(|miss| miss.path == name) => {
            TemplateProblem::UnknownSecret {
                name: secret.to_owned(),
                suggestion,
                known: miss.map(|miss| miss.siblings.clone()).unwrap_or_default(),
            }
        }
        _ => TemplateProblem::Undefined {
            name: name.to_owned(),
            suggestion,
        },
    };
    Located {
        line: spelled_out.then(|| line_of(template, path)),
        expression: spelled_out.then(|| path.to_owned()),
        problem,
    }
}

fn line_of(template: &str, part: &str) -> usize {
    let before = template.split(part).next().unwrap_or_default();
    before.matches('\n').count() + 1
}
