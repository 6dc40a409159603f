//! One run, from the configuration to the outcome.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use noetl_tool_sdk::{Context, Error, Host, Job, JobSpec, Object, SecretEntry, code};

use crate::config::{Config, ScriptConfig, Words};
use crate::environment;
use crate::explanation::Settings;
use crate::file_name::file_name;
use crate::interpreter::{self, FIRST_LINE_BYTES};
use crate::name::job_name;
use crate::options::Options;
use crate::outcome::{Identity, Outcome, ScriptOutcome};
use crate::output::{EARLIER_OUTPUT_BYTES, LAST_OUTPUT_BYTES, Output};
use crate::source::{Origin, digest, origin, shown};
use crate::watch::{Record, watch};

/// Runs the script. Everything that can be found wrong with the configuration is found before anything is
/// fetched or started.
///
/// # Errors
///
/// `InvalidRequest` with the path of the value, and the errors of the host as they are.
pub(crate) fn run(host: &impl Host, config: Config, context: &Context) -> Result<Outcome, Error> {
    let plan = Plan::new(config, context)?;

    let script = plan.fetch(host)?;
    let script_outcome = describe(&script);
    let command = plan.command(&script)?;
    let environment = host.create_secret(plan.environment)?;

    host.report(
        "creating",
        &format!("creating job `{}`", plan.job_name),
        &[],
    );
    let mut options = plan.options;
    options.command(&command)?;
    let spec = JobSpec::new(plan.job_name.as_str())
        .script(plan.file_name, &script)
        .environment(&environment);
    let spec = options.apply(spec, &script_outcome.sha256, &plan.variables);
    let job = host.create_job(spec)?;

    let record = watch(&job)?;
    let outputs = outputs(&job, &record)?;
    let identity = Identity {
        name: plan.job_name,
        metadata: job.metadata(),
    };
    let settings = &plan.settings;
    Ok(Outcome::new(
        identity,
        script_outcome,
        record,
        outputs,
        settings,
    ))
}

/// What was decided from the configuration alone.
struct Plan {
    script: ScriptConfig,
    /// What the script must hash to.
    sha256: Option<String>,
    job_name: String,
    file_name: String,
    /// The words that the command is made of; none where the script itself must tell.
    runner: Option<Runner>,
    environment: Vec<SecretEntry>,
    variables: Vec<String>,
    options: Options,
    settings: Settings,
}

enum Runner {
    /// The command as it stands in the playbook.
    Command(Vec<String>),
    /// What runs the script.
    Interpreter(Vec<String>),
}

impl Plan {
    fn new(config: Config, context: &Context) -> Result<Self, Error> {
        let execution_id = context.execution_id().filter(|id| !id.is_empty());
        let execution_id = execution_id.ok_or_else(|| {
            let message = "the call has no `execution-id`, which the job is named by";
            Error::new(code::INVALID_REQUEST, message)
        })?;
        let mut script = config.script;
        let mut job = config.job.unwrap_or_default();
        let sha256 = digest(&script)?;
        // Only to find what is wrong; the request is made again when it is sent.
        origin(&script, sha256.as_deref())?;
        let runner = runner(script.interpreter.take(), job.command.take())?;
        let environment = environment::entries(job.env.take(), config.args.as_deref())?;
        let settings = Settings::new(&job);
        Ok(Self {
            sha256,
            job_name: job_name(context.step(), execution_id),
            file_name: file_name(script.uri.as_deref()),
            script,
            runner,
            variables: environment
                .iter()
                .map(|entry| entry.name().to_string())
                .collect(),
            environment,
            options: Options::new(job, context)?,
            settings,
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
                let actual = object.metadata();
                let actual = actual.get("sha256");
                if self.sha256.is_some() && actual != self.sha256.as_deref() {
                    let message = "`script.content` is not what `script.sha256` says";
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
            Err(Error::invalid("job.command", message).with_hint("leave out one of them"))
        }
    }
}

fn describe(script: &impl Object) -> ScriptOutcome {
    let metadata = script.metadata();
    let text = |name| metadata.get(name).map(ToString::to_string);
    ScriptOutcome {
        uri: text("uri"),
        bytes: script.size_bytes(),
        sha256: text("sha256").unwrap_or_default(),
        etag: text("etag"),
        version: text("version"),
    }
}

fn outputs(job: &impl Job, record: &Record) -> Result<Vec<Output>, Error> {
    let last = record.attempts.last().map(|attempt| attempt.number);
    let read = |number| {
        let is_last = last == Some(number);
        let most = if is_last {
            LAST_OUTPUT_BYTES
        } else {
            EARLIER_OUTPUT_BYTES
        };
        job.read_excerpt(number, most).map(Output::from)
    };
    let numbers = record.attempts.iter().map(|attempt| attempt.number);
    numbers.map(read).collect()
}
