use std::fs::{self, File};
use std::io::{self, ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use cap_std::ambient_authority;
use cap_std::fs::{Dir, OpenOptions, OpenOptionsExt as _};
use rustix::fs::OFlags;
use tokio::task::spawn_blocking;

use crate::capability::{
    CapabilityError, FetchOptions, FetchRequest, FieldPath, Hint, Object, ObjectMetadata,
    ObjectSource, Reason, Setting,
};

/// Files below one folder, the workspace.
///
/// Links are resolved before it is decided whether a file is in the workspace, so that no link leads out of it; and the
/// kernel checks again when the file is opened, so that the same holds for links that are created in between.
#[derive(Debug, Clone)]
pub struct FileSource {
    /// The folder that relative paths are relative to.
    base: PathBuf,
    /// The folder that must contain every file.
    workspace: PathBuf,
}

impl FileSource {
    /// Creates a source for the files below `workspace`; relative paths are relative to `base`.
    #[must_use]
    pub fn new(base: impl Into<PathBuf>, workspace: impl Into<PathBuf>) -> Self {
        Self {
            base: base.into(),
            workspace: workspace.into(),
        }
    }

    fn read(&self, uri: &str, max_bytes: u64) -> Result<Object, CapabilityError> {
        let failed = |error| failed(uri, &error);
        let (file, path) = self.open(uri)?;
        if !file.metadata().map_err(failed)?.is_file() {
            let message = format!("`{uri}` is not a regular file");
            return Err(CapabilityError::new(Reason::FetchFailed, message).with_field("uri"));
        }
        // One more byte distinguishes a file that is too large from one that just fits, even while it grows.
        let mut bytes = Vec::new();
        let mut limited = file.take(max_bytes.saturating_add(1));
        limited.read_to_end(&mut bytes).map_err(failed)?;
        if bytes.len() as u64 > max_bytes {
            let message = format!("`{uri}` is larger than {max_bytes} bytes");
            return Err(CapabilityError::new(Reason::TooLarge, message).with_field("uri"));
        }
        let mut metadata = ObjectMetadata::default();
        metadata.uri = Some(format!("file://{}", path.display()));
        let bytes = bytes.into();
        Ok(Object { bytes, metadata })
    }

    /// Opens the file, and returns its path without links.
    fn open(&self, uri: &str) -> Result<(File, PathBuf), CapabilityError> {
        let failed = |error| failed(uri, &error);
        let path = self.base.join(uri.strip_prefix("file://").unwrap_or(uri));
        let workspace = fs::canonicalize(&self.workspace).map_err(failed)?;
        let folder = Dir::open_ambient_dir(&workspace, ambient_authority()).map_err(failed)?;
        let path = fs::canonicalize(path).map_err(failed)?;
        let below = path
            .strip_prefix(&workspace)
            .map_err(|_| outside(uri, &workspace))?;
        let opened = open_below(&folder, below).map_err(|error| {
            // Such an error is not from a system call: a component of the path has become a link in the meantime.
            if error.kind() == ErrorKind::PermissionDenied && error.raw_os_error().is_none() {
                outside(uri, &workspace)
            } else {
                failed(error)
            }
        });
        opened.map(|file| (file, path))
    }
}

/// Opens a file without leaving the folder: with `openat2` and `RESOLVE_BENEATH`, or step by step where the kernel does
/// not support that.
fn open_below(folder: &Dir, path: &Path) -> io::Result<File> {
    let path = if path.as_os_str().is_empty() {
        Path::new(".")
    } else {
        path
    };
    let mut options = OpenOptions::new();
    // Opening a pipe would block, and a terminal would become that of this process.
    let flags = (OFlags::NONBLOCK | OFlags::NOCTTY).bits().cast_signed();
    options.read(true).custom_flags(flags);
    folder
        .open_with(path, &options)
        .map(cap_std::fs::File::into_std)
}

fn outside(uri: &str, workspace: &Path) -> CapabilityError {
    let workspace = workspace.display();
    let message = format!("`{uri}` is outside of the workspace `{workspace}`");
    CapabilityError::new(Reason::FetchDenied, message)
        .with_hint(
            Hint::from("move the file into the workspace, or choose another workspace")
                .setting(Setting::Workspace),
        )
        .with_field("uri")
}

#[async_trait]
impl ObjectSource for FileSource {
    async fn fetch(&self, request: FetchRequest) -> Result<Object, CapabilityError> {
        let FetchRequest { uri, options } = request;
        refuse_options_of_others(&options)?;
        let source = self.clone();
        // One switch to the blocking threads and back: each switch costs more than the work there.
        let reading = spawn_blocking(move || source.read(&uri, options.max_bytes));
        reading.await.unwrap_or_else(|error| {
            let message = format!("reading the file was interrupted: {error}");
            Err(CapabilityError::new(Reason::Internal, message))
        })
    }

    async fn at_hand(&self, request: &FetchRequest) -> Option<Object> {
        self.fetch(request.clone()).await.ok()
    }
}

fn failed(uri: &str, error: &io::Error) -> CapabilityError {
    let (reason, hint) = match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => (
            Reason::FetchNotFound,
            "check the path: relative paths are relative to the playbook's folder",
        ),
        ErrorKind::PermissionDenied => (
            Reason::FetchDenied,
            "allow the user that runs this host to read it",
        ),
        _ => (Reason::FetchFailed, "check the file"),
    };
    CapabilityError::new(reason, format!("cannot read `{uri}`: {error}"))
        .with_hint(hint)
        .with_field("uri")
}

