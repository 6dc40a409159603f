use super::bounds::Exceeded;

/// Why a component is not compiled.
#[derive(Debug, thiserror::Error)]
pub enum StructureError {
    /// It is no WebAssembly.
    #[error("it cannot be parsed")]
    Malformed(#[source] wasmparser::Error),
    /// There is more of something than any toolchain writes.
    #[error("it has {what}; at most {limit} are compiled")]
    TooMuch {
        /// What there is too much of, as a plural.
        what: &'static str,
        /// The most that is allowed.
        limit: u64,
    },
    /// It uses what no toolchain writes, and what cannot be bounded.
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
