use alloc::borrow::Cow;
use alloc::vec::Vec;
use core::time::Duration;

use serde::Serialize;

use crate::error::Result;
use crate::options::Options;

/// Options for fetching an object. The host rejects an option that it does not know or that does not apply.
#[derive(Debug, Clone, Default)]
pub struct FetchOptions(Options);

impl FetchOptions {
    /// No options: everything is derived from the URI.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The kind of source: `file`, `gcs`, `s3` or `http`.
    #[must_use]
    pub fn source_type(self, source_type: &str) -> Self {
        self.option("type", source_type)
    }

    /// The name of the credential to use, which the configuration or the tool's grants must name.
    #[must_use]
    pub fn auth(self, credential: &str) -> Self {
        self.option("auth", credential)
    }

    /// The time limit of the transfer.
    #[must_use]
    pub fn timeout(self, timeout: Duration) -> Self {
        let milliseconds = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
        self.option("timeout-ms", &milliseconds)
    }

    /// The SHA-256 that the bytes must have, as hexadecimal digits.
    #[must_use]
    pub fn sha256(self, digest: &str) -> Self {
        self.option("sha256", digest)
    }

    /// Any option by its name, such as `region`, `endpoint`, `method`, `headers` or `max-bytes`.
    #[must_use]
    pub fn option<T: Serialize + ?Sized>(
        mut self,
        name: impl Into<Cow<'static, str>>,
        value: &T,
    ) -> Self {
        self.0.set(name, value);
        self
    }

    pub(crate) fn pairs(&self) -> Result<Vec<(&str, &str)>> {
        self.0.pairs()
    }
}
