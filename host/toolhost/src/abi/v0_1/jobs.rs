//! Implementation of the `noetl:tool/jobs` interface.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;
use wasmtime::component::Resource;

use super::CallState;
use super::bindings::noetl::tool::jobs::{
    Host, HostJob as HostJobTrait, HostJobSpec as HostJobSpecTrait, JobEvent,
};
use super::bindings::noetl::tool::types;
use super::budget::{ByteBudget, Reservation};
use super::resources::{HostJob, HostJobSpec, HostObject, HostSecret};
use crate::capability::{CapabilityError, FileName, JobName, JobRequest, Reason, Script};
use crate::limits::json_memory_bytes;

/// The maximum length of the name of an option; existing ones have up to 30 bytes.
const MAX_OPTION_NAME_BYTES: usize = 128;
/// The maximum number of options; a Kubernetes Job and its pod have about a hundred.
const MAX_OPTIONS: usize = 256;

impl Host for CallState {
    async fn create_job(
        &mut self,
        spec: Resource<HostJobSpec>,
    ) -> wasmtime::Result<Result<Resource<HostJob>, types::Error>> {
        let spec = self.delete(spec)?;
        self.release_finished_jobs();
        let created = match self.request(spec) {
            Ok((request, sealed, held)) => {
                let created = self.scope.create_job(request, sealed).await;
                created.inspect(|job| self.hold_job(job, held))
            }
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
        let name = JobName::try_from(name);
        let spec = HostJobSpec {
            request: name.map(|name| JobRequest::new(name, Vec::new())),
            environment: None,
            options: BTreeMap::new(),
            script: None,
        };
        // A constructor can only fail by trapping, and only a guest that leaks handles gets here.
        Ok(self.push(spec)?)
    }

    fn set(
        &mut self,
        spec: Resource<HostJobSpec>,
        options: Vec<(String, String)>,
    ) -> wasmtime::Result<Result<(), types::Error>> {
        let budget = self.budget.clone();
        let set = self.get_mut(&spec)?.set(options, &budget);
        Ok(set.map_err(Into::into))
    }

    fn set_script(
        &mut self,
        spec: Resource<HostJobSpec>,
        file_name: String,
        script: Resource<HostObject>,
    ) -> wasmtime::Result<Result<(), types::Error>> {
        let object = self.get(&script)?;
        let (content, reservation) = (object.bytes.clone(), object.reservation.clone());
        let spec = self.get_mut(&spec)?;
        let file_name = match FileName::try_from(file_name) {
            Ok(file_name) => file_name,
            Err(error) => return Ok(Err(CapabilityError::from(error).into())),
        };
        if let Ok(request) = &mut spec.request {
            request.script = Some(Script { file_name, content });
            spec.script = reservation;
        }
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
    /// The request to the engine, the variables with values that were sealed, and the bytes that are counted
    /// for it.
    fn request(
        &self,
        spec: HostJobSpec,
    ) -> Result<(JobRequest, HashSet<String>, Vec<Reservation>), CapabilityError> {
        let mut request = spec.request?;
        let mut held: Vec<_> = spec.options.into_values().chain(spec.script).collect();
        request
            .execution_id
            .clone_from(&self.scope.context.execution_id);
        let mut sealed = HashSet::new();
        if let Some(secret) = spec.environment {
            let (environment, reservation) = secret.open(&self.scope.vault, &self.budget)?;
            request.environment = environment;
            held.push(reservation);
            sealed.extend(secret.sealed_names().map(str::to_owned));
        }
        Ok((request, sealed, held))
    }
}

impl HostJobSpec {
    fn set(
        &mut self,
        options: Vec<(String, String)>,
        budget: &ByteBudget,
    ) -> Result<(), CapabilityError> {
        let Ok(request) = &mut self.request else {
            return Ok(());
        };
        for (name, value) in options {
            if name.len() > MAX_OPTION_NAME_BYTES {
                let message = format!(
                    "the name of an option has {} bytes; at most {MAX_OPTION_NAME_BYTES} are \
                     allowed",
                    name.len()
                );
                return Err(CapabilityError::new(Reason::TooLarge, message));
            }
            let memory = json_memory_bytes(&value).map_err(|error| wrong(&name, &error))?;
            let reservation = budget.reserve(memory)?;
            set_option(request, name.clone(), &value)?;
            // The previous value has been dropped.
            self.options.insert(name, reservation);
        }
        Ok(())
    }
}

/// Parses an option; later values replace earlier ones.
fn set_option(request: &mut JobRequest, name: String, value: &str) -> Result<(), CapabilityError> {
    match name.as_str() {
        "command" => request.command = parse(&name, value)?,
        "backoffLimit" => request.backoff_limit = parse(&name, value)?,
        "activeDeadlineSeconds" => {
            request.active_deadline = Some(Duration::from_secs(parse(&name, value)?));
        }
        "labels" => request.labels = parse(&name, value)?,
        "annotations" => request.annotations = parse(&name, value)?,
        "resources" => {
            let mut resources: BTreeMap<String, BTreeMap<String, String>> = parse(&name, value)?;
            request.requests = resources.remove("requests").unwrap_or_default();
            request.limits = resources.remove("limits").unwrap_or_default();
            if let Some(name) = resources.keys().next() {
                let message = format!("unknown key `{name}` in `resources`");
                return Err(CapabilityError::new(Reason::Unsupported, message));
            }
        }
        _ => {
            if request.options.len() >= MAX_OPTIONS && !request.options.contains_key(&name) {
                let message = format!(
                    "too many options of a job: at most {MAX_OPTIONS} are \
                                       allowed"
                );
                return Err(CapabilityError::new(Reason::TooLarge, message));
            }
            let value = parse(&name, value)?;
            request.options.insert(name, value);
        }
    }
    Ok(())
}

fn parse<T: DeserializeOwned>(name: &str, value: &str) -> Result<T, CapabilityError> {
    serde_json::from_str(value).map_err(|error| wrong(name, &error))
}

fn wrong(name: &str, error: &serde_json::Error) -> CapabilityError {
    let message = format!("invalid option `{name}` of a job: {error}");
    CapabilityError::new(Reason::InvalidRequest, message)
}
