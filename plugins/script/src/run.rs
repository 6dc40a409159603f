//! One run, from the configuration to the outcome.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use noetl_job_tool::config::Words;
use noetl_job_tool::{JobPlan, Outcome, Profile};
use noetl_tool_sdk::{Context, Error, Host, Object, code};

use crate::config::{Config, ScriptConfig};
use crate::file_name::file_name;
use crate::interpreter::{self, FIRST_LINE_BYTES};
use crate::source::{Origin, digest, origin, shown};

const PROFILE: Profile = Profile {
    kind: "script",
    backoff_limit: 3,
    keys: "job.",
    arguments: "args",
};

/// Runs the script. All detectable errors in the configuration are reported before anything is fetched or
/// started.
///
/// # Errors
///
/// `InvalidRequest` with the path of the value, and the errors of the host unchanged.
pub(crate) fn run(host: &impl Host, config: Config, context: &Context) -> Result<Outcome, Error> {
    let plan = Plan::new(config, context)?;

    let script = plan.fetch(host)?;
    let command = plan.command(&script)?;
    let Plan {
        file_name,
        job,
        script: config,
        runner,
        ..
    } = plan;
    // Many calls may wait concurrently, and for long: free what is no longer needed now.
    drop((config, runner));
    let job = job.run(host, &file_name, script, command)?;
    Ok(job.into_outcome())
}

/// What was decided from the configuration alone.
struct Plan {
    script: ScriptConfig,
    /// The expected digest of the script.
    sha256: Option<String>,
    file_name: String,
    /// The words of the command; `None` if they depend on the script itself.
    runner: Option<Runner>,
    job: JobPlan,
}

enum Runner {
    /// The command from the playbook.
    Command(Vec<String>),
    /// The interpreter.
    Interpreter(Vec<String>),
}

impl Plan {
    fn new(config: Config, context: &Context) -> Result<Self, Error> {
        let mut script = config.script;
        let mut job = config.job.unwrap_or_default();
        let sha256 = digest(&script)?;
        // Only to find errors; the request is built again when it is sent.
        origin(&script, sha256.as_deref())?;
        Ok(Self {
            sha256,
            file_name: file_name(script.uri.as_deref()),
            runner: runner(script.interpreter.take(), job.command.take())?,
            script,
            job: JobPlan::new(&PROFILE, job, config.args.as_deref(), context)?,
        })
    }

    fn fetch<H: Host>(&self, host: &H) -> Result<H::Object, Error> {
        match origin(&self.script, self.sha256.as_deref())? {
            Origin::Fetched { uri, options } => {
                host.report("fetching", &format!("fetching `{}`", shown(uri)), &[]);
                host.fetch_object(uri, options)
            }
            Origin::Inline(content) => {
                let object = host.create_object(content.as_bytes())?;
                if let Some(expected) = &self.sha256
                    && object.metadata().get("sha256") != Some(expected)
                {
                    let message = "`script.content` does not match `script.sha256`";
                    let error = Error::new(code::CHECKSUM_MISMATCH, message);
                    return Err(error.with_field("script.sha256"));
                }
                Ok(object)
            }
        }
    }

    fn command(&self, script: &impl Object) -> Result<Vec<String>, Error> {
        match &self.runner {
            Some(Runner::Command(words)) => Ok(words.clone()),
            Some(Runner::Interpreter(words)) => Ok(interpreter::command(words)),
            None => {
                let first_bytes = script.read(0, FIRST_LINE_BYTES)?;
                let words = interpreter::detect(&self.file_name, &first_bytes)?;
                Ok(interpreter::command(&words))
            }
        }
    }
}

fn runner(
    interpreter: Option<Words>,
    command: Option<Vec<String>>,
) -> Result<Option<Runner>, Error> {
    match (interpreter, command) {
        (None, None) => Ok(None),
        (Some(Words(words)), None) if words.is_empty() => Err(Error::invalid(
            "script.interpreter",
            "`script.interpreter` is empty",
        )),
        (Some(Words(words)), None) => Ok(Some(Runner::Interpreter(words))),
        (None, Some(words)) if words.is_empty() => {
            Err(Error::invalid("job.command", "`job.command` is empty"))
        }
        (None, Some(words)) => Ok(Some(Runner::Command(words))),
        (Some(_), Some(_)) => {
            let message = "`script.interpreter` and `job.command` contradict each other";
            Err(Error::invalid("job.command", message).with_hint("remove one of them"))
        }
    }
}
