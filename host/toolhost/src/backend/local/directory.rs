use std::fs::{self, DirBuilder, File, Metadata, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, OFlags, flock};
use rustix::process::geteuid;

use super::removal::remove;

/// The file that the host of a job keeps locked.
const LOCK_FILE: &str = "host.lock";
/// Only the host's user may access a job's directory: scripts and arguments contain secrets.
const DIRECTORY_MODE: u32 = 0o700;
/// The script may be the program itself.
const SCRIPT_MODE: u32 = 0o700;
const ARGUMENTS_MODE: u32 = 0o600;
/// Write permission for the group and others.
const FOREIGN_WRITE: u32 = 0o022;

/// A job's directory; removed when it is dropped.
#[derive(Debug)]
pub(super) struct JobDirectory {
    path: PathBuf,
    /// Locked for as long as the host lives: the kernel unlocks it, however the host ends.
    _lock: File,
}

/// An attempt's directory; removed by [`AttemptDirectory::remove`], or with the job's.
#[derive(Debug)]
pub(super) struct AttemptDirectory {
    path: PathBuf,
}

/// Why a job's directory could not be created.
#[derive(Debug, thiserror::Error)]
pub(super) enum DirectoryError {
    /// The parent could not be created, or written to.
    #[error("cannot create a directory for the job in `{parent}`")]
    Create {
        /// The parent.
        parent: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// Other users could replace the content of the parent.
    #[error("`{parent}` does not belong to this user alone")]
    Foreign {
        /// The parent.
        parent: PathBuf,
    },
}

/// Returns the parent of the directories of jobs: created where it does not exist, and checked.
pub(super) fn work_directory(path: &Path) -> Result<PathBuf, DirectoryError> {
    let failed = |source| DirectoryError::Create {
        parent: path.to_owned(),
        source,
    };
    DirBuilder::new()
        .recursive(true)
        .mode(DIRECTORY_MODE)
        .create(path)
        .map_err(failed)?;
    // In a folder for temporary files any user can have created it, or a link instead of it.
    let metadata = fs::symlink_metadata(path).map_err(failed)?;
    if !belongs_to_this_user(&metadata) {
        return Err(DirectoryError::Foreign {
            parent: path.to_owned(),
        });
    }
    // Programs run in another directory, so every path that they get must be absolute.
    fs::canonicalize(path).map_err(failed)
}

impl JobDirectory {
    /// Creates a new directory in the work directory, whose name begins with that of the job.
    pub(super) fn create(parent: &Path, job_name: &str) -> Result<Self, DirectoryError> {
        let failed = |source| DirectoryError::Create {
            parent: parent.to_owned(),
            source,
        };
        let directory = tempfile::Builder::new()
            .prefix(&format!("{job_name}-"))
            .rand_bytes(12)
            .permissions(fs::Permissions::from_mode(DIRECTORY_MODE))
            .tempdir_in(parent)
            .map_err(failed)?;
        let lock = lock_new(directory.path()).map_err(failed)?;
        Ok(Self {
            path: directory.keep(),
            _lock: lock,
        })
    }

