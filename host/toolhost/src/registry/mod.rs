//! Tools by name.
//!
//! A [`LoadedTool`] is made from a [`ComponentSource`], which is compiled, described and checked. The
//! [`Registry`] maps names to loaded tools and is replaced as a whole, so that resolving a name sees either
//! all of a change or none of it, and a call keeps the tool that it resolved.

mod bounds;
mod cache;
#[cfg_attr(not(feature = "compile"), path = "no_compiler.rs")]
mod compiler;
mod description;
mod embedded;
mod error;
mod fault;
mod field_path;
mod file_type;
mod loader;
mod lookup;
mod reference;
mod schema;
mod source;
#[cfg(feature = "compile")]
mod structure;
mod tool;

pub use bounds::MAX_COMPONENT_BYTES;
pub(crate) use cache::ComponentCache;
pub use compiler::{CompileError, Compiler};
#[cfg(feature = "compile")]
pub use compiler::{CompilerProgram, WorkerError, compile_standard_input};
pub use embedded::{EMBEDDED_TOOLS, is_built_in};
pub use error::LoadError;
pub use fault::ComponentFault;
pub(crate) use field_path::{KnownField, find_field};
pub use file_type::FileType;
pub(crate) use loader::ToolLoader;
pub use lookup::{AddError, Registry, ResolveError};
pub use reference::{ParseToolRefError, ToolRef, VersionRef};
pub use schema::ConfigProblem;
pub use source::ComponentSource;
pub use tool::{LoadedTool, ToolIdentity, grant_entry};
