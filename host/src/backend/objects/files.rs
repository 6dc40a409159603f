use std::fs;
use std::io::{ErrorKind, Read as _};
use std::path::PathBuf;

use async_trait::async_trait;
use tokio::task::spawn_blocking;

use crate::capability::{
    CapabilityError, FetchOptions, FetchRequest, Object, ObjectMetadata, ObjectSource, Reason,
};

/// Files below one folder, the workspace.
///
/// Links are followed before it is decided whether a file lies in the workspace, so that none leads out
/// of it.
#[derive(Debug, Clone)]
pub struct FileSource {
    /// What relative paths are relative to.
    base: PathBuf,
    /// What every file must lie below.
    workspace: PathBuf,
}

impl FileSource {
    /// The files below `workspace`; relative paths are relative to `base`.
    #[must_use]
    pub fn new(base: impl Into<PathBuf>, workspace: impl Into<PathBuf>) -> Self {
        Self {
            base: base.into(),
            workspace: workspace.into(),
        }
    }

    fn read(&self, uri: &str, max_bytes: u64) -> Result<Object, CapabilityError> {
        let failed = |error| failed(uri, &error);
        let path = self.resolve(uri)?;
        // Before it is opened: a pipe would be waited for.
        if !fs::metadata(&path).map_err(failed)?.is_file() {
            let message = format!("`{uri}` is no file");
            return Err(CapabilityError::new(Reason::FetchFailed, message).with_field("script.uri"));
        }
        let file = fs::File::open(&path).map_err(failed)?;
        // One byte more tells a file that is too large from one that just fits, even while it grows.
        let mut bytes = Vec::new();
        let mut limited = file.take(max_bytes.saturating_add(1));
        limited.read_to_end(&mut bytes).map_err(failed)?;
        if bytes.len() as u64 > max_bytes {
            let message = format!("`{uri}` is larger than {max_bytes} bytes");
            return Err(CapabilityError::new(Reason::TooLarge, message).with_field("script.uri"));
        }
        let metadata = ObjectMetadata {
            uri: Some(format!("file://{}", path.display())),
            ..ObjectMetadata::default()
        };
        let bytes = bytes.into();
        Ok(Object { bytes, metadata })
    }

    fn resolve(&self, uri: &str) -> Result<PathBuf, CapabilityError> {
        let failed = |error| failed(uri, &error);
        let path = self.base.join(uri.strip_prefix("file://").unwrap_or(uri));
        let workspace = fs::canonicalize(&self.workspace).map_err(failed)?;
        let resolved = fs::canonicalize(path).map_err(failed)?;
        if resolved.starts_with(&workspace) {
            return Ok(resolved);
        }
        let message = format!(
            "`{uri}` lies outside the workspace `{}`",
            workspace.display()
        );
        Err(CapabilityError::new(Reason::FetchDenied, message)
            .with_hint(
                "move the script into the workspace, or choose another one with `--workspace`",
            )
            .with_field("script.uri"))
    }
}

#[async_trait]
impl ObjectSource for FileSource {
    async fn fetch(&self, request: FetchRequest) -> Result<Object, CapabilityError> {
        let FetchRequest { uri, options } = request;
        refuse_options_of_others(&options)?;
        let source = self.clone();
        // Once to the threads that may block and back: each way costs more than what is done there.
        let reading = spawn_blocking(move || source.read(&uri, options.max_bytes));
        reading.await.unwrap_or_else(|error| {
            let message = format!("the file was not read to its end: {error}");
            Err(CapabilityError::new(Reason::Internal, message))
        })
    }

    async fn at_hand(&self, request: &FetchRequest) -> Option<Object> {
        self.fetch(request.clone()).await.ok()
    }
}

fn failed(uri: &str, error: &std::io::Error) -> CapabilityError {
    let (reason, hint) = match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => (
            Reason::FetchNotFound,
            "relative paths are relative to the playbook's folder",
        ),
        ErrorKind::PermissionDenied => (
            Reason::FetchDenied,
            "give the user that runs this host the right to read it",
        ),
        _ => (Reason::FetchFailed, "look at the file"),
    };
    CapabilityError::new(reason, format!("cannot read `{uri}`: {error}"))
        .with_hint(hint)
        .with_field("script.uri")
}

/// What is given and has no effect is a mistake that somebody would look for later.
fn refuse_options_of_others(options: &FetchOptions) -> Result<(), CapabilityError> {
    let given = [
        ("auth", options.credential.is_some()),
        ("region", options.region.is_some()),
        ("endpoint", options.endpoint.is_some()),
        ("method", options.method.is_some()),
        ("headers", !options.headers.is_empty()),
    ];
    match given.into_iter().find(|(_, is_given)| *is_given) {
        None => Ok(()),
        Some((name, _)) => {
            let message = format!("a file has no use for `{name}`");
            let field = format!("script.source.{name}");
            Err(CapabilityError::new(Reason::InvalidRequest, message).with_field(field))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    struct Workspace {
        _directory: tempfile::TempDir,
        root: PathBuf,
        source: FileSource,
    }

    fn workspace() -> Workspace {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().join("workspace");
        fs::create_dir_all(root.join("playbooks")).unwrap();
        fs::write(root.join("a.py"), "print(1)").unwrap();
        fs::write(directory.path().join("outside.py"), "print(2)").unwrap();
        symlink("../a.py", root.join("playbooks/link.py")).unwrap();
        symlink("../../outside.py", root.join("playbooks/out.py")).unwrap();
        let source = FileSource::new(root.join("playbooks"), &root);
        Workspace {
            _directory: directory,
            root,
            source,
        }
    }

    async fn fetch(
        source: &FileSource,
        uri: &str,
        options: FetchOptions,
    ) -> Result<String, Reason> {
        let request = FetchRequest {
            uri: uri.to_owned(),
            options,
        };
        let fetched = source.fetch(request).await.map_err(|error| error.reason);
        fetched.map(|object| String::from_utf8(object.bytes.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn reads_files_of_the_workspace_by_any_name() {
        let Workspace {
            root,
            source,
            _directory,
        } = workspace();
        let absolute = root.join("a.py").display().to_string();
        for uri in [
            "../a.py",
            "link.py",
            "./../a.py",
            &absolute,
            &format!("file://{absolute}"),
        ] {
            assert_eq!(
                fetch(&source, uri, FetchOptions::default()).await,
                Ok("print(1)".to_owned())
            );
        }
    }

    #[tokio::test]
    async fn no_path_and_no_link_leads_out_of_the_workspace() {
        let Workspace {
            source, _directory, ..
        } = workspace();
        for uri in [
            "../../outside.py",
            "out.py",
            "/etc/passwd",
            "file:///etc/passwd",
        ] {
            let denied = fetch(&source, uri, FetchOptions::default()).await;
            assert_eq!(denied, Err(Reason::FetchDenied), "{uri}");
        }
    }

    #[tokio::test]
    async fn tells_what_is_wrong() {
        let Workspace {
            source, _directory, ..
        } = workspace();
        let limited = FetchOptions {
            max_bytes: 7,
            ..FetchOptions::default()
        };
        let with_region = FetchOptions {
            region: Some("x".to_owned()),
            ..FetchOptions::default()
        };
        let cases = [
            ("missing.py", FetchOptions::default(), Reason::FetchNotFound),
            (".", FetchOptions::default(), Reason::FetchFailed),
            ("../a.py", limited, Reason::TooLarge),
            ("../a.py", with_region, Reason::InvalidRequest),
        ];
        for (uri, options, reason) in cases {
            assert_eq!(fetch(&source, uri, options).await, Err(reason), "{uri}");
        }
    }
}
