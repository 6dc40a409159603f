mod checker;
mod parse;
mod providers;

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use rustix::process::geteuid;
use serde_json::Value;

use self::parse::StoredCredential;
use super::source::ValueSource;
use super::{
    Credential, CredentialError, CredentialProvider, CredentialType, Machine, ProviderSettings,
    SecretProvider, SecretValue,
};
use crate::diagnostic::{Diagnostic, Document};
use crate::filesystem::open_regular;

/// Maximum size of a credentials file. A Kubernetes Secret, which contains similar data, is limited to 1 MiB.
pub const MAX_CREDENTIALS_BYTES: u64 = 1024 * 1024;
/// The mode bits of a file that other users than its owner can read, write or execute.
const OTHERS_MODE: u32 = 0o077;

/// The file of `--credentials`: `secrets` and `credentials` by name, and further `providers`.
///
/// A value is either in the file, or `{env: VARIABLE}` or `{file: PATH}`; those two are read each time when the value
/// is requested. A relative path is relative to the credentials file's own folder, and one line break at the end of a
/// file is not part of the secret. The default is empty.
#[derive(Default)]
pub struct CredentialsFile {
    secrets: BTreeMap<String, ValueSource>,
    credentials: BTreeMap<String, StoredCredential>,
    providers: Vec<ProviderSettings>,
    directory: PathBuf,
    machine: Machine,
    warnings: Vec<Diagnostic>,
    /// The secrets that warnings report as short.
    short: Vec<String>,
}

impl CredentialsFile {
    /// Reads and checks the file. Nothing that it refers to is read yet.
    ///
    /// # Errors
    ///
    /// [`CredentialError::Unreadable`], and [`CredentialError::Invalid`] with every problem in the file.
    pub fn load(path: &Path) -> Result<Self, CredentialError> {
        let opened = std::fs::File::open(path).and_then(read);
        let (text, mode) = opened.map_err(|source| unreadable(path, source))?;
        Self::check(path, &text, mode)
    }

    /// Like [`load`](Self::load), for a file that was not named by the user, such as that of the user's configuration
    /// folder; none where it does not exist. Other users could have created it, so it must be a regular file that
    /// belongs to this user or to root.
    ///
    /// # Errors
    ///
    /// The same as those of [`load`](Self::load).
    pub fn load_own(path: &Path) -> Result<Option<Self>, CredentialError> {
        let opened = open_regular(path).and_then(|file| {
            let owner = file.metadata()?.uid();
            if owner == 0 || owner == geteuid().as_raw() {
                return read(file);
            }
            let message =
                format!("it belongs to the user {owner}; name the file explicitly to use it");
            Err(io::Error::new(io::ErrorKind::PermissionDenied, message))
        });
        match opened {
            Ok((text, mode)) => Self::check(path, &text, mode).map(Some),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(unreadable(path, error)),
        }
    }

    fn check(path: &Path, text: &str, mode: Option<u32>) -> Result<Self, CredentialError> {
        let directory = path.parent().unwrap_or_else(|| Path::new(""));
        let invalid = |problems| CredentialError::Invalid {
            path: path.to_owned(),
            problems,
        };
        let document = Document::parse_confidential(&path.display().to_string(), text)
            .map_err(|problem| invalid(vec![problem]))?;
        let mut file = Self::parse(&document, directory).map_err(invalid)?;
        if let Some(mode) = mode.filter(|mode| mode & OTHERS_MODE != 0) {
            let name = path.display();
            file.warnings.push(
                Diagnostic::warning(format!(
                    "other users can access the credentials file `{name}`: its mode is {:03o}",
                    mode & 0o777
                ))
                .help(format!("chmod 600 {name}")),
            );
        }
        Ok(file)
    }

    /// Checks a parsed document; relative paths in it are relative to `directory`.
    ///
    /// # Errors
    ///
    /// Every problem, with its position.
    pub fn parse(document: &Document, directory: &Path) -> Result<Self, Vec<Diagnostic>> {
        let parsed = parse::parse(document)?;
        Ok(Self {
            secrets: parsed.secrets,
            credentials: parsed.credentials,
            providers: parsed.providers,
            warnings: parsed.warnings,
            short: parsed.short,
            directory: directory.to_owned(),
            ..Self::default()
        })
    }

