use std::fs::{self, DirEntry};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// The mode that allows a directory to be read, emptied and moved.
const ACCESSIBLE: u32 = 0o700;

/// Removes a directory and everything in it, and logs a failure. The processes that wrote to it are gone.
pub(super) fn remove(path: &Path) {
    if let Err(error) = remove_tree(path) {
        tracing::warn!(path = %path.display(), %error, "a job's directory could not be removed");
    }
}

/// Removes a tree, however deep it is and whatever its permissions are.
///
/// A script can nest directories deeper than a recursion or a path can go. Therefore no directory is entered: the
/// directories in it are moved up next to it, and it is removed when it is empty. An entry that cannot be removed does
/// not keep the rest.
fn remove_tree(root: &Path) -> io::Result<()> {
    let mut moved: u64 = 0;
    loop {
        make_accessible(root)?;
        let mut is_progress = false;
        let mut failed = Ok(());
        for entry in fs::read_dir(root)? {
            match remove_entry(&entry?, root, &mut moved) {
                Ok(()) => is_progress = true,
                Err(error) => failed = failed.and(Err(error)),
            }
        }
        if !is_progress {
            return failed.and_then(|()| fs::remove_dir(root));
        }
    }
}

/// Removes a file, or a directory whose subdirectories are moved to `root` before.
fn remove_entry(entry: &DirEntry, root: &Path, moved: &mut u64) -> io::Result<()> {
    let path = entry.path();
    if !entry.file_type()?.is_dir() {
        return fs::remove_file(path);
    }
    make_accessible(&path)?;
    let mut failed = Ok(());
    for inner in fs::read_dir(&path)? {
        let inner = inner?;
        let result = if inner.file_type()?.is_dir() {
            // Moving a directory changes its entry `..`, which needs permission to write it.
            make_accessible(&inner.path()).and_then(|()| move_up(&inner.path(), root, moved))
        } else {
            fs::remove_file(inner.path())
        };
        failed = failed.and(result);
    }
    failed.and_then(|()| fs::remove_dir(path))
}

fn make_accessible(directory: &Path) -> io::Result<()> {
    fs::set_permissions(directory, fs::Permissions::from_mode(ACCESSIBLE))
}

/// Moves a directory to an unused name in `root`.
fn move_up(directory: &Path, root: &Path, moved: &mut u64) -> io::Result<()> {
    loop {
        let target = root.join(format!("moved-{moved}"));
        *moved += 1;
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

    #[test]
    fn everything_is_removed_whatever_a_script_did_to_it() {
        let parent = tempfile::tempdir().unwrap();
        let outside = parent.path().join("outside");
        fs::create_dir(&outside).unwrap();
        fs::write(outside.join("kept"), "x").unwrap();

        let root = parent.path().join("root");
        let work = root.join("work");
        fs::create_dir_all(&work).unwrap();
        symlink(&outside, work.join("link")).unwrap();
        fs::create_dir_all(work.join("moved-0/moved-1/moved-0")).unwrap();
        fs::create_dir_all(root.join("moved-2/x/y")).unwrap();
        fs::create_dir_all(work.join("locked/in")).unwrap();
        for locked in ["locked/in", "locked"] {
            let none = fs::Permissions::from_mode(0o000);
            fs::set_permissions(work.join(locked), none).unwrap();
        }
        remove(&root);
        assert!(!root.exists());
        assert!(outside.join("kept").exists());
    }

    #[test]
    fn a_tree_that_is_deeper_than_a_path_can_be_is_removed() {
        let parent = tempfile::tempdir().unwrap();
        let root = parent.path().join("root");
        fs::create_dir_all(root.join("tree")).unwrap();
        let name = "d".repeat(200);
        // Built from the inside out, since the whole path would be longer than PATH_MAX.
        let mut tree = root.join("tree");
        for level in 0..60 {
            let outer = root.join(format!("outer-{level}"));
            fs::create_dir(&outer).unwrap();
            fs::rename(&tree, outer.join(&name)).unwrap();
            tree = outer;
        }
        remove(&root);
        assert!(!root.exists());
    }

    #[test]
    fn a_missing_directory_is_reported() {
        assert!(remove_tree(Path::new("/no-such-folder/at-all")).is_err());
    }
}
