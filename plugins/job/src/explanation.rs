//! The reason why a job or an attempt failed, chosen from the reports of the engine and completed with this
//! tool's hints.

use alloc::string::{String, ToString};

use noetl_tool_sdk::{AttemptEnd, Explanation, JobStatus, code};

use crate::config::JobConfig;
use crate::hint::{Failure, hint};
use crate::options::DEFAULT_IMAGE;
use crate::output::Output;
use crate::profile::Profile;
use crate::watch::Record;

/// The parts of the configuration that hints use.
#[derive(Debug)]
pub(crate) struct Settings {
    image: String,
    profile: Profile,
}

impl Settings {
    /// Copies the relevant parts of the job's configuration.
    pub(crate) fn new(job: &JobConfig, profile: &Profile) -> Self {
        Self {
            image: job.image.as_deref().unwrap_or(DEFAULT_IMAGE).to_string(),
            profile: *profile,
        }
    }
}

/// Why the job failed: the reason of its last attempt, if the job only reports that every attempt failed. `output` is that
/// of the last attempt.
pub(crate) fn of_job(record: &Record, output: Option<&Output>, settings: &Settings) -> Explanation {
    if record.status() == JobStatus::Succeeded {
        return Explanation::default();
    }
    let last = record
        .attempts
        .last()
        .and_then(|attempt| attempt.end.as_ref());
    let said = record.end.as_ref().map(|end| &end.explanation);
    let says_little =
        said.is_none_or(|said| said.reason.is_none() || said.is(code::BACKOFF_LIMIT_EXCEEDED));
    let of_last = last.map(|end| &end.explanation);
    let of_last = of_last.filter(|of_last| says_little && of_last.reason.is_some());
    let explanation = of_last.or(said).cloned().unwrap_or_default();
    completed(explanation, output, settings)
}

/// Why the attempt failed.
pub(crate) fn of_attempt(end: &AttemptEnd, output: &Output, settings: &Settings) -> Explanation {
    completed(end.explanation.clone(), Some(output), settings)
}

/// Adds this tool's hint if the engine gave none.
fn completed(
    mut explanation: Explanation,
    output: Option<&Output>,
    settings: &Settings,
) -> Explanation {
    let (Some(reason), None) = (&explanation.reason, &explanation.hint) else {
        return explanation;
    };
    let failure = Failure {
        reason,
        output: output.map_or("", |output| &output.text),
        image: &settings.image,
        profile: &settings.profile,
    };
    if let Some((hint, field)) = hint(&failure) {
        explanation.hint = Some(hint);
        explanation.field.get_or_insert(field);
    }
    explanation
}
