//! Providers of secrets and credentials other than the credentials file.

mod chain;
mod command;
mod document;
mod environment;
mod folder;
mod memory;
mod noetl;
mod settings;

pub(super) use chain::is_short;
pub use chain::{Provider, ProviderChain};
pub use command::CommandProvider;
pub use environment::EnvironmentProvider;
pub use folder::FolderProvider;
pub use memory::Remembered;
pub use noetl::NoetlProvider;
pub use settings::{ParseProviderError, ProviderSettings};
pub(super) use settings::{Settings, server};
