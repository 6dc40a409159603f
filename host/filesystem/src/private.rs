use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use std::time::{Duration, SystemTime};

use rustix::fs::{
    AtFlags, Dir, Mode, OFlags, Timespec, Timestamps, UTIME_NOW, UTIME_OMIT, open, openat,
    renameat, statat, unlinkat, utimensat,
};
use rustix::process::geteuid;

use super::regular::{check_regular, read_bounded};

/// A folder of this user that is inaccessible to all others, and its files, which only this user can have
/// written.
///
/// It is opened once, without following a link, and everything in it is opened relative to it: a replacement
/// of the folder is never used.
#[derive(Debug)]
pub struct PrivateDirectory {
    descriptor: OwnedFd,
    path: PathBuf,
    inode: u64,
}

/// An entry of a [`PrivateDirectory`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrivateFile {
    /// Its name.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// When it was written, or marked as used.
    pub used: SystemTime,
}

/// The permission bits of others, which must not be set for the folder.
const OTHERS_MODE: u32 = 0o077;
/// The permission bits beyond reading and writing by the owner, which must not be set for a file.
const BEYOND_OWNER_MODE: u32 = 0o177;
/// The number of random bytes in the name of a temporary file.
const TEMPORARY_NAME_BYTES: usize = 8;

impl PrivateDirectory {
    /// Opens the folder, which is created if it is missing.
    ///
    /// # Errors
    ///
    /// Those of the system, and [`io::ErrorKind::PermissionDenied`] if the folder is a link, belongs to
    /// another user, or is accessible to others.
    pub fn open(path: &Path) -> io::Result<Self> {
        // Without a `/` at the end, which would follow a link.
        let path: PathBuf = path.components().collect();
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&path)?;
        let denied = |why: String| {
            let message = format!("`{}` {why}", path.display());
            io::Error::new(io::ErrorKind::PermissionDenied, message)
        };
        if fs::symlink_metadata(&path)?.is_symlink() {
            return Err(denied("is a link, expected a folder".to_owned()));
        }
        let flags = OFlags::RDONLY
            | OFlags::DIRECTORY
            | OFlags::NOFOLLOW
            | OFlags::NONBLOCK
            | OFlags::CLOEXEC;
        let directory = File::from(open(&path, flags, Mode::empty())?);
        let metadata = directory.metadata()?;
        if metadata.uid() != geteuid().as_raw() {
            return Err(denied(format!("belongs to the user {}", metadata.uid())));
        }
        if metadata.mode() & OTHERS_MODE != 0 {
            let mode = metadata.mode() & 0o777;
            return Err(denied(format!(
                "is accessible to other users: its mode is {mode:03o}, expected 700"
            )));
        }
        Ok(Self {
            descriptor: directory.into(),
            path,
            inode: metadata.ino(),
        })
    }

    /// Its path when it was opened.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its inode number, which a copy of it does not have.
    #[must_use]
    pub fn inode(&self) -> u64 {
        self.inode
    }

    /// The names of its entries, read lazily; names that are not UTF-8 are left out.
    ///
    /// # Errors
    ///
    /// An error of the system.
    pub fn names(&self) -> io::Result<impl Iterator<Item = String>> {
        let entries = Dir::read_from(&self.descriptor)?.map_while(Result::ok);
        let names = entries.filter_map(|entry| entry.file_name().to_str().ok().map(str::to_owned));
        Ok(names.filter(|name| !matches!(name.as_str(), "." | "..")))
    }

    /// Its files, without those that disappear meanwhile.
    ///
    /// # Errors
    ///
    /// An error of the system.
    pub fn files(&self) -> io::Result<impl Iterator<Item = PrivateFile>> {
        Ok(self.names()?.filter_map(|name| {
            let status = statat(&self.descriptor, &name, AtFlags::SYMLINK_NOFOLLOW).ok()?;
            let seconds = Duration::from_secs(u64::try_from(status.st_mtime).ok()?);
            let rest = Duration::from_nanos(status.st_mtime_nsec);
            Some(PrivateFile {
                name,
                bytes: u64::try_from(status.st_size).ok()?,
                used: SystemTime::UNIX_EPOCH + seconds + rest,
            })
        }))
    }

    /// Marks a file as used now.
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub fn mark_used(&self, name: &str) -> io::Result<()> {
        let time = |tv_nsec| Timespec { tv_sec: 0, tv_nsec };
        let now = Timestamps {
            last_access: time(UTIME_OMIT),
            last_modification: time(UTIME_NOW),
        };
        Ok(utimensat(
            &self.descriptor,
            name,
            &now,
            AtFlags::SYMLINK_NOFOLLOW,
        )?)
    }

    /// Removes a file. A process that reads it goes on reading it.
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub fn remove(&self, name: &str) -> io::Result<()> {
        Ok(unlinkat(&self.descriptor, name, AtFlags::empty())?)
    }

    /// Reads a regular file of this user that is inaccessible to all others.
    ///
    /// # Errors
    ///
    /// Those of the system, [`io::ErrorKind::PermissionDenied`] for a file of another user or with a mode
    /// beyond 600, [`io::ErrorKind::InvalidInput`] for what is not a regular file, and
    /// [`io::ErrorKind::FileTooLarge`].
    pub fn read(&self, name: &str, max_bytes: u64) -> io::Result<Vec<u8>> {
        let flags =
            OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let opened = openat(&self.descriptor, name, flags, Mode::empty());
        let file = File::from(opened.map_err(|error| match error {
            rustix::io::Errno::LOOP => {
                io::Error::new(io::ErrorKind::InvalidInput, "not a regular file")
            }
            error => error.into(),
        })?);
        let metadata = file.metadata()?;
        check_regular(metadata.is_file())?;
        let is_own = metadata.uid() == geteuid().as_raw();
        if !is_own || metadata.mode() & BEYOND_OWNER_MODE != 0 {
            let message = format!(
                "it belongs to the user {} with the mode {:03o}, expected this user and 600",
                metadata.uid(),
                metadata.mode() & 0o777
            );
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, message));
        }
        read_bounded(file, max_bytes)
    }

    /// Writes a file atomically: readers see the previous one, or all of this one.
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub fn write(&self, name: &str, parts: &[&[u8]]) -> io::Result<()> {
        let mut random = [0; TEMPORARY_NAME_BYTES];
        getrandom::fill(&mut random).map_err(io::Error::other)?;
        let temporary = format!(".{:016x}", u64::from_ne_bytes(random));
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let mode = Mode::RUSR | Mode::WUSR;
        let mut file = File::from(openat(&self.descriptor, &temporary, flags, mode)?);
        let written = parts.iter().try_for_each(|part| file.write_all(part));
        let put = written.and_then(|()| {
            renameat(&self.descriptor, &temporary, &self.descriptor, name).map_err(Into::into)
        });
        put.inspect_err(|_| {
            let _gone = unlinkat(&self.descriptor, &temporary, AtFlags::empty());
        })
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use rustix::fs::{CWD, FileType, mknodat};

    use super::*;

    fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn a_folder_that_others_can_look_into_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b/");
        assert!(PrivateDirectory::open(&path).is_ok());
        for mode in [0o777, 0o770, 0o755, 0o710] {
            set_mode(&path, mode);
            let error = PrivateDirectory::open(&path).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::PermissionDenied, "{mode:o}");
        }
    }

    #[test]
    fn a_link_instead_of_the_folder_is_refused_however_it_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let (target, link) = (folder.path().join("target"), folder.path().join("link"));
        PrivateDirectory::open(&target).unwrap();
        symlink(&target, &link).unwrap();
        for path in [link.clone(), link.join(""), link.join(".")] {
            let error = PrivateDirectory::open(&path).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::PermissionDenied, "{path:?}");
        }
    }

    #[test]
    fn a_folder_of_another_user_is_refused() {
        // Only root can create one; the system's folder of processes belongs to root.
        let error = PrivateDirectory::open(Path::new("/proc/1")).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
    }

    #[test]
    fn what_is_in_it_is_listed_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let directory = PrivateDirectory::open(&folder.path().join("own")).unwrap();
        assert_eq!(directory.names().unwrap().count(), 0);
        directory.write("a", &[b""]).unwrap();
        directory.write("b", &[b""]).unwrap();
        let mut names: Vec<_> = directory.names().unwrap().collect();
        names.sort();
        assert_eq!(names, ["a", "b"]);
    }

    #[test]
    fn a_file_has_a_size_and_a_time_of_use_until_it_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let directory = PrivateDirectory::open(&folder.path().join("own")).unwrap();
        directory.write("a", &[b"four"]).unwrap();
        let files = || directory.files().unwrap().collect::<Vec<_>>();
        let written = files();
        assert_eq!(
            (written[0].name.as_str(), written[0].bytes, written.len()),
            ("a", 4, 1)
        );
        let past = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
        let file = File::open(directory.path().join("a")).unwrap();
        file.set_modified(past).unwrap();
        assert_eq!(files()[0].used, past);
        directory.mark_used("a").unwrap();
        assert!(files()[0].used >= written[0].used);
        directory.remove("a").unwrap();
        assert_eq!(files(), []);
    }

    #[test]
    fn only_regular_files_of_mode_600_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let directory = PrivateDirectory::open(&folder.path().join("own")).unwrap();
        directory.write("file", &[b"con", b"tent"]).unwrap();
        assert_eq!(directory.read("file", 7).unwrap(), b"content");
        let kind = |name: &str| directory.read(name, 7).unwrap_err().kind();
        let path = directory.path().join("file");
        for mode in [0o644, 0o640, 0o604, 0o700] {
            set_mode(&path, mode);
            assert_eq!(kind("file"), io::ErrorKind::PermissionDenied, "{mode:o}");
        }
        set_mode(&path, 0o600);
        assert_eq!(
            directory.read("file", 6).unwrap_err().kind(),
            io::ErrorKind::FileTooLarge
        );
        symlink("file", directory.path().join("link")).unwrap();
        fs::create_dir(directory.path().join("folder")).unwrap();
        let pipe = directory.path().join("pipe");
        mknodat(CWD, &pipe, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        for name in ["link", "folder", "pipe"] {
            assert_eq!(kind(name), io::ErrorKind::InvalidInput, "{name}");
        }
        assert_eq!(kind("missing"), io::ErrorKind::NotFound);
    }

    #[test]
    fn what_takes_the_folders_place_later_is_not_looked_at() {
        let folder = tempfile::tempdir().unwrap();
        let (path, aside) = (folder.path().join("own"), folder.path().join("aside"));
        let directory = PrivateDirectory::open(&path).unwrap();
        directory.write("file", &[b"ours"]).unwrap();
        fs::rename(&path, aside).unwrap();
        let planted = PrivateDirectory::open(&path).unwrap();
        planted.write("file", &[b"theirs"]).unwrap();
        assert_eq!(directory.read("file", 10).unwrap(), b"ours");
        assert_ne!(directory.inode(), planted.inode());
    }
}
