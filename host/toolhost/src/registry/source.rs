use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::task::spawn_blocking;

use super::bounds::MAX_COMPONENT_BYTES;
use super::error::LoadError;
use crate::filesystem::read_regular;

/// A component to load: a file, or the bytes of a binary.
///
/// Made from a path (`&str`, `&Path`, `PathBuf`) or from bytes (`&[u8]`, `Vec<u8>`, `Arc<[u8]>`).
#[derive(Debug, Clone)]
pub struct ComponentSource(Place);

/// Where the bytes are.
#[derive(Debug, Clone)]
enum Place {
    File(PathBuf),
    Memory { bytes: Arc<[u8]>, origin: String },
}

/// The origin of bytes that were given without one.
const UNNAMED: &str = "component in memory";

impl ComponentSource {
    /// The bytes of a binary, with the name by which messages identify them.
    #[must_use]
    pub fn named(bytes: impl Into<Arc<[u8]>>, origin: impl Into<String>) -> Self {
        Self(Place::Memory {
            bytes: bytes.into(),
            origin: origin.into(),
        })
    }

    /// Its bytes, and the name by which messages identify it.
    pub(super) async fn read(self) -> Result<(Arc<[u8]>, String), LoadError> {
        let path = match self.0 {
            Place::Memory { bytes, origin } => return Ok((bytes, origin)),
            Place::File(path) => path,
        };
        let origin = path.display().to_string();
        let reading = spawn_blocking(move || read_regular(&path, MAX_COMPONENT_BYTES));
        let read = reading.await.unwrap_or_else(|error| Err(error.into()));
        match read {
            Ok(bytes) => Ok((bytes.into(), origin)),
            Err(error) if error.kind() == io::ErrorKind::FileTooLarge => {
                Err(LoadError::TooLarge { origin })
            }
            Err(source) => Err(LoadError::Unreadable { origin, source }),
        }
    }
}

impl From<&Path> for ComponentSource {
    fn from(path: &Path) -> Self {
        path.to_owned().into()
    }
}

impl From<PathBuf> for ComponentSource {
    fn from(path: PathBuf) -> Self {
        Self(Place::File(path))
    }
}

impl From<&PathBuf> for ComponentSource {
    fn from(path: &PathBuf) -> Self {
        path.clone().into()
    }
}

impl From<&str> for ComponentSource {
    fn from(path: &str) -> Self {
        PathBuf::from(path).into()
    }
}

impl From<&[u8]> for ComponentSource {
    fn from(bytes: &[u8]) -> Self {
        Self::named(bytes, UNNAMED)
    }
}

impl From<Vec<u8>> for ComponentSource {
    fn from(bytes: Vec<u8>) -> Self {
        Self::named(bytes, UNNAMED)
    }
}

impl From<Arc<[u8]>> for ComponentSource {
    fn from(bytes: Arc<[u8]>) -> Self {
        Self::named(bytes, UNNAMED)
    }
}
