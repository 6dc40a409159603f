use std::path::PathBuf;

use toolhost::credential::CredentialError;
use toolhost::host::BuildError;
use toolhost::registry::LoadError;
use toolhost_kubernetes::ConnectError;

use super::GrantsFileError;

/// Why a host cannot be assembled.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// There is no engine.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// A built-in tool cannot be loaded.
    #[error("this build is broken")]
    Embedded(#[source] LoadError),
    /// The folder of tools cannot be read.
    #[error("cannot read the folder of tools `{}`", path.display())]
    Plugins {
        /// The folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The grants cannot be read.
    #[error(transparent)]
    Grants(#[from] GrantsFileError),
    /// The credentials cannot be read.
    #[error(transparent)]
    Credentials(#[from] CredentialError),
    /// The cluster cannot be used.
    #[error("cannot use the engine `kubernetes`")]
    Cluster(#[from] ConnectError),
}
