use std::fs::{self, DirBuilder, File, Metadata, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::process::geteuid;

/// Nobody else may look into a job's directory: scripts and arguments hold secrets.
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
}

/// An attempt's directory; removed by [`AttemptDirectory::remove`], or with the job's.
#[derive(Debug)]
pub(super) struct AttemptDirectory {
    path: PathBuf,
}

/// Why a job's directory could not be made.
#[derive(Debug, thiserror::Error)]
pub(super) enum DirectoryError {
    /// The parent could not be made, or written to.
    #[error("cannot make a directory for the job in `{parent}`")]
    Create {
        /// The parent.
        parent: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// Someone else could replace what is in the parent.
    #[error("`{parent}` does not belong to this user alone")]
    Foreign {
        /// The parent.
        parent: PathBuf,
    },
}

impl JobDirectory {
    /// Makes a new directory in `parent`, whose name begins with that of the job.
    pub(super) fn create(parent: &Path, job_name: &str) -> Result<Self, DirectoryError> {
        let failed = |source| DirectoryError::Create {
            parent: parent.to_owned(),
            source,
        };
        DirBuilder::new()
            .recursive(true)
            .mode(DIRECTORY_MODE)
            .create(parent)
            .map_err(failed)?;
        // In a folder for temporary files anyone can have made the parent, or a link in its place.
        let metadata = fs::symlink_metadata(parent).map_err(failed)?;
        if !belongs_to_this_user(&metadata) {
            return Err(DirectoryError::Foreign {
                parent: parent.to_owned(),
            });
        }
        // Programs run in another directory, so every path that they get must be absolute.
        let parent = fs::canonicalize(parent).map_err(failed)?;
        let directory = tempfile::Builder::new()
            .prefix(&format!("{job_name}-"))
            .rand_bytes(12)
            .permissions(fs::Permissions::from_mode(DIRECTORY_MODE))
            .tempdir_in(&parent)
            .map_err(failed)?;
        Ok(Self {
            path: directory.keep(),
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The directory's own name, which no other job has.
    pub(super) fn id(&self) -> String {
        let name = self.path.file_name().unwrap_or_default();
        name.to_string_lossy().into_owned()
    }

    /// Where the script of that name is, or will be. It has a folder of its own, so that whatever it is
    /// called it is in nobody's way.
    pub(super) fn script_path(&self, file_name: &str) -> PathBuf {
        self.path.join("script").join(file_name)
    }

    /// Where the arguments are, or will be.
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
    /// The working directory, which is also the home.
    pub(super) fn work(&self) -> PathBuf {
        self.path.join("work")
    }

    /// The directory for temporary files.
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

/// Removes a directory and everything in it. Whoever wrote into it is gone.
fn remove(path: &Path) {
    if let Err(error) = remove_tree(path) {
        tracing::warn!(path = %path.display(), %error, "a job's directory could not be removed");
    }
}

/// Removes a tree, however deep it is and whatever its permissions are.
///
/// A script can nest directories deeper than a recursion or a path can go. So no directory is entered:
/// the directories in it are moved up beside it, and it is removed when it is empty.
fn remove_tree(root: &Path) -> io::Result<()> {
    let mut moved: u64 = 0;
    let mut is_empty = false;
    while !is_empty {
        is_empty = true;
        make_accessible(root)?;
        for entry in fs::read_dir(root)? {
            is_empty = false;
            let entry = entry?;
            if !entry.file_type()?.is_dir() {
                fs::remove_file(entry.path())?;
                continue;
            }
            make_accessible(&entry.path())?;
            for inner in fs::read_dir(entry.path())? {
                let inner = inner?;
                if inner.file_type()?.is_dir() {
                    // Moving a directory changes its entry `..`, which needs permission to write it.
                    make_accessible(&inner.path())?;
                    move_to_unused(&inner.path(), root, &mut moved)?;
                } else {
                    fs::remove_file(inner.path())?;
                }
            }
            fs::remove_dir(entry.path())?;
        }
    }
    fs::remove_dir(root)
}

fn make_accessible(directory: &Path) -> io::Result<()> {
    fs::set_permissions(directory, fs::Permissions::from_mode(DIRECTORY_MODE))
}

fn move_to_unused(directory: &Path, root: &Path, counter: &mut u64) -> io::Result<()> {
    loop {
        let target = root.join(format!("moved-{counter}"));
        *counter += 1;
        // A script may have used the name: a rename would fail, or replace an empty directory.
        if fs::symlink_metadata(&target).is_err() {
            return fs::rename(directory, target);
        }
    }
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
    fn lets_nobody_else_look() {
        let parent = parent();
        let directory = JobDirectory::create(&parent.path().join("a/b"), "job").unwrap();
        directory.write_script("main.py", b"x").unwrap();
        directory.write_arguments(b"{}").unwrap();
        assert_eq!(mode(directory.path()), 0o700);
        assert_eq!(mode(&directory.script_path("main.py")), 0o700);
        assert_eq!(mode(&directory.arguments_path()), 0o600);
    }

    #[test]
    fn removes_everything_whatever_a_script_made_of_it() {
        let parent = parent();
        let outside = parent.path().join("outside");
        fs::create_dir(&outside).unwrap();
        fs::write(outside.join("kept"), "x").unwrap();

        let directory = JobDirectory::create(&parent.path().join("jobs"), "job").unwrap();
        let work = directory.attempt(1).unwrap().work();
        symlink(&outside, work.join("link")).unwrap();
        fs::create_dir_all(work.join("moved-0/moved-1/moved-0")).unwrap();
        fs::create_dir_all(directory.path().join("moved-2/x/y")).unwrap();
        fs::create_dir_all(work.join("locked/in")).unwrap();
        fs::set_permissions(work.join("locked/in"), fs::Permissions::from_mode(0o000)).unwrap();
        fs::set_permissions(work.join("locked"), fs::Permissions::from_mode(0o000)).unwrap();
        let path = directory.path().to_owned();
        drop(directory);
        assert!(!path.exists());
        assert!(outside.join("kept").exists());
    }

    #[test]
    fn removes_what_is_deeper_than_a_path_can_be() {
        let parent = parent();
        let directory = JobDirectory::create(parent.path(), "job").unwrap();
        let name = "d".repeat(200);
        // Built from the inside out, since the whole path would be longer than PATH_MAX.
        let mut tree = directory.path().join("tree");
        fs::create_dir(&tree).unwrap();
        for level in 0..60 {
            let outer = directory.path().join(format!("outer-{level}"));
            fs::create_dir(&outer).unwrap();
            fs::rename(&tree, outer.join(&name)).unwrap();
            tree = outer;
        }
        let path = directory.path().to_owned();
        drop(directory);
        assert!(!path.exists());
    }

    #[test]
    fn refuses_a_parent_that_others_can_write_to() {
        let parent = parent();
        let shared = parent.path().join("shared");
        fs::create_dir(&shared).unwrap();
        fs::set_permissions(&shared, fs::Permissions::from_mode(0o777)).unwrap();
        let link = parent.path().join("link");
        symlink(parent.path(), &link).unwrap();
        for parent in [shared, link] {
            let error = JobDirectory::create(&parent, "job").unwrap_err();
            assert!(matches!(error, DirectoryError::Foreign { .. }), "{error}");
        }
    }
}
