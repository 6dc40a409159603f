use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use crate::filesystem::absolute;

type Lookup = dyn Fn(&str) -> Option<String> + Send + Sync;
type Clock = dyn Fn() -> SystemTime + Send + Sync;

/// Where the kernel tells what the firmware says of the machine.
const DMI_FOLDER: &str = "/sys/class/dmi/id";
/// More than any text of the firmware has (SMBIOS allows 64 bytes).
const MAX_DMI_BYTES: usize = 1024;

/// What credentials ask of the machine that they are used on: variables, time, and whose machine it is.
///
/// The default is the process's own environment and the system's clock; tests bring their own.
#[derive(Clone)]
pub struct Machine {
    lookup: Arc<Lookup>,
    clock: Arc<Clock>,
    dmi: PathBuf,
}

impl Machine {
    /// Looks variables up elsewhere than in the process's environment.
    #[must_use]
    pub fn new(lookup: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        Self {
            lookup: Arc::new(lookup),
            ..Self::default()
        }
    }

    /// Takes the time from another clock.
    #[must_use]
    pub fn with_clock(mut self, clock: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Takes what the firmware says from another folder than `/sys/class/dmi/id`.
    #[must_use]
    pub fn with_dmi_folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.dmi = folder.into();
        self
    }

    /// An environment variable; none where it is empty, as everybody treats those that are read here.
    pub(super) fn variable(&self, name: &str) -> Option<String> {
        (self.lookup)(name).filter(|value| !value.is_empty())
    }

    /// An environment variable, which may be empty.
    pub(super) fn raw_variable(&self, name: &str) -> Option<String> {
        (self.lookup)(name)
    }

    pub(super) fn now(&self) -> SystemTime {
        (self.clock)()
    }

    /// A path below the user's home; none where `HOME` is relative, since others put files into the folder
    /// that the program was started in.
    pub(super) fn below_home(&self, path: &str) -> Option<PathBuf> {
        Some(absolute(self.variable("HOME").map(Into::into))?.join(path))
    }

    /// What the firmware says, such as `product_name`: a cheap sign of whose cloud the machine is in.
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