    /// Uses another environment than that of the process.
    #[must_use]
    pub fn with_environment(
        mut self,
        lookup: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        self.machine = Machine::new(lookup);
        self
    }

    /// Returns warnings about the file, such as that other users can read it.
    #[must_use]
    pub fn warnings(&self) -> &[Diagnostic] {
        &self.warnings
    }

    /// Returns the secrets that [`warnings`](Self::warnings) report as too short to be redacted.
    #[must_use]
    pub fn short_secrets(&self) -> &[String] {
        &self.short
    }

    /// Returns the other providers that the file names, in their order.
    #[must_use]
    pub fn providers(&self) -> &[ProviderSettings] {
        &self.providers
    }

    /// Returns the folder that relative paths are relative to.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    async fn resolve(
        &self,
        source: &ValueSource,
        owner: impl FnOnce() -> String,
    ) -> Result<SecretValue, CredentialError> {
        source.read(&self.machine, &self.directory, owner).await
    }

    /// Converts the value to the form that users of the field expect.
    fn normalize(
        &self,
        kind: CredentialType,
        field: &str,
        value: SecretValue,
    ) -> Result<SecretValue, String> {
        match (kind, field, value.expose()) {
            (
                CredentialType::Google,
                "service_account" | "authorized_user",
                Value::String(text),
            ) => serde_json::from_str(text)
                .ok()
                .filter(Value::is_object)
                .map(SecretValue::new)
                .ok_or_else(|| "is not the JSON of a key".to_owned()),
            (CredentialType::Generic, ..) => Ok(value),
            (_, field, Value::String(path)) if field.ends_with("_file") => {
                let path = self.directory.join(path);
                Ok(SecretValue::new(Value::String(path.display().to_string())))
            }
            _ => Ok(value),
        }
    }
}

#[async_trait]
impl SecretProvider for CredentialsFile {
    async fn secret(&self, name: &str) -> Result<Option<SecretValue>, CredentialError> {
        match self.secrets.get(name) {
            Some(source) => self
                .resolve(source, || format!("secret `{name}`"))
                .await
                .map(Some),
            None => Ok(None),
        }
    }

    fn secret_names(&self) -> Vec<String> {
        self.secrets.keys().cloned().collect()
    }
}

#[async_trait]
impl CredentialProvider for CredentialsFile {
    async fn credential(&self, name: &str) -> Result<Option<Credential>, CredentialError> {
        let Some(stored) = self.credentials.get(name) else {
            return Ok(None);
        };
        let mut fields = BTreeMap::new();
        for (field, source) in &stored.fields {
            let owner = || format!("`{field}` of credential `{name}`");
            let value = self.resolve(source, owner).await?;
            let value = self
                .normalize(stored.kind, field, value)
                .map_err(|problem| CredentialError::Malformed {
                    owner: owner(),
                    problem,
                })?;
            fields.insert(field.clone(), value);
        }
        Ok(Some(Credential {
            kind: stored.kind,
            fields,
        }))
    }

    fn credential_names(&self) -> Vec<String> {
        self.credentials.keys().cloned().collect()
    }
}

impl fmt::Debug for CredentialsFile {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("CredentialsFile")
            .field("directory", &self.directory)
            .finish_non_exhaustive()
    }
}

/// Returns the file's text and, for a regular file, its mode. A pipe is accepted as well, so that a password manager
/// can write one.
fn read(file: File) -> io::Result<(String, Option<u32>)> {
    let metadata = file.metadata()?;
    let mut text = String::new();
    file.take(MAX_CREDENTIALS_BYTES + 1)
        .read_to_string(&mut text)?;
    check_size(text.len(), MAX_CREDENTIALS_BYTES)?;
    let mode = metadata.is_file().then(|| metadata.permissions().mode());
    Ok((text, mode))
}

fn unreadable(path: &Path, source: io::Error) -> CredentialError {
    CredentialError::Unreadable {
        path: path.to_owned(),
        source: Arc::new(source),
    }
}

/// Whether the file does not exist.
fn is_absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

fn check_size(bytes: usize, most: u64) -> io::Result<()> {
    if u64::try_from(bytes).is_ok_and(|bytes| bytes <= most) {
        Ok(())
    } else {
        Err(io::Error::other(format!("larger than {most} bytes")))
    }
}
