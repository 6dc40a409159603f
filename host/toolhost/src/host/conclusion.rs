//! Converts the end of a tool's work to the outcome for the caller.

use std::time::Duration;

use serde_json::Value;

use super::rejection::rejection;
use super::{CallError, advice, structure};
use crate::abi::{GuestFault, Invocation};
use crate::capability::{Explanation, Reason};
use crate::limits::{Limits, json_memory_bytes};
use crate::outcome::{self, Ending, Outcome};
use crate::registry::LoadedTool;
use crate::scope::CallScope;

/// Outcomes up to this size are not measured: JSON of that size takes at most some megabytes of memory.
const EXPANDING_BYTES: usize = 64 << 10;

/// How the tool's work ended.
pub(super) enum Invoked {
    /// The tool ended by itself.
    Ended(Invocation),
    /// The tool was ended.
    Stopped(Reason),
    /// The call ended before the tool was started.
    NotStarted(Reason, Stage),
}

/// The stages before a tool is started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Templates are rendered.
    Rendering,
    /// The maximum number of calls is running.
    Admission,
}

impl Stage {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Rendering => "while its templates were rendered",
            Self::Admission => "while it waited for other calls to end",
        }
    }
}

/// The outcome of a call, without secrets.
pub(super) fn conclude(
    invoked: Invoked,
    tool: &LoadedTool,
    scope: &CallScope,
) -> Result<Outcome, CallError> {
    let (ending, cpu_time) = match invoked {
        Invoked::Stopped(reason) => (stopped(reason, None, scope), Duration::ZERO),
        Invoked::NotStarted(reason, stage) => (stopped(reason, Some(stage), scope), Duration::ZERO),
        Invoked::Ended(Invocation { result, cpu_time }) => (ended(result, tool, scope)?, cpu_time),
    };
    let (status, mut document) = ending;
    advice::keep_known_fields(&mut document, tool.schema());
    if let Some(redactor) = scope.redactor() {
        let mut names = names(scope);
        let field = document.get("field").and_then(Value::as_str);
        let key = field.filter(|field| advice::is_key(tool.schema(), field));
        names.extend(key.map(str::to_owned));
        structure::redact(&mut document, &redactor, &names);
    }
    tracing::info!(%status, digest = %tool.digest(), "the call has ended");
    Ok(Outcome {
        status,
        document,
        tool: scope.context.tool.clone(),
        digest: tool.digest(),
        cpu_time,
    })
}

/// The names by which the host knows the call, longer ones first: one may be a part of another.
fn names(scope: &CallScope) -> Vec<String> {
    let mut names = vec![scope.context.step.clone()];
    for identity in scope.job_identities() {
        names.push(identity.name);
        names.extend(identity.namespace);
    }
    names.sort_unstable_by_key(|name| std::cmp::Reverse(name.len()));
    names
}

fn ended(
    result: Result<String, GuestFault>,
    tool: &LoadedTool,
    scope: &CallScope,
) -> Result<Ending, CallError> {
    let fault = match result {
        Ok(text) if expands_too_far(&text, &scope.limits) => {
            let message = format!(
                "the tool exceeded its limits: it returned a document that needs more than {} \
                 bytes of memory",
                scope.limits.held_bytes
            );
            return Ok(outcome::failure(Reason::ToolLimit, message));
        }
        Ok(text) => match outcome::parse(&text) {
            Ok(ending) => return Ok(ending),
            Err(problem) => {
                let message = format!("the tool returned an invalid outcome: {problem}");
                return Ok(outcome::failure(Reason::ToolFault, message));
            }
        },
        Err(fault) => fault,
    };
    match fault {
        GuestFault::Refused(error) => match rejection(error) {
            Ok(why) => Err(CallError::Rejected(rejected(why, tool.schema(), scope))),
            Err(error) => Ok(outcome::refusal(error)),
        },
        GuestFault::LimitExceeded { .. } => {
            Ok(outcome::failure(Reason::ToolLimit, fault.to_string()))
        }
        GuestFault::BrokeOff { .. } => Ok(outcome::failure(Reason::ToolFault, fault.to_string())),
        GuestFault::NotStarted(source) => {
            let message = format!("cannot start the tool: {source:#}");
            Ok(outcome::failure(Reason::Internal, message))
        }
    }
}

/// What a tool says of its configuration, without secrets and without advice that cannot be followed.
fn rejected(why: Explanation, schema: &Value, scope: &CallScope) -> Explanation {
    let field = why.field.clone().and_then(|field| {
        let text = field.to_string();
        // A key is a word of the tool's schema, even if a secret equals it.
        if advice::is_key(schema, &text) {
            return Some(field);
        }
        advice::is_known(schema, &text)
            .then(|| scope.redact(text))
            .and_then(|text| text.parse().ok())
    });
    Explanation {
        field,
        ..scope.redact_explanation(why)
    }
}

/// Whether the result of a tool would take more memory than may be held for it.
fn expands_too_far(text: &str, limits: &Limits) -> bool {
    text.len() > EXPANDING_BYTES
        && json_memory_bytes(text).is_ok_and(|bytes| bytes > limits.held_bytes)
}

/// The status follows from the event that ended the call. If its job could not start, the reason is that of
/// the job's wait.
fn stopped(reason: Reason, before_start: Option<Stage>, scope: &CallScope) -> Ending {
    let message = match reason {
        Reason::Timeout => {
            format!("the call took longer than {:?}", scope.limits.wall_time)
        }
        _ => "the call was cancelled".to_owned(),
    };
    let message = match before_start {
        Some(stage) => format!("{message} {}; the tool was not started", stage.as_str()),
        None => message,
    };
    let Some(wait) = scope.interrupted_wait() else {
        return outcome::failure(reason, message);
    };
    let message = format!("{message}; its job was {}", wait.message);
    let (status, mut document) = outcome::failure(reason, message);
    let (hint, field) = (wait.hint_text(), wait.field_text());
    let said = [
        ("reason", Some(wait.reason.to_string())),
        ("hint", hint),
        ("field", field),
    ];
    for (name, text) in said {
        if let Some(text) = text {
            document.insert(name.to_owned(), text.into());
        }
    }
    (status, document)
}
