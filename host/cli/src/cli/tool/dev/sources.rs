use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};
use tokio::sync::mpsc;

/// The sources of a project, and a wait for a change of them.
///
/// What builds write is not a source: components, lock files, hidden files, and the folders of toolchains.
#[derive(Debug)]
pub(super) struct SourceWatch {
    root: PathBuf,
    events: Arc<OwnedFd>,
    changes: mpsc::Receiver<()>,
}

/// The folders of toolchains, which change with every build.
const BUILT_FOLDERS: [&str; 5] = ["__pycache__", "build", "dist", "node_modules", "target"];
const LOCK_FILES: [&str; 3] = ["Cargo.lock", "package-lock.json", "uv.lock"];
/// The maximum number of watched folders; a tool has a few.
const MAX_FOLDERS: usize = 1_000;
/// How long nothing may change until a change is complete: an editor writes a file in several steps.
const SETTLE_TIME: Duration = Duration::from_millis(100);
/// The size of the buffer for events, which holds some dozens; further ones are read afterwards.
const BUFFER_BYTES: usize = 4 << 10;

impl SourceWatch {
    /// Watches the sources of the project in `root`.
    ///
    /// # Errors
    ///
    /// If the folder cannot be read, or the system has no watch left.
    pub(super) fn new(root: &Path) -> io::Result<Self> {
        let events = Arc::new(inotify::init(CreateFlags::CLOEXEC)?);
        // One change that is not read yet says as much as many.
        let (sender, changes) = mpsc::channel(1);
        let watch = Self {
            root: root.to_owned(),
            events: Arc::clone(&events),
            changes,
        };
        watch.add_folders()?;
        // A thread of its own, which waits for the next event until the process ends.
        std::thread::Builder::new()
            .name("source-watch".to_owned())
            .spawn(move || report_changes(&events, &sender))?;
        Ok(watch)
    }

    /// Waits until a source changes, and then until none has changed for a moment.
    ///
    /// # Errors
    ///
    /// An error of the system.
    pub(super) async fn changed(&mut self) -> io::Result<()> {
        let ended = || io::Error::other("the system reports no more changes");
        self.changes.recv().await.ok_or_else(ended)?;
        while let Ok(more) = tokio::time::timeout(SETTLE_TIME, self.changes.recv()).await {
            more.ok_or_else(ended)?;
        }
        // A folder may be new. Those that are watched stay so.
        self.add_folders()
    }

    fn add_folders(&self) -> io::Result<()> {
        let flags = WatchFlags::CLOSE_WRITE
            | WatchFlags::CREATE
            | WatchFlags::DELETE
            | WatchFlags::MOVED_FROM
            | WatchFlags::MOVED_TO;
        let mut folders = vec![self.root.clone()];
        let mut watched = 0;
        while let Some(folder) = folders.pop() {
            inotify::add_watch(&*self.events, &folder, flags)?;
            watched += 1;
            if watched == MAX_FOLDERS {
                return Ok(());
            }
            for entry in std::fs::read_dir(&folder)?.filter_map(Result::ok) {
                let name = entry.file_name().to_string_lossy().into_owned();
                let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
                if is_folder && is_source(&name) {
                    folders.push(entry.path());
                }
            }
        }
        Ok(())
    }
}

/// Reads events until no one waits for changes, or the system fails.
fn report_changes(events: &OwnedFd, changes: &mpsc::Sender<()>) {
    let mut buffer = [MaybeUninit::uninit(); BUFFER_BYTES];
    let mut reader = inotify::Reader::new(events, &mut buffer);
    while let Ok(event) = reader.next() {
        let name = event.file_name().map(|name| name.to_string_lossy());
        // Without a name, events were lost.
        let has_changed = name.is_some_and(|name| is_source(&name))
            || event.events().contains(ReadFlags::QUEUE_OVERFLOW);
        if has_changed
            && matches!(
                changes.try_send(()),
                Err(mpsc::error::TrySendError::Closed(()))
            )
        {
            return;
        }
    }
}

fn is_source(name: &str) -> bool {
    let is_hidden = name.starts_with('.');
    let is_component = Path::new(name)
        .extension()
        .is_some_and(|extension| extension == "wasm" || extension == "partial");
    !is_hidden && !is_component && !BUILT_FOLDERS.contains(&name) && !LOCK_FILES.contains(&name)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[tokio::test]
    async fn a_change_of_a_source_is_seen_and_what_a_build_writes_is_not() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("src")).unwrap();
        fs::create_dir_all(folder.path().join("target")).unwrap();
        let mut watch = SourceWatch::new(folder.path()).unwrap();
        for built in ["target/x", "greet.wasm", ".hidden", "Cargo.lock"] {
            fs::write(folder.path().join(built), "x").unwrap();
        }
        fs::write(folder.path().join("src/lib.rs"), "x").unwrap();
        watch.changed().await.unwrap();
        assert!(!is_source("greet.wasm") && is_source("greet.rs"));
        fs::create_dir(folder.path().join("src/new")).unwrap();
        watch.changed().await.unwrap();
        fs::write(folder.path().join("src/new/a.rs"), "x").unwrap();
        watch.changed().await.unwrap();
        fs::rename(
            folder.path().join("src/lib.rs"),
            folder.path().join("src/main.rs"),
        )
        .unwrap();
        watch.changed().await.unwrap();
    }
}
