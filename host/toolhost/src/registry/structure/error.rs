use super::bounds::Exceeded;

/// Why a component is rejected.
#[derive(Debug, thiserror::Error)]
pub enum StructureError {
    /// It is not WebAssembly.
    #[error("it cannot be parsed")]
    Malformed(#[source] wasmparser::Error),
    /// Something exceeds what any toolchain writes.
    #[error("it has {what}; at most {limit} are compiled")]
    TooMuch {
        /// What exceeds the limit, as a plural.
        what: &'static str,
        /// The most that is allowed.
        limit: u64,
    },
    /// It uses a feature that no toolchain writes, and whose cost cannot be limited.
    #[error("it {0}, which this host does not support")]
    Unsupported(&'static str),
}

impl From<wasmparser::Error> for StructureError {
    fn from(error: wasmparser::Error) -> Self {
        Self::Malformed(error)
    }
}

impl From<Exceeded> for StructureError {
    fn from(Exceeded { what, limit }: Exceeded) -> Self {
        Self::TooMuch { what, limit }
    }
}
