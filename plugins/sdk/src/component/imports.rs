use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use super::bindings::noetl::tool::{jobs, logs, objects, progress, secrets, types};
use crate::error::{Error, Result};
use crate::{
    Context, Details, FetchOptions, Host, Job, JobEvent, JobSpec, Level, LogExcerpt, LogPage,
    LogRecord, Object, SecretEntry, Tool, invoke,
};

/// Runs the tool for the host that called the component.
///
/// # Errors
///
/// Those of [`invoke`].
pub fn export_invoke<T: Tool>(
    config: &str,
    context: Vec<(String, String)>,
) -> Result<String, types::Error> {
    let context = Context::from(Details::from(context));
    invoke::<T>(&Imports, config, &context).map_err(types::Error::from)
}

/// The host behind the component's imports.
struct Imports;

impl Host for Imports {
    type Object = objects::Object;
    type Secret = secrets::Secret;
    type Job = jobs::Job;

    fn fetch_object(&self, uri: &str, options: FetchOptions) -> Result<Self::Object> {
        Ok(objects::fetch_object(uri, &options.pairs()?)?)
    }

    fn create_object(&self, bytes: &[u8]) -> Result<Self::Object> {
        Ok(objects::create_object(bytes)?)
    }

    fn create_secret(&self, entries: Vec<SecretEntry>) -> Result<Self::Secret> {
        let entries: Vec<_> = entries
            .iter()
            .map(|entry| secrets::SecretEntry {
                name: entry.name(),
                value: entry.value(),
                format: entry.format(),
            })
            .collect();
        Ok(secrets::create_secret(&entries)?)
    }

    fn create_job(&self, spec: JobSpec<'_, Self>) -> Result<Self::Job> {
        let handle = jobs::JobSpec::new(&spec.name);
        handle.set(&spec.option_pairs()?)?;
        if let Some((file_name, script)) = &spec.script {
            handle.set_script(file_name, script)?;
        }
        if let Some(values) = spec.environment {
            handle.set_environment(values)?;
        }
        Ok(jobs::create_job(handle)?)
    }

    fn report(&self, stage: &str, message: &str, details: &[(&str, &str)]) {
        progress::report(stage, message, details);
    }

    fn log(&self, level: Level, message: &str) {
        progress::log(level.as_str(), message);
    }
}

impl Object for objects::Object {
    fn size_bytes(&self) -> u64 {
        objects::Object::size_bytes(self)
    }

    fn metadata(&self) -> Details {
        objects::Object::metadata(self).into()
    }

    fn read(&self, offset: u64, max_bytes: u32) -> Result<Vec<u8>> {
        Ok(objects::Object::read(self, offset, max_bytes)?)
    }
}

impl Job for jobs::Job {
    fn name(&self) -> String {
        jobs::Job::name(self)
    }

    fn metadata(&self) -> Details {
        jobs::Job::metadata(self).into()
    }

    fn watch(&self, max_wait: Duration) -> Result<Option<JobEvent>> {
        let event = jobs::watch_job(self, milliseconds(max_wait))?;
        Ok(event.map(|event| {
            let elapsed = Duration::from_millis(event.elapsed_ms);
            JobEvent::from_details(event.kind, event.attempt, elapsed, event.details.into())
        }))
    }

    fn cancel(&self, reason: &str) -> Result<()> {
        Ok(jobs::cancel(self, reason)?)
    }

    fn read_logs(&self, cursor: u64, max_records: u32, max_wait: Duration) -> Result<LogPage> {
        let page = logs::read_logs(self, cursor, max_records, milliseconds(max_wait))?;
        Ok(LogPage {
            records: page
                .records
                .into_iter()
                .map(|record| LogRecord {
                    attempt: record.attempt,
                    text: record.text,
                    partial: record.partial,
                })
                .collect(),
            next_cursor: page.next_cursor,
            ended: page.ended,
        })
    }

    fn read_excerpt(&self, attempt: u32, max_bytes: u32) -> Result<LogExcerpt> {
        let excerpt = logs::read_excerpt(self, attempt, max_bytes)?;
        Ok(LogExcerpt {
            head: excerpt.head,
            tail: excerpt.tail,
            total_bytes: excerpt.total_bytes,
            omitted_bytes: excerpt.omitted_bytes,
            location: excerpt.location,
        })
    }
}

impl From<types::Error> for Error {
    fn from(error: types::Error) -> Self {
        Self {
            code: error.code,
            message: error.message,
            retryable: error.retryable,
            details: error.details.into(),
        }
    }
}

impl From<Error> for types::Error {
    fn from(error: Error) -> Self {
        Self {
            code: error.code,
            message: error.message,
            retryable: error.retryable,
            details: error.details.into_pairs(),
        }
    }
}

fn milliseconds(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis()).unwrap_or(u32::MAX)
}
