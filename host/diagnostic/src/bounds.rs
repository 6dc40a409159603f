//! How much of a document is read.

/// The maximum size of a document. The largest values in playbooks are scripts, and those are better kept in
/// files.
pub const MAX_DOCUMENT_BYTES: usize = 8 * 1024 * 1024;
/// The maximum nesting depth of values. Code that walks the tree may recurse this deep.
pub const MAX_DEPTH: usize = 64;
/// The maximum number of values in one document, including those that aliases repeat.
pub const MAX_NODES: usize = 200_000;
/// The maximum number of values that aliases may repeat: nested aliases would otherwise multiply without
/// end.
pub const MAX_ALIASED_NODES: usize = 20_000;
/// The maximum size of text that aliases may repeat, in bytes.
pub const MAX_ALIASED_BYTES: usize = 16 * 1024 * 1024;
