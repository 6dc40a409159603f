//! Implementation of the `noetl:tool/jobs` interface.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;
use wasmtime::component::Resource;

use super::CallState;
use super::bindings::noetl::tool::jobs::{
    Host, HostJob as HostJobTrait, HostJobSpec as HostJobSpecTrait, JobEvent,
};
use super::bindings::noetl::tool::types;
use super::objects::HostObject;
use super::secrets::HostSecret;
use crate::capability::{CapabilityError, JobRequest, Reason, Script};
use crate::scope::RunningJob;

/// A job that a guest holds.
#[expect(unreachable_pub, reason = "the generated bindings re-export it")]
pub type HostJob = Arc<RunningJob>;

/// What a guest has said so far about a job to be created.
#[derive(Debug)]
pub struct HostJobSpec {
    /// Its environment stays empty until the job is created.
    request: JobRequest,
    environment: Option<HostSecret>,
}

/// The longest name: Kubernetes makes a label of at most 63 bytes of it, after a pod's suffix of up to 11.
const MAX_NAME_BYTES: usize = 52;
/// The longest name of a file on the systems that scripts run on.
const MAX_FILE_NAME_BYTES: usize = 255;
/// The most options; a Kubernetes Job and its pod have about a hundred.
const MAX_OPTIONS: usize = 256;

impl Host for CallState {
    async fn create_job(
        &mut self,
        spec: Resource<HostJobSpec>,
    ) -> wasmtime::Result<Result<Resource<HostJob>, types::Error>> {
        let spec = self.delete(spec)?;
        let created = match self.request(spec) {
            Ok(request) => self.scope.create_job(request).await,
            Err(error) => Err(error),
        };
        self.meter.resume();
        Ok(created.and_then(|job| self.push(job)).map_err(Into::into))
    }

    async fn watch_job(
        &mut self,
        job: Resource<HostJob>,
        max_wait_ms: u32,
    ) -> wasmtime::Result<Result<Option<JobEvent>, types::Error>> {
        let job = Arc::clone(self.get(&job)?);
        let event = self
            .scope
            .watch_job(&job, Self::bounded_wait(max_wait_ms))
            .await;
        self.meter.resume();
        Ok(Ok(event.map(Into::into)))
    }

    async fn cancel(
        &mut self,
        job: Resource<HostJob>,
        reason: String,
    ) -> wasmtime::Result<Result<(), types::Error>> {
        let job = Arc::clone(self.get(&job)?);
        let reason = self.scope.redact(reason);
        tracing::info!(
            job = job.identity().name,
            reason,
            "the tool cancels its job"
        );
        job.cancel().await;
        self.meter.resume();
        Ok(Ok(()))
    }
}

impl HostJobSpecTrait for CallState {
    fn new(&mut self, name: String) -> wasmtime::Result<Resource<HostJobSpec>> {
        let spec = HostJobSpec {
            request: JobRequest::new(name, Vec::new()),
            environment: None,
        };
        // A constructor has no way to fail but to trap, and only a guest that leaks handles gets here.
        Ok(self.push(spec)?)
    }

    fn set(
        &mut self,
        spec: Resource<HostJobSpec>,
        options: Vec<(String, String)>,
    ) -> wasmtime::Result<Result<(), types::Error>> {
        Ok(self.get_mut(&spec)?.set(options).map_err(Into::into))
    }

    fn set_script(
        &mut self,
        spec: Resource<HostJobSpec>,
        file_name: String,
        script: Resource<HostObject>,
    ) -> wasmtime::Result<Result<(), types::Error>> {
        let content = self.get(&script)?.bytes.clone();
        let spec = self.get_mut(&spec)?;
        let is_plain = !matches!(file_name.as_str(), "" | "." | "..")
            && file_name.len() <= MAX_FILE_NAME_BYTES
            && !file_name.contains(['/', '\\', '\0']);
        if !is_plain {
            let message = format!("`{file_name}` is no plain file name");
            return Ok(Err(
                CapabilityError::new(Reason::InvalidRequest, message).into()
            ));
        }
        spec.request.script = Some(Script { file_name, content });
        Ok(Ok(()))
    }

