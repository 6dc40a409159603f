//! How much of a document is read.

/// The largest text that is read. Playbooks hold scripts at most, and those are better kept in files.
pub const MAX_DOCUMENT_BYTES: usize = 8 * 1024 * 1024;
/// How deep values may be nested. Everything that walks the tree may recurse this deep.
pub const MAX_DEPTH: usize = 64;
/// The most values of one document, with those that aliases repeat.
pub const MAX_NODES: usize = 200_000;
/// The most values that aliases may repeat: nested aliases would otherwise multiply without end.
pub const MAX_ALIASED_NODES: usize = 20_000;
/// The most text that aliases may repeat, in bytes.
pub const MAX_ALIASED_BYTES: usize = 16 * 1024 * 1024;
