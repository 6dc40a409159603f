//! The settings that compiled code depends on, as reported by the compiler.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use wasmtime::Engine;

use crate::digest::Digest;
use crate::filesystem::PrivateDirectory;

/// The version of the file format: 2 since the hash covers the folder. Files of another format have other
/// names.
const FORMAT: u64 = 2;

/// A key that depends on the engine's version and settings, on the processor's features, and on the file
/// format.
pub(super) fn of(engine: &Engine) -> u64 {
    let mut hasher = DefaultHasher::new();
    FORMAT.hash(&mut hasher);
    engine.precompile_compatibility_hash().hash(&mut hasher);
    hasher.finish()
}

/// The settings of files that may fit this engine: its own.
pub(super) fn candidates(_: &PrivateDirectory, engine: &Engine, _: Digest) -> [u64; 1] {
    [of(engine)]
}
