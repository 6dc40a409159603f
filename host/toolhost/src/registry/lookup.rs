use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use arc_swap::ArcSwap;
use semver::Version;

use super::reference::{ToolRef, VersionRef};
use super::tool::LoadedTool;
use crate::capability::sync::lock;
use crate::capability::text::all_of;
use crate::digest::Digest;

/// The tools that can be called, by kind and version.
///
/// Reading never waits. Changes are made to a copy, which then replaces the whole registry.
#[derive(Debug, Default)]
pub struct Registry {
    tools: ArcSwap<Tools>,
    /// Serializes changes.
    changing: Mutex<()>,
}

type Tools = BTreeMap<String, Versions>;

/// The loaded versions of a kind.
#[derive(Debug, Clone, Default)]
struct Versions {
    /// Least preferred first: the last one is in use.
    tools: Vec<Arc<LoadedTool>>,
    /// Whether the one in use was chosen explicitly, so that a higher version does not replace it.
    is_chosen: bool,
}

/// The number of versions of a kind that stay loaded, for rolling back; older ones are dropped.
const MAX_VERSIONS: usize = 16;

/// Why a name cannot be resolved.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ResolveError {
    /// There is no tool of this kind.
    #[error("unknown tool `{kind}`")]
    UnknownKind {
        /// The kind.
        kind: String,
        /// The kinds that exist.
        known: Vec<String>,
    },
    /// There is no such version.
    #[error("`{reference}` is not loaded; there {} {}", if known.len() == 1 { "is" } else { "are" }, all_of(known))]
    UnknownVersion {
        /// The requested reference.
        reference: String,
        /// The versions that exist, the one in use last.
        known: Vec<String>,
    },
}

/// Why a tool cannot be added.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AddError {
    /// Another component claims the same version of the kind.
    #[error("`{tool}` is loaded from `{origin}`, which is another component ({digest})")]
    Twin {
        /// The kind and version.
        tool: String,
        /// Where the other one came from.
        origin: String,
        /// The digest of the other one.
        digest: Digest,
    },
    /// The maximum number of versions of the kind is loaded.
    #[error("too many versions of `{kind}`: at most {MAX_VERSIONS} are kept")]
    TooMany {
        /// The kind.
        kind: String,
    },
}

impl Registry {
    /// A registry without tools.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Resolves the reference to a tool.
    ///
    /// # Errors
    ///
    /// [`ResolveError`], with the alternatives that exist.
    pub fn resolve(&self, reference: &ToolRef) -> Result<Arc<LoadedTool>, ResolveError> {
        let tools = self.tools.load();
        let versions = tools
            .get(&reference.kind)
            .ok_or_else(|| ResolveError::UnknownKind {
                kind: reference.kind.clone(),
                known: tools.keys().cloned().collect(),
            })?;
        let found = find(&versions.tools, &reference.version);
        found.cloned().ok_or_else(|| ResolveError::UnknownVersion {
            reference: reference.to_string(),
            known: versions.tools.iter().map(ToString::to_string).collect(),
        })
    }

    /// Adds a tool, in any order.
    ///
    /// Of the versions of a kind, the highest stable one is in use, or the highest pre-release if there is no
    /// stable one; unless [`activate`](Self::activate) or [`roll_back`](Self::roll_back) chose one. Adding
    /// the same component again changes nothing.
    ///
    /// # Errors
    ///
    /// [`AddError`]; nothing is changed in this case.
    pub fn add(&self, tool: Arc<LoadedTool>) -> Result<(), AddError> {
        self.change(|tools| {
            let kind = tool.kind().to_owned();
            tools.entry(kind).or_default().add(tool)
        })
    }

    /// Activates the tool, whatever its version: its kind is resolved to it from now on.
    ///
    /// Returns the previously active tool. The same component again does not count as a second version.
    pub fn activate(&self, tool: Arc<LoadedTool>) -> Option<Arc<LoadedTool>> {
        self.change(|tools| {
            let Versions { tools, is_chosen } = tools.entry(tool.kind().to_owned()).or_default();
            let before = tools.last().cloned();
            tools.retain(|version| version.digest() != tool.digest());
            tools.push(tool);
            *is_chosen = true;
            let surplus = tools.len().saturating_sub(MAX_VERSIONS);
            tools.drain(..surplus);
            before
        })
    }

    /// Activates the previously active version, and returns it; `None` if there is no other.
    ///
    /// The replaced version stays loaded and can be named by its version or digest.
    pub fn roll_back(&self, kind: &str) -> Option<Arc<LoadedTool>> {
        self.change(|tools| {
            let versions = tools.get_mut(kind);
            let Versions { tools, is_chosen } =
                versions.filter(|versions| versions.tools.len() > 1)?;
            tools.rotate_right(1);
            *is_chosen = true;
            tools.last().cloned()
        })
    }

    /// Every loaded tool, by kind; the one in use is the last of its kind.
    #[must_use]
    pub fn list(&self) -> Vec<Arc<LoadedTool>> {
        let tools = self.tools.load();
        let tools = tools.values().flat_map(|versions| &versions.tools);
        tools.cloned().collect()
    }

    fn change<T>(&self, change: impl FnOnce(&mut Tools) -> T) -> T {
        let _one_at_a_time = lock(&self.changing);
        let mut tools = Tools::clone(&self.tools.load());
        let result = change(&mut tools);
        self.tools.store(Arc::new(tools));
        result
    }
}

impl Versions {
    fn add(&mut self, tool: Arc<LoadedTool>) -> Result<(), AddError> {
        let mut others = self.tools.iter();
        if others.any(|other| other.digest() == tool.digest()) {
            return Ok(());
        }
        let mut others = self.tools.iter();
        let twin = others.rfind(|other| other.version() == tool.version());
        if let Some(twin) = twin {
            return Err(AddError::Twin {
                tool: tool.to_string(),
                origin: twin.origin().to_owned(),
                digest: twin.digest(),
            });
        }
        if self.tools.len() >= MAX_VERSIONS {
            return Err(AddError::TooMany {
                kind: tool.kind().to_owned(),
            });
        }
        let lower = self.tools.iter();
        let lower =
            lower.take_while(|other| preference(other.version()) < preference(tool.version()));
        // Rolling back goes from the chosen version to the one that was active before, which this one was
        // not.
        let position = if self.is_chosen { 0 } else { lower.count() };
        self.tools.insert(position, tool);
        Ok(())
    }
}

/// The rank of a version; the highest is in use.
fn preference(version: &Version) -> (bool, &Version) {
    (version.pre.is_empty(), version)
}

fn find<'tools>(
    versions: &'tools [Arc<LoadedTool>],
    wanted: &VersionRef,
) -> Option<&'tools Arc<LoadedTool>> {
    match wanted {
        VersionRef::Current => versions.last(),
        VersionRef::Exact(version) => versions.iter().rfind(|tool| tool.version() == version),
        VersionRef::Digest(digits) => versions
            .iter()
            .rfind(|tool| tool.digest().digits().starts_with(digits.as_str())),
        VersionRef::Newest { major, minor } => {
            let fits = |tool: &&Arc<LoadedTool>| {
                let version = tool.version();
                version.pre.is_empty()
                    && version.major == *major
                    && minor.is_none_or(|minor| version.minor == minor)
            };
            // Of equal versions `max_by_key` returns the last one, which was loaded last.
            versions
                .iter()
                .filter(fits)
                .max_by_key(|tool| tool.version())
        }
    }
}
