use alloc::collections::{BTreeMap, VecDeque};
use alloc::format;
use alloc::rc::Rc;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::cell::RefCell;

use serde_json::{Map, Value};

use super::journal::Journal;
use super::name::{check_file_name, check_job_name, check_kind, check_variable_name};
use super::{Call, MockJob, MockJobHandle, MockObject, MockSecret, Operation};
use crate::error::{Error, Result, code};
use crate::{Context, Details, FetchOptions, Host, JobSpec, Level, SecretEntry, Tool};

/// A scripted host: objects by their URI, the fates of jobs, and errors to return.
///
/// Sealed references are plain strings here, as they are for a tool.
#[derive(Debug)]
pub struct MockHost {
    objects: BTreeMap<String, Vec<u8>>,
    jobs: RefCell<VecDeque<MockJob>>,
    context: Details,
    journal: Rc<Journal>,
}

impl Default for MockHost {
    fn default() -> Self {
        Self {
            objects: BTreeMap::new(),
            jobs: RefCell::default(),
            context: [
                ("execution-id", "1"),
                ("step", "example"),
                ("engine", "mock"),
            ]
            .into_iter()
            .collect(),
            journal: Rc::default(),
        }
    }
}

impl MockHost {
    /// A host without objects, on which every job succeeds without output. The context of its
    /// calls is execution `1`, step `example`, engine `mock`.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an object; any other URI is `FetchNotFound`.
    #[must_use]
    pub fn object(mut self, uri: &str, content: impl AsRef<[u8]>) -> Self {
        self.objects
            .insert(uri.to_string(), content.as_ref().to_vec());
        self
    }

    /// Adds what happens to the next job that is created.
    #[must_use]
    pub fn job(self, job: MockJob) -> Self {
        self.jobs.borrow_mut().push_back(job);
        self
    }

    /// Fails the next such operation with an error.
    #[must_use]
    pub fn fails(self, operation: Operation, error: Error) -> Self {
        let failures = &self.journal.failures;
        failures.borrow_mut().push((operation, error));
        self
    }

    /// Replaces the context of the calls.
    #[must_use]
    pub fn context(mut self, context: &[(&str, &str)]) -> Self {
        self.context = context.iter().copied().collect();
        self
    }

    /// Calls the tool as a host does: with a configuration in JSON, and granting only its
    /// [`CAPABILITIES`](Tool::CAPABILITIES). Returns its outcome.
    ///
    /// # Errors
    ///
    /// Those of the tool, `Internal` if its outcome is not an object with a `status`, and `InvalidRequest` for a
    /// kind that a host does not load.
    pub fn call<T: Tool>(&self, config: &Value) -> Result<Value> {
        check_kind(T::KIND)?;
        *self.journal.granted.borrow_mut() = Some(T::CAPABILITIES);
        let context = Context::from(self.context.clone());
        let outcome = crate::invoke::<T>(self, &config.to_string(), &context)?;
        let outcome: Value = serde_json::from_str(&outcome)
            .map_err(|error| Error::new(code::INTERNAL, error.to_string()))?;
        let status = outcome.get("status").and_then(Value::as_str);
        if matches!(
            status,
            Some("completed" | "failed" | "cancelled" | "timeout")
        ) {
            return Ok(outcome);
        }
        let message = "invalid outcome: expected a `status` of completed, failed, cancelled or \
                       timeout";
        Err(Error::new(code::INTERNAL, message))
    }

    /// The requests so far, in order.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.journal.calls.borrow().clone()
    }

    /// The requests so far of one operation.
    #[must_use]
    pub fn calls_of(&self, operation: Operation) -> Vec<Call> {
        let mut calls = self.calls();
        calls.retain(|call| call.operation() == operation);
        calls
    }
}

impl Host for MockHost {
    type Object = MockObject;
    type Secret = MockSecret;
    type Job = MockJobHandle;

    fn fetch_object(&self, uri: &str, options: FetchOptions) -> Result<MockObject> {
        let options = parsed(&options.pairs()?)?;
        let pinned = options.get("sha256").and_then(Value::as_str);
        let pinned = pinned.map(ToString::to_string);
        self.journal.record(Call::FetchObject {
            uri: uri.to_string(),
            options,
        })?;
        let bytes = self
            .objects
            .get(uri)
            .ok_or_else(|| Error::new(code::FETCH_NOT_FOUND, format!("`{uri}` does not exist")))?;
        let object = MockObject::new(bytes.clone(), Some(uri.to_string()));
        if pinned.is_some_and(|pinned| pinned != object.sha256()) {
            let message = format!("`{uri}` does not match the pinned digest");
            return Err(Error::new(code::CHECKSUM_MISMATCH, message));
        }
        Ok(object)
    }

    fn create_object(&self, bytes: &[u8]) -> Result<MockObject> {
        self.journal.record(Call::CreateObject {
            bytes: bytes.to_vec(),
        })?;
        Ok(MockObject::new(bytes.to_vec(), None))
    }

    fn create_secret(&self, entries: Vec<SecretEntry>) -> Result<MockSecret> {
        self.journal.record(Call::CreateSecret {
            entries: entries.clone(),
        })?;
        for (position, entry) in entries.iter().enumerate() {
            check_variable_name(&entry.name)?;
            let mut earlier = entries.iter().take(position);
            if earlier.any(|other| other.name == entry.name) {
                let message = format!("duplicate variable `{}`", entry.name);
                return Err(Error::new(code::INVALID_REQUEST, message));
            }
        }
        Ok(MockSecret { entries })
    }

    fn create_job(&self, spec: JobSpec<'_, Self>) -> Result<MockJobHandle> {
        self.journal.record(Call::CreateJob {
            name: spec.name.clone(),
            options: parsed(&spec.option_pairs()?)?,
            script: spec
                .script
                .as_ref()
                .map(|(file_name, object)| (file_name.clone(), object.bytes.clone())),
            environment: spec
                .environment
                .map(|secret| secret.entries.clone())
                .unwrap_or_default(),
        })?;
        if let Some((file_name, _)) = &spec.script {
            check_file_name(file_name)?;
        }
        check_job_name(&spec.name)?;
        let job = self.jobs.borrow_mut().pop_front();
        let job = job.unwrap_or_else(|| MockJob::succeeds(""));
        Ok(MockJobHandle::new(
            spec.name.clone(),
            job,
            Rc::clone(&self.journal),
        ))
    }

    fn report(&self, stage: &str, message: &str, _details: &[(&str, &str)]) {
        self.note(Call::Report {
            stage: stage.to_string(),
            message: message.to_string(),
        });
    }

    fn log(&self, level: Level, message: &str) {
        self.note(Call::Log {
            level: level.as_str(),
            message: message.to_string(),
        });
    }
}

impl MockHost {
    /// Records an operation that cannot fail on a real host.
    fn note(&self, call: Call) {
        if let Err(error) = self.journal.record(call) {
            // A component that uses a capability without a grant is not even loaded, so the test has to
            // fail.
            #[expect(clippy::panic, reason = "this is a failing test")]
            {
                panic!("{error}");
            }
        }
    }
}

fn parsed(options: &[(&str, &str)]) -> Result<Map<String, Value>> {
    options
        .iter()
        .map(|(name, json)| match serde_json::from_str(json) {
            Ok(value) => Ok(((*name).to_string(), value)),
            Err(error) => Err(Error::new(code::INVALID_REQUEST, error.to_string())),
        })
        .collect()
}
