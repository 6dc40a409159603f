//! One run, from the configuration to the outcome.

use alloc::borrow::ToOwned as _;

use noetl_job_tool::{FinishedJob, JobPlan, Outcome, Profile};
use noetl_tool_sdk::{Context, Error, Explanation, Host, Status, code};
use serde_json::value::RawValue;

use crate::config::Config;
use crate::program::{FILE_NAME, Program, command};
use crate::report::{Marks, Report};

/// A function that failed fails again: `job.backoffLimit` is for functions that use other services.
const PROFILE: Profile = Profile {
    kind: "python",
    backoff_limit: 0,
    keys: "job.",
    arguments: "args",
};

/// Calls the function `main`.
///
/// # Errors
///
/// `InvalidRequest` with the path of the value, and the errors of the host unchanged.
pub(crate) fn run(host: &impl Host, config: Config, context: &Context) -> Result<Outcome, Error> {
    if config.code.trim().is_empty() {
        let error = Error::invalid("code", "`code` is empty");
        return Err(error.with_hint("define a function `main` in Python"));
    }
    let mut job = config.job.unwrap_or_default();
    let command = match job.command.take() {
        Some(words) if words.is_empty() => {
            return Err(Error::invalid("job.command", "`job.command` is empty"));
        }
        words => words.unwrap_or_else(command),
    };
    let plan = JobPlan::new(&PROFILE, job, config.args.as_deref(), context)?;
    let program = Program::new(plan.name(), &config.code)?;
    let script = host.create_object(program.source.as_bytes())?;
    host.report("marks", "", &program.marks.details());
    let job = plan.run(host, FILE_NAME, script, command)?;
    Ok(outcome(job, &program.marks))
}

fn outcome(mut job: FinishedJob, marks: &Marks) -> Outcome {
    let mut last = None;
    for (attempt, output) in job.record.attempts.iter_mut().zip(&mut job.outputs) {
        last = marks.take(output);
        let end = attempt.end.as_mut();
        let end = end.filter(|end| end.explanation.is(code::SCRIPT_ERROR));
        if let (Some(end), Some(Report::Failure(failure))) = (end, &last) {
            end.explanation = failure.clone().into();
        }
    }
    if let (Some(end), Some(Report::Failure(failure))) = (job.record.end.as_mut(), &last)
        && end.explanation.is(code::SCRIPT_ERROR)
    {
        end.explanation = failure.clone().into();
    }
    let mut job = job.into_outcome();
    let result = match (job.status, last) {
        (Status::Completed, Some(Report::Result(result))) => Some(result),
        (Status::Completed, report) => {
            job.status = Status::Failed;
            job.explanation = without_result(report);
            None
        }
        _ => None,
    };
    job.result = Some(result.unwrap_or_else(|| RawValue::NULL.to_owned()));
    job
}

/// Why a job that succeeded has no result.
fn without_result(report: Option<Report>) -> Explanation {
    let failure = |reason: &str, message: &str, hint: &str| {
        Explanation::new(reason, message)
            .with_hint(hint)
            .with_field("code")
    };
    match report {
        Some(Report::Failure(failure)) => failure.into(),
        None => failure(
            "ResultMissing",
            "the program ended before `main` returned",
            "make `main` return instead of ending or replacing the program",
        ),
        Some(Report::Result(_) | Report::Unreadable) => failure(
            "ResultInvalid",
            "the result of `main` cannot be read from the log",
            "return no secrets: a redacted result may no longer be JSON",
        ),
    }
}
