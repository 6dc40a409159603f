//! The tools of the plugins folder.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use toolhost::capability::text::all_of;
use toolhost::digest::Digest;
use toolhost::host::ToolHost;
use toolhost::registry::{AddError, LoadError, LoadedTool, grant_entry, is_built_in};

use super::settings::everything;
use super::{GrantsFile, Plugin, SetupError};

/// Why a file of the plugins folder is left out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PluginError {
    /// It cannot be used as a tool.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// It claims a built-in kind, and no `override` allows it to replace the built-in tool.
    #[error("`{origin}` claims to be the built-in tool `{kind}`")]
    BuiltIn {
        /// The file.
        origin: String,
        /// The kind.
        kind: String,
        /// Its digest.
        digest: Digest,
    },
    /// It needs more than it is granted.
    #[error("`{origin}` ({tool}) is not granted what it needs")]
    NotGranted {
        /// The file.
        origin: String,
        /// The kind and version.
        tool: String,
        /// The entry of `grants.yaml` that grants it.
        entry: String,
    },
    /// Several components claim the same version of a kind.
    #[error(
        "{} claim to be `{tool}`, but are different components",
        all_of(origins)
    )]
    Twins {
        /// The files.
        origins: Vec<String>,
        /// The kind and version.
        tool: String,
    },
    /// The registry rejects it.
    #[error("`{origin}` cannot be added")]
    NotAdded {
        /// The file.
        origin: String,
        /// Why.
        #[source]
        source: AddError,
    },
}

impl PluginError {
    pub(super) fn built_in(tool: &LoadedTool) -> Self {
        Self::BuiltIn {
            origin: tool.origin().to_owned(),
            kind: tool.kind().to_owned(),
            digest: tool.digest(),
        }
    }

    pub(super) fn not_granted(tool: &LoadedTool) -> Self {
        Self::NotGranted {
            origin: tool.origin().to_owned(),
            tool: tool.to_string(),
            entry: tool.grant_entry(),
        }
    }

    /// How to fix it, if known.
    #[must_use]
    pub fn help(&self) -> Option<String> {
        match self {
            Self::BuiltIn { kind, digest, .. } => Some(format!(
                "to replace the built-in tool, add to `grants.yaml` of its folder, followed by \
                 its grants:\n\n{}",
                grant_entry(kind, &digest.to_string(), &[])
            )),
            Self::NotGranted { entry, .. } => {
                Some(format!("add to `grants.yaml` of its folder:\n\n{entry}"))
            }
            Self::Twins { .. } => Some("remove all but one of them".to_owned()),
            Self::Load(error) => error.help().map(str::to_owned),
            Self::NotAdded { .. } => None,
        }
    }
}

/// The result of loading the folder.
#[derive(Debug, Default)]
pub(super) struct Loaded {
    pub(super) refused: Vec<PluginError>,
    /// The files that cannot be used as a tool, which may be grants away from it.
    pub(super) broken: Vec<PathBuf>,
    /// Those that replaced a built-in tool.
    pub(super) overriding: Vec<Arc<LoadedTool>>,
    /// Every component that was read and can be identified.
    pub(super) plugins: Vec<Plugin>,
}

/// The maximum number of files that are read in a folder of tools.
const MAX_PLUGINS: usize = 256;

