//! The settings that compiled code depends on, if there is no compiler to report them: they are in the names of the
//! files that hosts with a compiler wrote.

use wasmtime::Engine;

use super::name::ENDING;
use crate::digest::Digest;
use crate::filesystem::PrivateDirectory;

/// How many files of one component are tried: there is one for each version of the host and each set of its settings that
/// ran on the machine.
const MAX_CANDIDATES: usize = 64;

/// The settings with which the component was compiled before. The engine itself compares its version and settings with those
/// of the code when it loads it.
pub(super) fn candidates(directory: &PrivateDirectory, _: &Engine, digest: Digest) -> Vec<u64> {
    let beginning = format!("{}-", digest.digits());
    let names = directory.names().into_iter().flatten();
    let settings = names.filter_map(|name| {
        let digits = name.strip_prefix(&beginning)?.strip_suffix(ENDING)?;
        u64::from_str_radix(digits, 16).ok()
    });
    settings.take(MAX_CANDIDATES).collect()
}