    fn set_environment(
        &mut self,
        spec: Resource<HostJobSpec>,
        values: Resource<HostSecret>,
    ) -> wasmtime::Result<Result<(), types::Error>> {
        let secret = self.get(&values)?.clone();
        self.get_mut(&spec)?.environment = Some(secret);
        Ok(Ok(()))
    }

    fn drop(&mut self, spec: Resource<HostJobSpec>) -> wasmtime::Result<()> {
        self.delete(spec)?;
        Ok(())
    }
}

impl HostJobTrait for CallState {
    fn name(&mut self, job: Resource<HostJob>) -> wasmtime::Result<String> {
        Ok(self.get(&job)?.identity().name.clone())
    }

    fn metadata(&mut self, job: Resource<HostJob>) -> wasmtime::Result<Vec<(String, String)>> {
        let identity = self.get(&job)?.identity();
        let known = [
            ("namespace", identity.namespace.clone()),
            ("uid", identity.uid.clone()),
            ("adopted", Some(identity.adopted.to_string())),
            ("engine", Some(self.scope.engine_name().to_owned())),
        ];
        let present = known
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value?)));
        Ok(present.collect())
    }

    fn drop(&mut self, job: Resource<HostJob>) -> wasmtime::Result<()> {
        // The job itself belongs to the call, which ends it with everything else.
        self.delete(job)?;
        Ok(())
    }
}

impl CallState {
    fn request(&self, spec: HostJobSpec) -> Result<JobRequest, CapabilityError> {
        let mut request = spec.request;
        check_name(&request.name)?;
        request
            .execution_id
            .clone_from(&self.scope.context.execution_id);
        if let Some(secret) = spec.environment {
            request.environment = secret.open(&self.scope.vault)?;
        }
        Ok(request)
    }
}

impl HostJobSpec {
    fn set(&mut self, options: Vec<(String, String)>) -> Result<(), CapabilityError> {
        for (name, value) in options {
            self.set_option(name, &value)?;
        }
        Ok(())
    }

    /// Reads an option; later values replace earlier ones.
    fn set_option(&mut self, name: String, value: &str) -> Result<(), CapabilityError> {
        let request = &mut self.request;
        match name.as_str() {
            "command" => request.command = parse(&name, value)?,
            "backoffLimit" => request.backoff_limit = parse(&name, value)?,
            "activeDeadlineSeconds" => {
                request.active_deadline = Some(Duration::from_secs(parse(&name, value)?));
            }
            "labels" => request.labels = parse(&name, value)?,
            "annotations" => request.annotations = parse(&name, value)?,
            "resources" => {
                let mut resources: BTreeMap<String, BTreeMap<String, String>> =
                    parse(&name, value)?;
                request.requests = resources.remove("requests").unwrap_or_default();
                request.limits = resources.remove("limits").unwrap_or_default();
                if let Some(name) = resources.keys().next() {
                    let message = format!("`resources` has no member `{name}`");
                    return Err(CapabilityError::new(Reason::Unsupported, message));
                }
            }
            _ => {
                if request.options.len() >= MAX_OPTIONS && !request.options.contains_key(&name) {
                    let message = format!("a job has at most {MAX_OPTIONS} options");
                    return Err(CapabilityError::new(Reason::TooLarge, message));
                }
                let value = parse(&name, value)?;
                request.options.insert(name, value);
            }
        }
        Ok(())
    }
}

fn parse<T: DeserializeOwned>(name: &str, value: &str) -> Result<T, CapabilityError> {
    serde_json::from_str(value).map_err(|error| {
        let message = format!("the option `{name}` of a job is wrong: {error}");
        CapabilityError::new(Reason::InvalidRequest, message)
    })
}

fn check_name(name: &str) -> Result<(), CapabilityError> {
    let is_inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let is_label = !name.is_empty()
        && name.len() <= MAX_NAME_BYTES
        && name.bytes().all(is_inner)
        && !name.starts_with('-')
        && !name.ends_with('-');
    if is_label {
        return Ok(());
    }
    let message = format!(
        "`{name}` is no name for a job: it is no DNS label of at most {MAX_NAME_BYTES} characters"
    );
    Err(CapabilityError::new(Reason::InvalidRequest, message))
}
