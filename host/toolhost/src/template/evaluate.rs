use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use minijinja::{Environment, Error, ErrorKind, Value};
use serde_json::Value as Json;

use super::json;

/// The time limit of evaluating one template with statements. Fuel limits all other work; a list that
/// contains itself many times escapes it, because comparing or joining it consumes fuel only afterwards.
const MAX_EVALUATION_TIME: Duration = Duration::from_secs(5);
/// The stack for templates with statements, which can nest values as deep as their fuel allows.
const STACK_BYTES: usize = 256 * 1024 * 1024;

/// The purpose of an evaluation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Its value: typed if it is a single expression, and a string otherwise.
    Value,
    /// Whether its value is true.
    Condition,
}

/// Why an evaluation failed. It contains parts of the template, and in `detail` possibly of values.
pub(super) struct Failure {
    pub(super) kind: FailureKind,
    pub(super) detail: String,
    /// The line, from 1.
    pub(super) line: Option<usize>,
    /// The part of the template that caused the error.
    pub(super) expression: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum FailureKind {
    Syntax,
    /// Something is not defined.
    Undefined {
        /// Its name in the template, if known.
        name: Option<String>,
        /// Whether the template only looked further into it, as `b` in `a.b`, and did not use it.
        looked_into: bool,
    },
    UnknownFilter(String),
    /// A name of the language is unknown: the detail only contains the template's own words.
    UnknownName,
    TooMuch,
    Other(String),
}

/// Evaluates a template once.
pub(super) fn evaluate(
    environment: &Arc<Environment<'static>>,
    template: &str,
    root: Value,
    purpose: Purpose,
) -> Result<Json, Failure> {
    if !template.contains("{%") {
        return run(environment, template, root, purpose);
    }
    let (sender, receiver) = mpsc::sync_channel(1);
    let environment = Arc::clone(environment);
    let template = template.to_owned();
    let spawned = thread::Builder::new()
        .name("template".to_owned())
        .stack_size(STACK_BYTES)
        .spawn(move || {
            // The receiver is gone after the time limit.
            drop(sender.send(run(&environment, &template, root, purpose)));
        });
    if spawned.is_err() {
        return Err(Failure::other(
            "cannot start a thread for the template".to_owned(),
        ));
    }
    // Waiting here blocks this thread no longer than evaluating here would.
    match receiver.recv_timeout(MAX_EVALUATION_TIME) {
        Ok(outcome) => outcome,
        Err(mpsc::RecvTimeoutError::Timeout) => Err(Failure {
            kind: FailureKind::TooMuch,
            detail: format!("{} s", MAX_EVALUATION_TIME.as_secs()),
            line: None,
            expression: None,
        }),
        Err(mpsc::RecvTimeoutError::Disconnected) => {
            Err(Failure::other("the template language failed".to_owned()))
        }
    }
}

/// The syntax error of a template, before its names are known.
pub(super) fn check_syntax(environment: &Environment<'static>, template: &str) -> Option<Failure> {
    if let Some(expression) = single_expression(template)
        && environment
            .compile_expression_owned(expression.to_owned())
            .is_ok()
    {
        return None;
    }
    environment
        .template_from_str(template)
        .err()
        .map(|error| Failure::new(&error, template))
}

/// The expression of a template that consists of a single one.
fn single_expression(template: &str) -> Option<&str> {
    let inner = template.strip_prefix("{{")?.strip_suffix("}}")?;
    let inner = inner.strip_prefix(['-', '+']).unwrap_or(inner);
    Some(inner.strip_suffix(['-', '+']).unwrap_or(inner))
}

fn run(
    environment: &Environment<'static>,
    template: &str,
    root: Value,
    purpose: Purpose,
) -> Result<Json, Failure> {
    if let Some(expression) = single_expression(template)
        && let Ok(compiled) = environment.compile_expression_owned(expression.to_owned())
    {
        let value = compiled
            .eval(root.clone())
            .map_err(|error| Failure::new(&error, expression))?;
        if purpose == Purpose::Condition {
            return Ok(Json::Bool(value.is_true()));
        }
        // An undefined value means nothing if an `else` was omitted, and is an error elsewhere: rendering the
        // text distinguishes them.
        if !value.is_undefined() {
            return json::to_json(&value).map_err(|error| Failure::new(&error, expression));
        }
    }
    let text = environment
        .render_named_str("template", template, root)
        .map_err(|error| Failure::new(&error, template))?;
    if text.len() > json::MAX_OUTPUT_BYTES {
        return Err(Failure {
            kind: FailureKind::TooMuch,
            detail: format!("{} bytes", json::MAX_OUTPUT_BYTES),
            line: None,
            expression: None,
        });
    }
    Ok(match purpose {
        Purpose::Value => Json::String(text),
        Purpose::Condition => Json::Bool(says_true(&text)),
    })
}

/// Whether a rendered text counts as true, as in NoETL.
fn says_true(text: &str) -> bool {
    let text = text.trim();
    !["", "false", "none", "null", "0", "no"]
        .iter()
        .any(|falsehood| text.eq_ignore_ascii_case(falsehood))
}

impl Failure {
    fn new(error: &Error, template: &str) -> Self {
        let part = error.range().and_then(|range| template.get(range));
        let undefined = error.detail().and_then(undefined_name);
        let kind = match error.kind() {
            ErrorKind::SyntaxError => FailureKind::Syntax,
            ErrorKind::OutOfFuel => FailureKind::TooMuch,
            ErrorKind::UnknownFilter => {
                FailureKind::UnknownFilter(part.unwrap_or_default().trim().to_owned())
            }
            kind if kind == ErrorKind::UndefinedError || undefined.is_some() => {
                FailureKind::Undefined {
                    looked_into: kind == ErrorKind::UndefinedError
                        && looks_further(error, template, undefined),
                    name: undefined.map(str::to_owned),
                }
            }
            ErrorKind::UnknownTest | ErrorKind::UnknownFunction | ErrorKind::UnknownMethod => {
                FailureKind::UnknownName
            }
            kind => FailureKind::Other(kind.to_string()),
        };
        let detail = match (&kind, error.detail()) {
            (FailureKind::TooMuch, _) => "its share of work and memory".to_owned(),
            (_, Some(detail)) => detail.to_owned(),
            (_, None) => error.kind().to_string(),
        };
        // The undefined name is more specific than the failed operation.
        let expression = undefined
            .filter(|name| template.contains(name))
            .or(part)
            .map(|part| part.trim().to_owned());
        Self {
            kind,
            detail,
            line: error.line(),
            expression,
        }
    }

    fn other(detail: String) -> Self {
        Self {
            kind: FailureKind::Other(detail.clone()),
            detail,
            line: None,
            expression: None,
        }
    }
}

/// The name in the language's "`name` is undefined", with or without words around it.
fn undefined_name(detail: &str) -> Option<&str> {
    let (before, _) = detail.split_once("` is undefined")?;
    let start = before.rfind('`')? + 1;
    before.get(start..)
}

/// Whether the error arose from looking into `name`, as in `name.x` or `name[x]`, instead of from using it.
/// The language reports both in the same way, but gives the position in the template.
fn looks_further(error: &Error, template: &str, name: Option<&str>) -> bool {
    let (Some(range), Some(name)) = (error.range(), name) else {
        return false;
    };
    let template = template.replace('"', "'");
    (range.start..=range.end)
        .filter(|position| template.is_char_boundary(*position))
        .any(|position| {
            let (before, after) = template.split_at(position);
            before.ends_with(name) && after.trim_start().starts_with(['.', '['])
        })
}
