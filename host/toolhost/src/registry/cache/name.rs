use crate::digest::Digest;

/// The file that holds the key.
pub(super) const KEY_FILE: &str = "key";
/// The ending of the file names.
pub(super) const ENDING: &str = ".compiled";

/// The file name of a component that was compiled with these settings.
pub(super) fn file_name(settings: u64, digest: Digest) -> String {
    format!("{}-{settings:016x}{ENDING}", digest.digits())
}
