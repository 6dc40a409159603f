use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use crate::filesystem::{PrivateDirectory, temporary_directory};

/// The maximum size of an attempt's log in memory; the logs of most scripts fit.
const MEMORY_BYTES: usize = 64 << 10;
/// The maximum size of one attempt's log. What exceeds it is counted and dropped, since a script
/// that writes without end must not fill the disk.
const MAX_SPOOL_BYTES: u64 = 4 << 30;
/// The number of logs that are kept for people after their calls; the oldest are deleted first.
const MAX_KEPT_LOGS: usize = 100;

/// The folder for logs that outgrow memory.
#[derive(Debug)]
pub(crate) struct LogDirectory {
    path: PathBuf,
    /// Whether another user may have created the folder, so that it is checked before it is used.
    is_checked: bool,
    /// Makes file names unique within this process.
    sequence: AtomicU64,
}

impl LogDirectory {
    /// Logs below `path`, which is created when it is first needed.
    #[must_use]
    pub(crate) fn new(path: impl Into<PathBuf>) -> Arc<Self> {
        Arc::new(Self {
            path: path.into(),
            is_checked: false,
            sequence: AtomicU64::new(0),
        })
    }

    /// Logs below a folder of this user in the system's folder for temporary files, where anyone can create
    /// one of that name: it is used only if it belongs to this user and is inaccessible to all others.
    #[must_use]
    pub(crate) fn temporary() -> Arc<Self> {
        let user = rustix::process::geteuid().as_raw();
        Self::checked(temporary_directory().join(format!("toolhost-{user}-logs")))
    }

    pub(super) fn checked(path: PathBuf) -> Arc<Self> {
        Arc::new(Self {
            path,
            is_checked: true,
            sequence: AtomicU64::new(0),
        })
    }

    fn create(&self, name: &str) -> io::Result<(File, PathBuf)> {
        if self.is_checked {
            // Other users cannot rename a folder of this user in a folder for temporary files.
            PrivateDirectory::open(&self.path)?;
        } else {
            fs::DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(&self.path)?;
        }
        self.remove_oldest();
        let process = std::process::id();
        let sequence = self.sequence.fetch_add(1, Ordering::Relaxed);
        let path = self.path.join(format!("{name}-{process}-{sequence}.log"));
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)?;
        Ok((file, path))
    }

    /// Keeps the folder from growing without end. A failure here affects no call.
    fn remove_oldest(&self) {
        let Ok(entries) = fs::read_dir(&self.path) else {
            return;
        };
        let mut logs: Vec<(SystemTime, PathBuf)> = entries
            .filter_map(Result::ok)
            .filter(|entry| entry.file_name().to_str().is_some_and(is_log))
            .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
            .collect();
        logs.sort();
        let surplus = logs.len().saturating_sub(MAX_KEPT_LOGS);
        for (_, path) in logs.into_iter().take(surplus) {
            drop(fs::remove_file(path));
        }
    }
}

/// Whether a file has a name that [`LogDirectory::create`] gives: `NAME-PROCESS-SEQUENCE.log`.
pub(super) fn is_log(file_name: &str) -> bool {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let numbers = file_name.strip_suffix(".log").and_then(|name| {
        let (name, sequence) = name.rsplit_once('-')?;
        Some((name.rsplit_once('-')?.1, sequence))
    });
    numbers.is_some_and(|(process, sequence)| is_number(process) && is_number(sequence))
}

/// The log of one attempt: in memory while it is small, in a file from then on.
#[derive(Debug)]
pub(super) struct Spool {
    directory: Arc<LogDirectory>,
    /// The name of the file, without a path.
    name: String,
    memory: Vec<u8>,
    file: Option<SpoolFile>,
    /// The number of stored bytes.
    stored_bytes: u64,
    /// The number of received bytes.
    total_bytes: u64,
}

#[derive(Debug)]
struct SpoolFile {
    file: File,
    path: PathBuf,
    /// Whether the file is kept after the call.
    keep: bool,
}

impl Spool {
    pub(super) fn new(directory: Arc<LogDirectory>, name: String) -> Self {
        Self {
            directory,
            name,
            memory: Vec::new(),
            file: None,
            stored_bytes: 0,
            total_bytes: 0,
        }
    }

    pub(super) fn total_bytes(&self) -> u64 {
        self.total_bytes
    }

    pub(super) fn stored_bytes(&self) -> u64 {
        self.stored_bytes
    }

    /// Adds bytes. Bytes that cannot be stored are only counted: the log then ends early, and the excerpt
    /// reports how much is missing.
    pub(super) fn append(&mut self, bytes: &[u8]) {
        let complete = self.stored_bytes == self.total_bytes;
        self.total_bytes += bytes.len() as u64;
        if complete && self.total_bytes <= MAX_SPOOL_BYTES {
            match self.store(bytes) {
                Ok(()) => self.stored_bytes = self.total_bytes,
                Err(error) => tracing::warn!(log = self.name, %error, "cannot store the log"),
            }
        }
    }

    /// At most `max_bytes` bytes starting at `offset`; empty at the end.
    pub(super) fn read_at(&self, offset: u64, max_bytes: usize) -> Vec<u8> {
        let left = self.stored_bytes.saturating_sub(offset);
        let length = usize::try_from(left).unwrap_or(usize::MAX).min(max_bytes);
        let Some(spool) = &self.file else {
            let start = usize::try_from(offset).unwrap_or(usize::MAX);
            return self
                .memory
                .iter()
                .skip(start)
                .take(length)
                .copied()
                .collect();
        };
        let mut bytes = vec![0; length];
        match spool.file.read_exact_at(&mut bytes, offset) {
            Ok(()) => bytes,
            Err(error) => {
                tracing::warn!(log = self.name, %error, "cannot read the stored log");
                Vec::new()
            }
        }
    }

    /// Keeps the file after the call, and returns its path; `None` if everything is in memory.
    pub(super) fn keep(&mut self) -> Option<&Path> {
        self.file.as_mut().map(|spool| {
            spool.keep = true;
            spool.path.as_path()
        })
    }

    fn store(&mut self, bytes: &[u8]) -> io::Result<()> {
        if let Some(spool) = &mut self.file {
            return spool.file.write_all(bytes);
        }
        if self.memory.len() + bytes.len() <= MEMORY_BYTES {
            self.memory.extend_from_slice(bytes);
            return Ok(());
        }
        let (mut file, path) = self.directory.create(&self.name)?;
        file.write_all(&self.memory)?;
        file.write_all(bytes)?;
        self.memory = Vec::new();
        let keep = false;
        self.file = Some(SpoolFile { file, path, keep });
        Ok(())
    }
}

impl Drop for SpoolFile {
    fn drop(&mut self) {
        if !self.keep {
            drop(fs::remove_file(&self.path));
        }
    }
}
