use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;

use super::reference::{ToolRef, VersionRef};
use super::tool::LoadedTool;

/// The tools that can be called, by kind and version.
///
/// Reading never waits. Changes are made to a copy, which then takes the place of the whole.
#[derive(Debug, Default)]
pub struct Registry {
    tools: ArcSwap<Tools>,
    /// Lets one change be made at a time.
    changing: Mutex<()>,
}

/// The loaded versions of each kind, least preferred first: the last one is in use.
type Tools = BTreeMap<String, Vec<Arc<LoadedTool>>>;

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
    #[error("`{reference}` is not loaded; there {} {}", if known.len() == 1 { "is" } else { "are" }, listed(known))]
    UnknownVersion {
        /// What was asked for.
        reference: String,
        /// The versions that there are, the one in use last.
        known: Vec<String>,
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
        let found = find(versions, &reference.version);
        found.cloned().ok_or_else(|| ResolveError::UnknownVersion {
            reference: reference.to_string(),
            known: versions.iter().map(ToString::to_string).collect(),
        })
    }

    /// Puts the tool into use: whoever asks for its kind from now on gets it.
    ///
    /// Returns the tool that was in use before. The same component again is no second version.
    pub fn activate(&self, tool: Arc<LoadedTool>) -> Option<Arc<LoadedTool>> {
        self.change(|tools| {
            let versions = tools.entry(tool.kind().to_owned()).or_default();
            let before = versions.last().cloned();
            versions.retain(|version| version.digest() != tool.digest());
            versions.push(tool);
            let surplus = versions.len().saturating_sub(MAX_VERSIONS);
            versions.drain(..surplus);
            before
        })
    }

    /// Puts the version into use that was in use before, and returns it; none where there is no other.
    ///
    /// The version that was in use stays loaded and can be asked for by its version or digest.
    pub fn roll_back(&self, kind: &str) -> Option<Arc<LoadedTool>> {
        self.change(|tools| {
            let versions = tools.get_mut(kind).filter(|versions| versions.len() > 1)?;
            versions.rotate_right(1);
            versions.last().cloned()
        })
    }

    /// Every loaded tool, by kind; the one in use is the last of its kind.
    #[must_use]
    pub fn list(&self) -> Vec<Arc<LoadedTool>> {
        self.tools.load().values().flatten().cloned().collect()
    }

    fn change<T>(&self, change: impl FnOnce(&mut Tools) -> T) -> T {
        let _one_at_a_time = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut tools = Tools::clone(&self.tools.load());
        let result = change(&mut tools);
        self.tools.store(Arc::new(tools));
        result
    }
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

fn listed(versions: &[String]) -> String {
    let quoted: Vec<_> = versions
        .iter()
        .map(|version| format!("`{version}`"))
        .collect();
    quoted.join(", ")
}
