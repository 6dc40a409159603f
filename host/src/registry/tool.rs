use std::fmt;

use semver::Version;
use serde_json::Value;

use super::schema::{ConfigProblem, ConfigSchema};
use crate::abi::v0_1::ToolPre;
use crate::digest::Digest;
use crate::grant::{GrantError, Grants, Imports};

/// A component that was compiled, described and checked, and can be called.
pub struct LoadedTool {
    pub(super) description: Description,
    pub(super) digest: Digest,
    pub(super) origin: String,
    pub(super) imports: Imports,
    pub(super) grants: Grants,
    pub(super) schema: ConfigSchema,
    /// What is called; or why the tool may not be called, which is told to those who try.
    pub(super) callable: Result<ToolPre, GrantError>,
}

/// What a tool says of itself.
#[derive(Debug, Clone)]
pub(super) struct Description {
    pub(super) kind: String,
    pub(super) version: Version,
    pub(super) summary: String,
}

impl LoadedTool {
    /// The kind by which playbooks name it.
    #[must_use]
    pub fn kind(&self) -> &str {
        &self.description.kind
    }

    /// Its version.
    #[must_use]
    pub fn version(&self) -> &Version {
        &self.description.version
    }

    /// What it is for, in a sentence of its own.
    #[must_use]
    pub fn summary(&self) -> &str {
        &self.description.summary
    }

    /// The digest of its component.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Where it came from, for people.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// What it imports.
    #[must_use]
    pub fn imports(&self) -> &Imports {
        &self.imports
    }

    /// What it was granted.
    #[must_use]
    pub fn grants(&self) -> &Grants {
        &self.grants
    }

    /// The JSON Schema of its configuration.
    #[must_use]
    pub fn schema(&self) -> &Value {
        self.schema.document()
    }

    /// Checks a rendered configuration against the schema, and returns everything that is wrong.
    #[must_use]
    pub fn check(&self, config: &Value) -> Vec<ConfigProblem> {
        self.schema.check(config)
    }

    /// Why it may not be called, if it may not.
    #[must_use]
    pub fn denial(&self) -> Option<&GrantError> {
        self.callable.as_ref().err()
    }

    pub(crate) fn callable(&self) -> Result<&ToolPre, GrantError> {
        self.callable.as_ref().map_err(Clone::clone)
    }
}

impl fmt::Display for LoadedTool {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}@{}", self.kind(), self.version())
    }
}

impl fmt::Debug for LoadedTool {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "LoadedTool({self}, {})", self.digest)
    }
}
