//! Files that other users may have created.
//!
//! Anyone who can write to a folder determines its content: a pipe without a writer, a device, a link to
//! somewhere else, an endless file. [`read_regular`] only accepts regular files of a bounded size; a
//! [`PrivateDirectory`] is a folder that only this user can have written to.

mod environment;
mod private;
mod regular;

pub use environment::{absolute, temporary_directory};
pub use private::{PrivateDirectory, PrivateFile};
pub use regular::{open_regular, read_regular, read_regular_text};
