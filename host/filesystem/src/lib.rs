//! Files that somebody else may have put there.
//!
//! Whoever can write into a folder decides what is in it: a pipe that nobody writes to, a device, a link to
//! somewhere else, a file without end. [`read_regular`] takes regular files of a bounded size and nothing
//! else; a [`PrivateDirectory`] is a folder that nobody but this user can have written into.

mod environment;
mod private;
mod regular;

pub use environment::{absolute, temporary_directory};
pub use private::PrivateDirectory;
pub use regular::{open_regular, read_regular, read_regular_text};