/// Refuses options that have no effect: they would be a hidden mistake.
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
            let message = format!("a file does not support `{name}`");
            let field = FieldPath::from(name);
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
        let fetched = source
            .fetch(request)
            .await
            .map_err(|error| error.explanation.reason);
        fetched.map(|object| String::from_utf8(object.bytes.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn files_of_the_workspace_are_read_by_any_name() {
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
    async fn links_within_the_workspace_are_followed() {
        let Workspace {
            root,
            source,
            _directory,
        } = workspace();
        symlink(root.join("a.py"), root.join("playbooks/absolute.py")).unwrap();
        symlink(&root, root.join("playbooks/up")).unwrap();
        symlink("absolute.py", root.join("playbooks/chain.py")).unwrap();
        for uri in ["absolute.py", "up/a.py", "up/playbooks/up/a.py", "chain.py"] {
            let fetched = fetch(&source, uri, FetchOptions::default()).await;
            assert_eq!(fetched, Ok("print(1)".to_owned()), "{uri}");
        }
    }

    /// The path is valid when it is checked, and changed before it is opened.
    #[test]
    fn a_link_that_appears_after_the_check_is_not_followed() {
        let Workspace {
            root, _directory, ..
        } = workspace();
        let folder = Dir::open_ambient_dir(&root, ambient_authority()).unwrap();
        symlink("../outside.py", root.join("file.py")).unwrap();
        symlink(root.join(".."), root.join("folder")).unwrap();
        symlink("..", root.join("parent")).unwrap();
        for path in ["file.py", "folder/outside.py", "parent/outside.py"] {
            let refused = open_below(&folder, Path::new(path)).unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::PermissionDenied, "{path}");
        }
        let mut text = String::new();
        let mut file = open_below(&folder, Path::new("a.py")).unwrap();
        file.read_to_string(&mut text).unwrap();
        assert_eq!(text, "print(1)");
    }

    /// Replaces a script by a link that leads out while it is fetched.
    #[tokio::test(flavor = "multi_thread")]
    async fn no_swap_while_a_file_is_fetched_leads_out_of_the_workspace() {
        const FETCHES: usize = 2_000;
        let Workspace {
            root,
            source,
            _directory,
        } = workspace();
        let folder = root.join("..");
        let over = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
        let swapper = {
            let over = std::sync::Arc::clone(&over);
            let script = root.join("a.py");
            std::thread::spawn(move || {
                while !over.load(std::sync::atomic::Ordering::Relaxed) {
                    symlink(folder.join("outside.py"), folder.join("link")).unwrap();
                    fs::rename(folder.join("link"), &script).unwrap();
                    fs::write(folder.join("plain"), "print(1)").unwrap();
                    fs::rename(folder.join("plain"), &script).unwrap();
                }
            })
        };
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..FETCHES {
            seen.insert(fetch(&source, "../a.py", FetchOptions::default()).await);
        }
        over.store(true, std::sync::atomic::Ordering::Relaxed);
        swapper.join().unwrap();
        assert!(seen.contains(&Ok("print(1)".to_owned())), "{seen:?}");
        assert!(!seen.contains(&Ok("print(2)".to_owned())), "{seen:?}");
    }

    #[tokio::test]
    async fn a_pipe_is_refused_without_waiting() {
        let Workspace {
            root,
            source,
            _directory,
        } = workspace();
        let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
        rustix::fs::mkfifoat(rustix::fs::CWD, root.join("pipe.py"), mode).unwrap();
        symlink("../pipe.py", root.join("playbooks/pipe.py")).unwrap();
        for uri in ["../pipe.py", "pipe.py"] {
            let refused = fetch(&source, uri, FetchOptions::default()).await;
            assert_eq!(refused, Err(Reason::FetchFailed), "{uri}");
        }
    }

    #[tokio::test]
    async fn the_cause_of_a_failure_is_reported() {
        let Workspace {
            source, _directory, ..
        } = workspace();
        let mut limited = FetchOptions::default();
        limited.max_bytes = 7;
        let mut with_region = FetchOptions::default();
        with_region.region = Some("x".to_owned());
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
