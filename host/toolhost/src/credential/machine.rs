use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use crate::filesystem::absolute;

type Lookup = dyn Fn(&str) -> Option<String> + Send + Sync;
type Clock = dyn Fn() -> SystemTime + Send + Sync;

/// Where the kernel exposes the machine data of the firmware.
const DMI_FOLDER: &str = "/sys/class/dmi/id";
/// More than any text of the firmware has (SMBIOS allows 64 bytes).
const MAX_DMI_BYTES: usize = 1024;

/// The machine as credentials use it: variables, time, and the cloud that it belongs to.
///
/// The default is the process's own environment and the system's clock; tests set their own.
#[derive(Clone)]
pub struct Machine {
    lookup: Arc<Lookup>,
    clock: Arc<Clock>,
    dmi: PathBuf,
}

impl Machine {
    /// Uses another environment than that of the process.
    #[must_use]
    pub fn new(lookup: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        Self {
            lookup: Arc::new(lookup),
            ..Self::default()
        }
    }

    /// Uses another clock.
    #[must_use]
    pub fn with_clock(mut self, clock: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Uses another folder than `/sys/class/dmi/id` for the firmware's data.
    #[must_use]
    pub fn with_dmi_folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.dmi = folder.into();
        self
    }

    /// Returns an environment variable; none where it is empty, which all programs treat as unset for the variables
    /// that are read here.
    pub(super) fn variable(&self, name: &str) -> Option<String> {
        (self.lookup)(name).filter(|value| !value.is_empty())
    }

    /// Returns an environment variable, which may be empty.
    pub(super) fn raw_variable(&self, name: &str) -> Option<String> {
        (self.lookup)(name)
    }

    pub(super) fn now(&self) -> SystemTime {
        (self.clock)()
    }

    /// Returns a path below the user's home; none where `HOME` is relative, since other users may write to the folder
    /// that the program was started in.
    pub(super) fn below_home(&self, path: &str) -> Option<PathBuf> {
        Some(absolute(self.variable("HOME").map(Into::into))?.join(path))
    }

    /// Returns a value of the firmware, such as `product_name`: an inexpensive indication of the cloud that the machine
    /// is in.
    pub(super) fn firmware(&self, name: &str) -> String {
        let text = std::fs::read(self.dmi.join(name)).unwrap_or_default();
        let text = text
            .get(..MAX_DMI_BYTES.min(text.len()))
            .unwrap_or_default();
        String::from_utf8_lossy(text).trim().to_owned()
    }
}

impl Default for Machine {
    fn default() -> Self {
        Self {
            lookup: Arc::new(|name| std::env::var(name).ok()),
            clock: Arc::new(SystemTime::now),
            dmi: PathBuf::from(DMI_FOLDER),
        }
    }
}

impl fmt::Debug for Machine {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Machine")
    }
}
