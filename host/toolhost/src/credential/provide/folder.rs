use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use serde_json::{Map, Value};

use super::document;
use crate::credential::{
    Credential, CredentialError, CredentialProvider, SecretProvider, SecretValue, read_secret,
};
use crate::diagnostic::Document;

/// Secrets and credentials from a folder, such as a mounted Secret of Kubernetes.
///
/// A secret is a file of its name. A credential is a file `NAME.json`, `NAME.yaml` or `NAME.yml` with `type` and the
/// fields, or a folder of its name with a file for each field, and one called `type`.
///
/// Files are read on each request, so that a change takes effect immediately. The kubelet changes a mounted Secret by
/// replacing the folder behind the link `..data`; everything that is read for one credential comes from one folder.
#[derive(Debug)]
pub struct FolderProvider {
    folder: PathBuf,
}

/// The extensions of files with a credential.
const ENDINGS: [&str; 3] = ["json", "yaml", "yml"];
/// Maximum number of fields of a credential, and of names that are listed for suggestions.
const MAX_FILES: usize = 256;
/// How often reading a folder is retried that is replaced meanwhile; the kubelet does so once a minute.
const ATTEMPTS: usize = 3;

impl FolderProvider {
    /// Creates a provider for the secrets and credentials of that folder.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
        }
    }

    /// Returns the current folder, with all links resolved, if it exists.
    async fn current(&self) -> io::Result<PathBuf> {
        let data = self.folder.join("..data");
        match tokio::fs::canonicalize(&data).await {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                tokio::fs::canonicalize(&self.folder).await
            }
            found => found,
        }
    }

    /// Reads something, and retries where the folder was replaced in between.
    async fn read<T, F: Future<Output = io::Result<Option<T>>>>(
        &self,
        owner: &str,
        read: impl Fn(PathBuf) -> F,
    ) -> Result<Option<T>, CredentialError> {
        let mut attempts = 0;
        loop {
            attempts += 1;
            let found = match self.current().await {
                Ok(current) => match read(current.clone()).await {
                    // A missing file may exist behind the new link.
                    Ok(None) | Err(_)
                        if attempts < ATTEMPTS
                            && self.current().await.is_ok_and(|now| now != current) =>
                    {
                        continue;
                    }
                    found => found,
                },
                Err(error) => Err(error),
            };
            return found
                .map_err(|error| CredentialError::missing_file(owner, &self.folder, error));
        }
    }

    /// Returns the names in the folder, as far as they are available without a long wait.
    fn names(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(&self.folder).into_iter().flatten();
        let entries = entries.filter_map(Result::ok).map(|entry| entry.path());
        let visible = entries.filter(|path| path.file_name().is_some_and(is_visible));
        visible.take(MAX_FILES).collect()
    }
}

/// Whether it is neither a name of the kubelet's own nor hidden.
fn is_visible(name: &std::ffi::OsStr) -> bool {
    !name.to_string_lossy().starts_with('.')
}

/// Whether a name can be that of a file in the folder itself.
fn is_plain(name: &str) -> bool {
    !name.is_empty() && !name.starts_with('.') && !name.contains(['/', '\\', '\0'])
}

/// Returns the text of a file; none where there is no such file.
async fn text(path: &Path) -> io::Result<Option<String>> {
    match read_secret(path).await {
        Ok(text) => Ok(Some(text)),
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
            ) =>
        {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// A credential as read, before it is checked.
enum Found {
    Text(PathBuf, String),
    Fields(BTreeMap<String, String>),
}

async fn found(folder: PathBuf, name: String) -> io::Result<Option<Found>> {
    for ending in ENDINGS {
        let path = folder.join(format!("{name}.{ending}"));
        if let Some(text) = text(&path).await? {
            return Ok(Some(Found::Text(path, text)));
        }
    }
    let path = folder.join(&name);
    if !tokio::fs::metadata(&path)
        .await
        .is_ok_and(|found| found.is_dir())
    {
        return Ok(None);
    }
    // A Secret that is mounted there has links of its own.
    let path = match tokio::fs::canonicalize(path.join("..data")).await {
        Ok(data) => data,
        Err(_) => path,
    };
    let mut fields = BTreeMap::new();
    let mut entries = tokio::fs::read_dir(&path).await?;
    while let Some(entry) = entries.next_entry().await? {
        let name = entry.file_name();
        if !is_visible(&name) {
            continue;
        }
        if fields.len() >= MAX_FILES {
            return Err(io::Error::other(format!("more than {MAX_FILES} files")));
        }
        let value = read_secret(&entry.path()).await?;
        fields.insert(name.to_string_lossy().into_owned(), value);
    }
    Ok(Some(Found::Fields(fields)))
}

#[async_trait]
impl SecretProvider for FolderProvider {
    async fn secret(&self, name: &str) -> Result<Option<SecretValue>, CredentialError> {
        if !is_plain(name) {
            return Ok(None);
        }
        let owner = format!("secret `{name}`");
        let read = |folder: PathBuf| async move {
            let path = folder.join(name);
            if tokio::fs::metadata(&path)
                .await
                .is_ok_and(|found| found.is_dir())
            {
                return Ok(None);
            }
            text(&path).await
        };
        let text = self.read(&owner, read).await?;
        Ok(text.map(|text| SecretValue::new(Value::String(text))))
    }

    fn secret_names(&self) -> Vec<String> {
        let files = self.names().into_iter().filter(|path| path.is_file());
        let names = files.filter_map(|path| Some(path.file_name()?.to_str()?.to_owned()));
        names.collect()
    }
}

#[async_trait]
impl CredentialProvider for FolderProvider {
    async fn credential(&self, name: &str) -> Result<Option<Credential>, CredentialError> {
        if !is_plain(name) {
            return Ok(None);
        }
        let owner = format!("credential `{name}`");
        let read = |folder| found(folder, name.to_owned());
        match self.read(&owner, read).await? {
            None => Ok(None),
            Some(Found::Text(path, text)) => {
                let place = self.folder.join(path.file_name().unwrap_or_default());
                let owner = format!("{owner} of the file `{}`", place.display());
                let parsed = Document::parse_confidential(&place.display().to_string(), &text);
                let parsed = parsed.map_err(|problem| {
                    CredentialError::malformed(&owner, format!("is not YAML: {problem}"))
                })?;
                document::credential(&owner, parsed.to_value()).map(Some)
            }
            Some(Found::Fields(fields)) => {
                let owner = format!(
                    "{owner} of the folder `{}`",
                    self.folder.join(name).display()
                );
                let mut fields: Map<_, _> = fields
                    .into_iter()
                    .map(|(field, value)| (field, Value::String(value)))
                    .collect();
                fields
                    .entry("type")
                    .or_insert_with(|| Value::from("generic"));
                document::credential(&owner, Value::Object(fields)).map(Some)
            }
        }
    }

    fn credential_names(&self) -> Vec<String> {
        let names = self.names().into_iter().filter_map(|path| {
            let is_credential = path.is_dir()
                || path
                    .extension()
                    .is_some_and(|ending| ENDINGS.iter().any(|known| ending == *known));
            let name = if path.is_dir() {
                path.file_name()
            } else {
                path.file_stem()
            };
            is_credential.then(|| name.map(|name| name.to_string_lossy().into_owned()))?
        });
        names.collect()
    }
}