    /// Returns a directory whose host was killed; none where the host is alive.
    pub(super) fn abandoned(path: &Path) -> Option<Self> {
        // A script can have created something else there: opening a pipe would block.
        let flags = OFlags::NONBLOCK | OFlags::NOFOLLOW;
        let lock = OpenOptions::new()
            .read(true)
            .custom_flags(flags.bits().cast_signed())
            .open(path.join(LOCK_FILE))
            .ok()?;
        if !lock.metadata().ok()?.is_file() {
            return None;
        }
        flock(&lock, FlockOperation::NonBlockingLockExclusive).ok()?;
        Some(Self {
            path: path.to_owned(),
            _lock: lock,
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the directory's own name, which is unique.
    pub(super) fn id(&self) -> String {
        let name = self.path.file_name().unwrap_or_default();
        name.to_string_lossy().into_owned()
    }

    /// Returns the path of the script of that name. It has a folder of its own, so that its name cannot conflict with
    /// another file.
    pub(super) fn script_path(&self, file_name: &str) -> PathBuf {
        self.path.join("script").join(file_name)
    }

    /// Returns the path of the arguments.
    pub(super) fn arguments_path(&self) -> PathBuf {
        self.path.join("arguments.json")
    }

    pub(super) fn write_script(&self, file_name: &str, content: &[u8]) -> io::Result<()> {
        make_directory(&self.path.join("script"))?;
        write_new(&self.script_path(file_name), SCRIPT_MODE, content)
    }

    pub(super) fn write_arguments(&self, content: &[u8]) -> io::Result<()> {
        write_new(&self.arguments_path(), ARGUMENTS_MODE, content)
    }

    pub(super) fn attempt(&self, attempt: u32) -> io::Result<AttemptDirectory> {
        let path = self.path.join(format!("attempt-{attempt}"));
        make_directory(&path)?;
        let directory = AttemptDirectory { path };
        make_directory(&directory.work())?;
        make_directory(&directory.temporary())?;
        Ok(directory)
    }
}

impl Drop for JobDirectory {
    fn drop(&mut self) {
        remove(&self.path);
    }
}

impl AttemptDirectory {
    /// Returns the working directory, which is also the home.
    pub(super) fn work(&self) -> PathBuf {
        self.path.join("work")
    }

    /// Returns the directory for temporary files.
    pub(super) fn temporary(&self) -> PathBuf {
        self.path.join("tmp")
    }

    pub(super) fn remove(self) {
        remove(&self.path);
    }
}

fn belongs_to_this_user(metadata: &Metadata) -> bool {
    metadata.is_dir()
        && metadata.uid() == geteuid().as_raw()
        && metadata.mode() & FOREIGN_WRITE == 0
}

/// Creates the lock, and locks it before it is visible under its name.
fn lock_new(directory: &Path) -> io::Result<File> {
    let unseen = directory.join(format!("{LOCK_FILE}.new"));
    let lock = File::create_new(&unseen)?;
    flock(&lock, FlockOperation::NonBlockingLockExclusive)?;
    fs::rename(unseen, directory.join(LOCK_FILE))?;
    Ok(lock)
}

fn make_directory(path: &Path) -> io::Result<()> {
    DirBuilder::new().mode(DIRECTORY_MODE).create(path)
}

fn write_new(path: &Path, mode: u32, content: &[u8]) -> io::Result<()> {
    let mut file: File = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)?;
    file.write_all(content)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn parent() -> tempfile::TempDir {
        tempfile::tempdir().unwrap()
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().mode() & 0o777
    }

    #[test]
    fn other_users_have_no_access() {
        let parent = parent();
        let work_directory = work_directory(&parent.path().join("a/b")).unwrap();
        let directory = JobDirectory::create(&work_directory, "job").unwrap();
        directory.write_script("main.py", b"x").unwrap();
        directory.write_arguments(b"{}").unwrap();
        assert_eq!(mode(directory.path()), 0o700);
        assert_eq!(mode(&directory.script_path("main.py")), 0o700);
        assert_eq!(mode(&directory.arguments_path()), 0o600);
    }

    #[test]
    fn a_directory_belongs_to_a_host_until_it_is_dropped() {
        let parent = parent();
        let directory = JobDirectory::create(parent.path(), "job").unwrap();
        let path = directory.path().to_owned();
        assert!(JobDirectory::abandoned(&path).is_none());
        drop(directory);
        assert!(!path.exists());
    }

    #[test]
    fn a_directory_is_abandoned_when_its_host_is_gone() {
        let parent = parent();
        let path = parent.path().join("job");
        fs::create_dir(&path).unwrap();
        // A directory that is being created has no lock yet.
        assert!(JobDirectory::abandoned(&path).is_none());
        fs::write(path.join(LOCK_FILE), "").unwrap();
        drop(JobDirectory::abandoned(&path).unwrap());
        assert!(!path.exists());
    }

    #[test]
    fn a_directory_is_not_abandoned_where_its_lock_is_a_pipe_or_a_link() {
        let parent = parent();
        let [pipe, link] = ["pipe", "link"].map(|name| parent.path().join(name));
        fs::create_dir(&pipe).unwrap();
        let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
        rustix::fs::mkfifoat(rustix::fs::CWD, pipe.join(LOCK_FILE), mode).unwrap();
        fs::create_dir(&link).unwrap();
        fs::write(parent.path().join("file"), "").unwrap();
        symlink("../file", link.join(LOCK_FILE)).unwrap();
        for path in [pipe, link] {
            assert!(JobDirectory::abandoned(&path).is_none());
        }
    }

    #[test]
    fn a_parent_that_others_can_write_to_is_refused() {
        let parent = parent();
        let shared = parent.path().join("shared");
        fs::create_dir(&shared).unwrap();
        fs::set_permissions(&shared, fs::Permissions::from_mode(0o777)).unwrap();
        let link = parent.path().join("link");
        symlink(parent.path(), &link).unwrap();
        for parent in [shared, link] {
            let error = work_directory(&parent).unwrap_err();
            assert!(matches!(error, DirectoryError::Foreign { .. }), "{error}");
        }
    }
}
