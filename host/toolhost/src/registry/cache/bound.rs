//! The size of the cache.

use std::io;
use std::time::{Duration, SystemTime};

use super::name::KEY_FILE;
use crate::filesystem::{PrivateDirectory, PrivateFile};

/// The maximum size of all compiled components together: twenty with an interpreter (100 MB each), or a thousand others.
pub(super) const MAX_BYTES: u64 = 2 << 30;
/// The age at which a file that is still being written was abandoned: a file of 1 GB is written in less than a minute.
const ABANDONED_AFTER: Duration = Duration::from_hours(1);
/// How the names of files begin that are still being written.
const TEMPORARY: char = '.';

/// Removes the least recently used components until the others have at most `max_bytes`, and what killed hosts left behind.
/// `newest`, which was just written, stays.
///
/// # Errors
///
/// If the folder cannot be read. What cannot be removed stays, and is tried again next time.
pub(super) fn trim(directory: &PrivateDirectory, newest: &str, max_bytes: u64) -> io::Result<()> {
    let files = directory.files()?;
    let (temporary, mut kept): (Vec<_>, Vec<_>) = files
        .filter(|file| file.name != KEY_FILE)
        .partition(|file| file.name.starts_with(TEMPORARY));
    let is_abandoned = |file: &PrivateFile| {
        let age = SystemTime::now().duration_since(file.used);
        age.is_ok_and(|age| age > ABANDONED_AFTER)
    };
    for file in temporary.iter().filter(|file| is_abandoned(file)) {
        remove(directory, file);
    }
    kept.sort_by_key(|file| (file.name != newest, std::cmp::Reverse(file.used)));
    let mut total_bytes = 0;
    for file in &kept {
        total_bytes += file.bytes;
        if total_bytes > max_bytes && file.name != newest {
            remove(directory, file);
        }
    }
    Ok(())
}

/// Another host may have removed it meanwhile.
fn remove(directory: &PrivateDirectory, file: &PrivateFile) {
    if let Err(error) = directory.remove(&file.name) {
        tracing::debug!(file = file.name, %error, "cannot remove a cached component");
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;

    fn directory(files: &[(&str, u64)]) -> (tempfile::TempDir, PrivateDirectory) {
        let folder = tempfile::tempdir().unwrap();
        let directory = PrivateDirectory::open(&folder.path().join("cache")).unwrap();
        for (name, age_minutes) in files {
            directory.write(name, &[&[0; 100]]).unwrap();
            let file = File::open(directory.path().join(name)).unwrap();
            let age = Duration::from_mins(*age_minutes);
            file.set_modified(SystemTime::now() - age).unwrap();
        }
        (folder, directory)
    }

    fn names(directory: &PrivateDirectory) -> Vec<String> {
        let mut names: Vec<_> = directory.names().unwrap().collect();
        names.sort();
        names
    }

    #[test]
    fn the_least_recently_used_components_are_removed_first() {
        let (_folder, directory) = directory(&[("a", 30), ("b", 10), ("c", 20), ("new", 0)]);
        trim(&directory, "new", 400).unwrap();
        assert_eq!(names(&directory), ["a", "b", "c", "new"]);
        directory.mark_used("a").unwrap();
        trim(&directory, "new", 399).unwrap();
        assert_eq!(names(&directory), ["a", "b", "new"]);
        trim(&directory, "new", 200).unwrap();
        assert_eq!(names(&directory), ["a", "new"]);
    }

    #[test]
    fn the_new_component_and_the_key_stay_even_if_they_exceed_the_limit() {
        let (_folder, directory) = directory(&[("a", 0), ("new", 5), (KEY_FILE, 90)]);
        trim(&directory, "new", 50).unwrap();
        assert_eq!(names(&directory), [KEY_FILE, "new"]);
    }

    #[test]
    fn an_abandoned_file_is_removed_and_one_that_is_being_written_is_not() {
        let (_folder, directory) = directory(&[(".0", 61), (".1", 1), ("new", 0)]);
        trim(&directory, "new", 1_000).unwrap();
        assert_eq!(names(&directory), [".1", "new"]);
    }
}
