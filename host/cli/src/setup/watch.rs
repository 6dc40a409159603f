use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::Mutex;
use toolhost::host::ToolHost;
use toolhost::registry::{LoadedTool, is_built_in};

use super::plugins::{FoundPlugin, PluginError, components, folder_of, load_one};
use super::{GrantsFile, GrantsFileError};

/// A folder of tools whose changes are taken up between two calls.
///
/// A component that cannot be used is left out, and the one before it stays in use: one that is broken, half written, not
/// granted what it needs, or claims a built-in kind without an `override`. It is tried again when it changes, or the grants do.
/// A running call keeps the component that it began with. A component that is removed stays loaded.
#[derive(Debug)]
pub struct PluginWatch {
    path: PathBuf,
    seen: Mutex<Seen>,
}

/// The files as they were last read.
#[derive(Debug, Default)]
struct Seen {
    grants: Option<Stamp>,
    components: BTreeMap<PathBuf, Component>,
}

#[derive(Debug, Clone, Copy)]
struct Component {
    stamp: Option<Stamp>,
    is_left_out: bool,
}

/// What changes with the content of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    inode: u64,
    bytes: u64,
    modified_nanoseconds: i128,
}

/// A change of the folder.
#[derive(Debug)]
#[non_exhaustive]
pub enum PluginChange {
    /// A component is in use from now on.
    InUse {
        /// The component.
        tool: Arc<LoadedTool>,
        /// The one of its kind that was in use before.
        before: Option<Arc<LoadedTool>>,
    },
    /// A component can be called by its version, and another one of its kind stays in use.
    Added(Arc<LoadedTool>),
    /// A component is left out.
    LeftOut(PluginError),
    /// The grants cannot be read, so that nothing is taken up.
    Grants(GrantsFileError),
}

impl PluginWatch {
    /// Watches a folder, or one file, as it is now.
    pub(super) fn new(path: PathBuf) -> Self {
        let mut seen = Seen {
            grants: grants_stamp(&path),
            ..Seen::default()
        };
        for file in components(&path).unwrap_or_default() {
            let component = Component {
                stamp: Stamp::of(&file),
                is_left_out: false,
            };
            seen.components.insert(file, component);
        }
        Self {
            path,
            seen: Mutex::new(seen),
        }
    }

    /// Marks components as left out when they were first loaded.
    pub(super) fn leave_out(&mut self, files: impl IntoIterator<Item = PathBuf>) {
        let seen = self.seen.get_mut();
        for file in files {
            if let Some(component) = seen.components.get_mut(&file) {
                component.is_left_out = true;
            }
        }
    }

    /// Takes up what has changed since the last time. Without a change it reads a folder and the metadata of its files.
    pub async fn refresh(&self, host: &ToolHost) -> Vec<PluginChange> {
        let mut seen = self.seen.lock().await;
        let grants_stamp = grants_stamp(&self.path);
        let has_new_grants = grants_stamp != seen.grants;
        seen.grants = grants_stamp;
        let files: Vec<_> = components(&self.path)
            .unwrap_or_default()
            .into_iter()
            .map(|file| (Stamp::of(&file), file))
            .filter(|(stamp, file)| match seen.components.get(file) {
                Some(known) => known.stamp != *stamp || known.is_left_out && has_new_grants,
                None => true,
            })
            .collect();
        if files.is_empty() {
            return Vec::new();
        }
        let grants = match GrantsFile::load_from_folder(folder_of(&self.path)) {
            Ok(grants) => grants,
            Err(error) => return vec![PluginChange::Grants(error)],
        };
        let mut changes = Vec::new();
        for (stamp, file) in files {
            let change = take_up(host, &file, &grants).await;
            let is_left_out = matches!(change, Some(PluginChange::LeftOut(_)));
            let component = Component { stamp, is_left_out };
            seen.components.insert(file, component);
            changes.extend(change);
        }
        changes
    }
}

impl Stamp {
    fn of(file: &Path) -> Option<Self> {
        let metadata = std::fs::metadata(file).ok()?;
        Some(Self {
            inode: metadata.ino(),
            bytes: metadata.size(),
            modified_nanoseconds: i128::from(metadata.mtime()) * 1_000_000_000
                + i128::from(metadata.mtime_nsec()),
        })
    }
}

fn grants_stamp(path: &Path) -> Option<Stamp> {
    Stamp::of(&GrantsFile::path_in(folder_of(path)))
}

/// Loads a component, and puts it into use unless another one of its kind has precedence. None if it is in use already.
async fn take_up(host: &ToolHost, file: &Path, grants: &GrantsFile) -> Option<PluginChange> {
    let found = match load_one(host, file, grants, false).await {
        Ok(found) => found,
        Err(error) => return Some(PluginChange::LeftOut(error.into())),
    };
    let FoundPlugin {
        tool,
        is_overriding,
        ..
    } = found;
    if is_built_in(tool.kind()) && !is_overriding {
        return Some(PluginChange::LeftOut(PluginError::built_in(&tool)));
    }
    if tool.denial().is_some() {
        return Some(PluginChange::LeftOut(PluginError::not_granted(&tool)));
    }
    // The one in use is the last of its kind.
    let mut loaded = host.registry().list().into_iter();
    let before = loaded.rfind(|other| other.kind() == tool.kind());
    if let Some(before) = &before {
        if before.digest() == tool.digest() {
            return None;
        }
        // A pre-release is only used by name, as among the components of a folder at start.
        let is_lower = tool.version() < before.version();
        let is_candidate = !tool.version().pre.is_empty() && before.version().pre.is_empty();
        if (is_lower || is_candidate) && !is_overriding {
            let origin = tool.origin().to_owned();
            return Some(match host.registry().add(Arc::clone(&tool)) {
                Ok(()) => PluginChange::Added(tool),
                Err(source) => PluginChange::LeftOut(PluginError::NotAdded { origin, source }),
            });
        }
    }
    host.registry().activate(Arc::clone(&tool));
    Some(PluginChange::InUse { tool, before })
}
