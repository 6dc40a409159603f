use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use serde::Serialize;

use crate::error::Result;
use crate::options::Options;
use crate::{Details, FetchOptions, Job, Level, SecretEntry};

/// The capabilities of the host.
///
/// A tool is generic over it: as a component it calls the host, in its tests a
/// [`MockHost`](crate::mock). Only what is called is linked, so a component requests no capability
/// that its tool does not use.
pub trait Host: Sized {
    /// Bytes that the host holds.
    type Object: Object;
    /// Named values that the host keeps.
    type Secret;
    /// A job that was created or adopted.
    type Job: Job;

    /// Fetches the whole object at `uri` and verifies it. Blocks until then.
    ///
    /// # Errors
    ///
    /// `Denied`, `FetchNotFound`, `FetchDenied`, `FetchFailed`, `TooLarge`, `ChecksumMismatch`, `Timeout`,
    /// `Unsupported`, `InvalidRequest`.
    fn fetch_object(&self, uri: &str, options: FetchOptions) -> Result<Self::Object>;

    /// An object made of bytes of the tool.
    ///
    /// # Errors
    ///
    /// `TooLarge`.
    fn create_object(&self, bytes: &[u8]) -> Result<Self::Object>;

    /// A secret made of entries. Each entry becomes an environment variable of the job that the secret is
    /// passed to. Nothing is opened before that.
    ///
    /// # Errors
    ///
    /// `InvalidRequest` (an invalid or repeated name), `TooLarge`.
    fn create_secret(&self, entries: Vec<SecretEntry>) -> Result<Self::Secret>;

    /// Creates the job, or adopts the running job of that name with the same specification.
    ///
    /// # Errors
    ///
    /// `Conflict`, `InvalidRequest`, `Unsupported`, `InterpreterMissing`, `SecretInSpec`,
    /// `EngineUnavailable`, `Denied`, `Quota`, `TooLarge`.
    fn create_job(&self, spec: JobSpec<'_, Self>) -> Result<Self::Job>;

    /// Reports to the caller that the work has reached `stage`, a short name such as `fetching`. Events of
    /// jobs need not be reported: the host reports those itself.
    fn report(&self, stage: &str, message: &str, details: &[(&str, &str)]);

    /// Writes a line to the host's log.
    fn log(&self, level: Level, message: &str);
}

/// Immutable bytes that the host holds. They can be passed to a job without entering the tool.
pub trait Object {
    /// The size in bytes.
    fn size_bytes(&self) -> u64;

    /// Its metadata: always `sha256`; `uri`, `etag` and `version` if there is one.
    fn metadata(&self) -> Details;

    /// A copy of at most `max_bytes` bytes starting at `offset`; shorter at the end, and empty past it.
    ///
    /// In fetched objects, each byte of a secret that the host knows is replaced with `*`. A job gets the
    /// original bytes.
    ///
    /// # Errors
    ///
    /// `TooLarge`.
    fn read(&self, offset: u64, max_bytes: u32) -> Result<Vec<u8>>;
}

/// Specification of a job. Nothing happens until it is passed to [`Host::create_job`].
///
/// The environment of the program contains the entries of its secret, and `NOETL_SCRIPT`, the path of the
/// script. `NOETL_ARGS` is the secret's entry of that name, or `@` and the path of a file if the entry is too
/// long for an argument.
pub struct JobSpec<'handles, H: Host> {
    pub(crate) name: String,
    pub(crate) options: Options,
    pub(crate) script: Option<(String, &'handles H::Object)>,
    pub(crate) environment: Option<&'handles H::Secret>,
}

impl<'handles, H: Host> JobSpec<'handles, H> {
    /// A job of that name: a DNS label of at most 52 characters. The name identifies the job.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            options: Options::default(),
            script: None,
            environment: None,
        }
    }

    /// The program and its arguments. `$(NAME)` is replaced by the environment variable once, and `$$`
    /// is a plain `$`.
    #[must_use]
    pub fn command<T: AsRef<str>>(self, words: &[T]) -> Self {
        let words: Vec<&str> = words.iter().map(AsRef::as_ref).collect();
        self.option("command", &words)
    }

    /// The container image, if the engine has them.
    #[must_use]
    pub fn image(self, image: &str) -> Self {
        self.option("image", image)
    }

    /// Any option of a Kubernetes Job by its name, such as `backoffLimit` or `resources`. A name set
    /// twice keeps the later value.
    #[must_use]
    pub fn option<T: Serialize + ?Sized>(
        mut self,
        name: impl Into<Cow<'static, str>>,
        value: &T,
    ) -> Self {
        self.options.set(name, value);
        self
    }

    /// The same for a value that is JSON already.
    #[must_use]
    pub fn json_option(mut self, name: impl Into<Cow<'static, str>>, json: String) -> Self {
        self.options.set_json(name, json);
        self
    }

    /// The script, which is written to a file of this name (no path) before the program starts.
    #[must_use]
    pub fn script(mut self, file_name: impl Into<String>, script: &'handles H::Object) -> Self {
        self.script = Some((file_name.into(), script));
        self
    }

    /// The environment: each entry of the secret becomes a variable.
    #[must_use]
    pub fn environment(mut self, values: &'handles H::Secret) -> Self {
        self.environment = Some(values);
        self
    }

    pub(crate) fn option_pairs(&self) -> Result<Vec<(&str, &str)>> {
        self.options.pairs()
    }
}

impl<H: Host> fmt::Debug for JobSpec<'_, H> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let script = self.script.as_ref().map(|(file_name, _)| file_name);
        formatter
            .debug_struct("JobSpec")
            .field("name", &self.name)
            .field("options", &self.options)
            .field("script", &script)
            .field("environment", &self.environment.is_some())
            .finish()
    }
}
