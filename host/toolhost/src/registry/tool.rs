use std::fmt::{self, Write as _};
use std::sync::Arc;

use semver::Version;
use serde_json::Value;

use super::embedded::is_built_in;
use super::field_path::{KnownField, find_field};
use super::schema::{ConfigProblem, ConfigSchema};
use crate::abi::ToolPre;
use crate::capability::Explanation;
use crate::digest::Digest;
use crate::grant::{Capability, GrantError, Grants, Imports};
use crate::scope::RequestFields;

/// A component that was compiled, described and checked, and can be called.
pub struct LoadedTool {
    pub(super) identity: ToolIdentity,
    pub(super) summary: String,
    pub(super) origin: String,
    pub(super) imports: Imports,
    pub(super) declared: Vec<Capability>,
    pub(super) grants: Grants,
    pub(super) schema: ConfigSchema,
    pub(super) fields: Arc<RequestFields>,
    /// The callable component; or the reason why the tool may not be called, which callers get.
    pub(super) callable: Result<ToolPre, GrantError>,
}

/// The identity of a tool. Kind and version are claimed by the component; the digest identifies it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ToolIdentity {
    /// The kind, by which playbooks name it.
    pub kind: String,
    /// Its version.
    pub version: Version,
    /// The digest of its component.
    pub digest: Digest,
}

impl ToolIdentity {
    /// The identity of a tool with that kind, version and digest.
    #[must_use]
    pub fn new(kind: impl Into<String>, version: Version, digest: Digest) -> Self {
        Self {
            kind: kind.into(),
            version,
            digest,
        }
    }
}

/// The entry of `grants.yaml` that grants the component of this digest what it needs, with its indentation.
#[must_use]
pub fn grant_entry(kind: &str, digest: &str, needed: &[Capability]) -> String {
    let binding = if is_built_in(kind) {
        "override"
    } else {
        "digest"
    };
    let mut entry = format!("grants:\n  {kind}:\n    - {binding}: {digest}");
    for capability in needed {
        // Writing to a string cannot fail.
        let _ = write!(entry, "\n    - {capability}");
    }
    entry
}

impl LoadedTool {
    /// Which tool it is.
    #[must_use]
    pub fn identity(&self) -> &ToolIdentity {
        &self.identity
    }

    /// The kind, by which playbooks name it.
    #[must_use]
    pub fn kind(&self) -> &str {
        &self.identity.kind
    }

    /// Its version.
    #[must_use]
    pub fn version(&self) -> &Version {
        &self.identity.version
    }

    /// Its summary, in its own words.
    #[must_use]
    pub fn summary(&self) -> &str {
        &self.summary
    }

    /// The digest of its component.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.identity.digest
    }

    /// The entry of `grants.yaml` that grants this component, and no other, what it needs.
    #[must_use]
    pub fn grant_entry(&self) -> String {
        let digest = self.digest().to_string();
        grant_entry(self.kind(), &digest, &self.imports.needed())
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

    /// The capabilities that its description declares. What it needs are its [imports](Self::imports): this is for its author.
    #[must_use]
    pub fn declared_capabilities(&self) -> &[Capability] {
        &self.declared
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

    /// As [`check`](Self::check), for a configuration with values that are not known yet: returns the errors
    /// that do not depend on them. `is_unknown` returns whether a value is unknown or contains an unknown
    /// one.
    #[must_use]
    pub fn check_known(
        &self,
        config: &Value,
        is_unknown: &dyn Fn(&Value) -> bool,
    ) -> Vec<ConfigProblem> {
        self.schema.check_known(config, is_unknown)
    }

    /// Whether a path such as `job.env.TOKEN` leads to a key of the configuration.
    #[must_use]
    pub fn knows_field(&self, path: &str) -> bool {
        find_field(self.schema(), path) != KnownField::Unknown
    }

    /// The explanation of a failed request of the tool for an object, with the keys of its configuration instead of the
    /// values of the request.
    #[must_use]
    pub fn explain_object(&self, why: Explanation) -> Explanation {
        self.fields.explain_object(why)
    }

    /// The same for a job.
    #[must_use]
    pub fn explain_job(&self, why: Explanation) -> Explanation {
        self.fields.explain_job(why)
    }

    /// Why it may not be called, if it may not.
    #[must_use]
    pub fn denial(&self) -> Option<&GrantError> {
        self.callable.as_ref().err()
    }

    /// Its keys for the values of its requests.
    pub(crate) fn fields(&self) -> &Arc<RequestFields> {
        &self.fields
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
        write!(formatter, "LoadedTool({self}, {})", self.digest())
    }
}
