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
/// Reading never waits. Changes are made to a copy, which then takes the place of the whole.
#[derive(Debug, Default)]
pub struct Registry {
    tools: ArcSwap<Tools>,
    /// Lets one change be made at a time.
    changing: Mutex<()>,
}

type Tools = BTreeMap<String, Versions>;

/// The loaded versions of a kind.
#[derive(Debug, Clone, Default)]
struct Versions {
    /// Least preferred first: the last one is in use.
    tools: Vec<Arc<LoadedTool>>,
    /// Whether somebody chose the one in use, so that another is no better for its version alone.
    is_chosen: bool,
}

/// How many versions of a kind stay loaded, so that one can go back to them; older ones are dropped.
const MAX_VERSIONS: usize = 16;

/// Why a name means no tool.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    /// There is no tool of this kind.
    #[error("there is no tool of kind `{kind}`")]
    UnknownKind {
        /// The kind.
        kind: String,
        /// The kinds that there are.
        known: Vec<String>,
    },
    /// There is no such version.
    #[error("`{reference}` is not loaded; there {} {}", if known.len() == 1 { "is" } else { "are" }, all_of(known))]
    UnknownVersion {
        /// What was asked for.
        reference: String,
        /// The versions that there are, the one in use last.
        known: Vec<String>,
    },
}

/// Why a tool is not among those that can be called.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddError {
    /// Another component says that it is the same version of the kind.
    #[error("`{tool}` is loaded from `{origin}`, which is another component ({digest})")]
    Twin {
        /// The kind and version.
        tool: String,
        /// Where the other one came from.
        origin: String,
        /// The digest of the other one.
        digest: Digest,
    },
    /// There are as many versions of the kind as are kept.
    #[error(
        "there are {MAX_VERSIONS} versions of `{kind}` already, which is the most that are kept"
    )]
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

    /// The tool that the reference means now.
    ///
    /// # Errors
    ///
    /// [`ResolveError`], with what there is instead.
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

    /// Makes the tool one of those that can be called, in whatever order they come.
    ///
    /// Of the versions of a kind, the highest one is in use that is no pre-release, or the highest pre-release
    /// where there is nothing else; unless [`activate`](Self::activate) or [`roll_back`](Self::roll_back) chose
    /// one. The same component again changes nothing.
    ///
    /// # Errors
    ///
    /// [`AddError`]; nothing has changed then.
    pub fn add(&self, tool: Arc<LoadedTool>) -> Result<(), AddError> {
        self.change(|tools| {
            let kind = tool.kind().to_owned();
            tools.entry(kind).or_default().add(tool)
        })
    }

    /// Puts the tool into use, whatever its version: whoever asks for its kind from now on gets it.
    ///
    /// Returns the tool that was in use before. The same component again is no second version.
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

    /// Puts the version into use that was in use before, and returns it; none where there is no other.
    ///
    /// The version that was in use stays loaded and can be asked for by its version or digest.
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
        // One can go back from what was chosen to what was in use before, which this one was not.
        let position = if self.is_chosen { 0 } else { lower.count() };
        self.tools.insert(position, tool);
        Ok(())
    }
}

/// The higher, the rather it is in use.
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
