use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;

use rustix::fs::{Mode, OFlags, open};

/// Opens a regular file for reading. Links are followed; anything other than a regular file is rejected
/// without blocking on it.
///
/// # Errors
///
/// Those of the system, and [`io::ErrorKind::InvalidInput`] for what is not a regular file.
pub fn open_regular(path: &Path) -> io::Result<File> {
    // Opening some devices has an effect, so they are not opened. A file that was replaced since then is
    // opened without blocking, and rejected by its descriptor.
    check_regular(fs::metadata(path)?.is_file())?;
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = File::from(open(path, flags, Mode::empty())?);
    check_regular(file.metadata()?.is_file())?;
    Ok(file)
}

/// Reads a regular file of at most `max_bytes` bytes.
///
/// # Errors
///
/// Those of [`open_regular`], and [`io::ErrorKind::FileTooLarge`].
pub fn read_regular(path: &Path, max_bytes: u64) -> io::Result<Vec<u8>> {
    read_bounded(open_regular(path)?, max_bytes)
}

/// As [`read_regular`], for UTF-8 text.
///
/// # Errors
///
/// As [`read_regular`], and [`io::ErrorKind::InvalidData`] for what is not UTF-8.
pub fn read_regular_text(path: &Path, max_bytes: u64) -> io::Result<String> {
    let bytes = read_regular(path, max_bytes)?;
    // The error of the conversion contains the bytes, which may be a secret.
    String::from_utf8(bytes)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "not valid UTF-8"))
}

/// Reads at most `max_bytes` bytes, whatever size the file reports.
pub(super) fn read_bounded(file: File, max_bytes: u64) -> io::Result<Vec<u8>> {
    let size = file.metadata()?.len().min(max_bytes);
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or_default());
    file.take(max_bytes.saturating_add(1))
        .read_to_end(&mut bytes)?;
    if bytes.len() as u64 > max_bytes {
        let message = format!("larger than {max_bytes} bytes");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
    }
    Ok(bytes)
}

pub(super) fn check_regular(is_regular: bool) -> io::Result<()> {
    if is_regular {
        return Ok(());
    }
    let message = "not a regular file";
    Err(io::Error::new(io::ErrorKind::InvalidInput, message))
}

#[cfg(test)]
mod tests {
    use rustix::fs::{CWD, FileType, mknodat};

    use super::*;

    #[test]
    fn a_pipe_a_device_and_a_folder_are_refused_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        mknodat(CWD, &pipe, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        for path in [pipe.as_path(), Path::new("/dev/zero"), folder.path()] {
            let error = read_regular(path, 10).unwrap_err();
            assert_eq!(error.to_string(), "not a regular file", "{path:?}");
        }
    }

    #[test]
    fn a_file_is_read_up_to_its_bound_and_through_links() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        fs::write(&file, "four").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        assert_eq!(read_regular_text(&link, 4).unwrap(), "four");
        let error = read_regular(&link, 3).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
        // It reports a size of 0, but is not empty.
        assert!(read_regular(Path::new("/proc/self/status"), 1 << 20).is_ok());
        assert!(read_regular(Path::new("/proc/self/status"), 10).is_err());
    }
}