/// Loads every component of the folder, and adds the permitted ones to the registry.
///
/// In a rehearsal, each may use everything, and replace a built-in tool.
///
/// Not with [`ToolHost::install`]: which ones are used is known only when all of them are loaded.
///
/// # Errors
///
/// [`SetupError::Plugins`] if the folder cannot be read.
pub(super) async fn load(
    host: &ToolHost,
    folder: &Path,
    grants: &GrantsFile,
    is_rehearsal: bool,
) -> Result<Loaded, SetupError> {
    let mut loaded = Loaded::default();
    let mut versions: BTreeMap<String, Vec<Arc<LoadedTool>>> = BTreeMap::new();
    for path in components(folder)? {
        let found = match load_one(host, &path, grants, is_rehearsal).await {
            Ok(found) => found,
            Err(error) => {
                loaded.broken.push(path);
                loaded.refused.push(error.into());
                continue;
            }
        };
        let FoundPlugin {
            tool,
            plugin,
            is_overriding,
        } = found;
        loaded.plugins.extend(plugin);
        if is_overriding {
            loaded.overriding.push(tool);
        } else if is_built_in(tool.kind()) {
            loaded.refused.push(PluginError::built_in(&tool));
        } else {
            versions.entry(tool.to_string()).or_default().push(tool);
        }
    }
    for tool in &loaded.overriding {
        host.registry().activate(Arc::clone(tool));
    }
    for (name, tools) in versions {
        // Choosing one of them would depend on its file name.
        let mut digests = tools.iter().map(|tool| tool.digest());
        let first = digests.next();
        if digests.any(|digest| Some(digest) != first) {
            loaded.refused.push(PluginError::Twins {
                origins: tools.iter().map(|tool| tool.origin().to_owned()).collect(),
                tool: name,
            });
            continue;
        }
        let added = tools.into_iter().next().map(|tool| {
            let origin = tool.origin().to_owned();
            let added = host.registry().add(tool);
            added.map_err(|source| PluginError::NotAdded { origin, source })
        });
        if let Some(Err(error)) = added {
            loaded.refused.push(error);
        }
    }
    Ok(loaded)
}

/// A component of the folder that can be used as a tool.
pub(super) struct FoundPlugin {
    pub(super) tool: Arc<LoadedTool>,
    plugin: Option<Plugin>,
    /// Whether its grants let it replace a built-in tool.
    pub(super) is_overriding: bool,
}

/// Loads a component with its grants; in a rehearsal with all of them.
pub(super) async fn load_one(
    host: &ToolHost,
    path: &Path,
    grants: &GrantsFile,
    is_rehearsal: bool,
) -> Result<FoundPlugin, LoadError> {
    let file_name = path.file_name().unwrap_or_default();
    let file_name = file_name.to_string_lossy().into_owned();
    let mut plugin = None;
    let load = host.load(path, |identity| {
        let found = plugin.insert(Plugin {
            identity: identity.clone(),
            file_name,
        });
        if is_rehearsal {
            return everything(true);
        }
        grants.of_plugin(found)
    });
    let tool = Arc::new(load.await?);
    let is_overriding = plugin
        .as_ref()
        .is_some_and(|plugin| grants.overrides(plugin))
        || is_rehearsal && is_built_in(tool.kind());
    Ok(FoundPlugin {
        tool,
        plugin,
        is_overriding,
    })
}

/// The folder with the grants of the tools at `path`: a folder itself, or that of a component.
pub(super) fn folder_of(path: &Path) -> &Path {
    if !path.is_file() {
        return path;
    }
    let parent = path.parent().unwrap_or(path);
    if parent.as_os_str().is_empty() {
        Path::new(".")
    } else {
        parent
    }
}

/// The files of the folder with the extension of components, in the order of their names; a file instead of a folder
/// is the only one.
pub(super) fn components(folder: &Path) -> Result<Vec<PathBuf>, SetupError> {
    if folder.is_file() {
        return Ok(vec![folder.to_owned()]);
    }
    let unreadable = |source| SetupError::Plugins {
        path: folder.to_owned(),
        source,
    };
    let entries = std::fs::read_dir(folder).map_err(unreadable)?;
    let entries = entries.filter_map(Result::ok).map(|entry| entry.path());
    let is_component = |path: &PathBuf| {
        path.extension()
            .is_some_and(|extension| extension == "wasm")
    };
    let mut components: Vec<_> = entries.filter(is_component).collect();
    // The order of directory entries is not defined.
    components.sort();
    components.truncate(MAX_PLUGINS);
    Ok(components)
}
