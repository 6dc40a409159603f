//! One job, from its configuration to its end.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use noetl_tool_sdk::{Capability, Context, Error, Host, Job, JobSpec, SecretEntry, code};
use serde_json::value::RawValue;

use crate::config::JobConfig;
use crate::environment;
use crate::explanation::Settings;
use crate::image::ImageProgram;
use crate::name::job_name;
use crate::options::Options;
use crate::outcome::{Identity, Outcome, ScriptOutcome};
use crate::output::{EARLIER_OUTPUT_BYTES, LAST_OUTPUT_BYTES, Output};
use crate::profile::Profile;
use crate::watch::{Record, watch};

/// The capabilities of a tool that runs a job.
pub const CAPABILITIES: &[Capability] = &[
    Capability::Objects,
    Capability::Secrets,
    Capability::Jobs,
    Capability::Logs,
    Capability::Progress,
];

/// What was decided from the configuration alone.
#[derive(Debug)]
pub struct JobPlan {
    name: String,
    step: Option<String>,
    environment: Vec<SecretEntry>,
    variables: Vec<String>,
    options: Options,
    settings: Settings,
}

/// A finished job.
#[derive(Debug)]
pub struct FinishedJob {
    /// What happened.
    pub record: Record,
    /// The output of each attempt of the record, in order.
    pub outputs: Vec<Output>,
    identity: Identity,
    settings: Settings,
}

impl JobPlan {
    /// Checks everything that can be checked before anything is started.
    ///
    /// # Errors
    ///
    /// `InvalidRequest` with the path of the value.
    pub fn new(
        profile: &Profile,
        mut job: JobConfig,
        arguments: Option<&RawValue>,
        context: &Context,
    ) -> Result<Self, Error> {
        let execution_id = context.execution_id().filter(|id| !id.is_empty());
        let execution_id = execution_id.ok_or_else(|| {
            let message = "the context of the call has no `execution-id`, which is part of the \
                           job's name";
            Error::new(code::INVALID_REQUEST, message)
        })?;
        let environment = environment::entries(job.env.take(), arguments, profile)?;
        let settings = Settings::new(&job, profile);
        Ok(Self {
            name: job_name(profile.kind, context.step(), execution_id),
            step: context.step().map(ToString::to_string),
            variables: environment
                .iter()
                .map(|entry| entry.name().to_string())
                .collect(),
            environment,
            options: Options::new(job, profile, context)?,
            settings,
        })
    }

    /// The name of the job.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Creates the job, and waits until it has finished.
    ///
    /// # Errors
    ///
    /// Those of the host.
    pub fn run<H: Host>(
        mut self,
        host: &H,
        file_name: &str,
        script: H::Object,
        command: Vec<String>,
    ) -> Result<FinishedJob, Error> {
        self.options.command(&command)?;
        drop(command);
        self.finish(host, Some((file_name, script)))
    }

    /// Creates a job whose program is in its image, and waits until it has finished.
    ///
    /// # Errors
    ///
    /// Those of the host.
    pub fn run_image<H: Host>(
        mut self,
        host: &H,
        program: ImageProgram,
    ) -> Result<FinishedJob, Error> {
        for (name, content) in self.options.image_program(program)? {
            self.variables.push(name.clone());
            self.environment.push(SecretEntry::text(name, content));
        }
        self.finish(host, None)
    }

    fn finish<H: Host>(
        self,
        host: &H,
        script: Option<(&str, H::Object)>,
    ) -> Result<FinishedJob, Error> {
        let outcome = script
            .as_ref()
            .map(|(_, script)| ScriptOutcome::new(script));
        let sha256 = outcome.as_ref().map_or("", |script| script.sha256.as_str());
        let environment = host.create_secret(self.environment)?;
        host.report("creating", &format!("creating job `{}`", self.name), &[]);
        let mut spec = JobSpec::new(self.name.as_str()).environment(&environment);
        if let Some((file_name, script)) = &script {
            spec = spec.script(*file_name, script);
        }
        let spec = self.options.apply(spec, sha256, &self.variables);
        let job = host.create_job(spec)?;
        // The job has copies of what it needs, and waiting for it may take long.
        drop((environment, script, self.variables));

        let record = watch(&job)?;
        let outputs = outputs(&job, &record)?;
        Ok(FinishedJob {
            record,
            outputs,
            identity: Identity {
                name: self.name,
                step: self.step,
                metadata: job.metadata(),
                script: outcome,
            },
            settings: self.settings,
        })
    }
}

impl FinishedJob {
    /// The outcome of the job.
    #[must_use]
    pub fn into_outcome(self) -> Outcome {
        Outcome::new(self.identity, self.record, self.outputs, &self.settings)
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
