use super::bounds::MAX_COMPONENT_BYTES;
use super::compiler::CompileError;
use super::fault::ComponentFault;
use super::file_type::FileType;

/// Why a component cannot be used as a tool.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The file cannot be read.
    #[error("cannot read `{origin}`")]
    Unreadable {
        /// The file.
        origin: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file is too large.
    #[error("`{origin}` has more than {MAX_COMPONENT_BYTES} bytes")]
    TooLarge {
        /// The file.
        origin: String,
    },
    /// The file has another format.
    #[error("`{origin}` is not a WebAssembly component: it is {}", found.as_str())]
    OtherFile {
        /// Where it came from.
        origin: String,
        /// What it is.
        found: FileType,
    },
    /// The bytes begin like a component, but are not one.
    #[error("`{origin}` is not a WebAssembly component")]
    NotAComponent {
        /// Where it came from.
        origin: String,
        /// The message of the compiler.
        #[source]
        source: ComponentFault,
    },
    /// The component cannot be compiled.
    #[error("cannot compile `{origin}`")]
    NotCompiled {
        /// Where it came from.
        origin: String,
        /// Why not.
        #[source]
        source: CompileError,
    },
    /// The component lacks an export of a tool, or imports an interface with other types.
    #[error("`{origin}` does not fit the tool interface of this host (`noetl:tool@0.1`)")]
    WrongInterface {
        /// Where it came from.
        origin: String,
        /// What does not fit.
        #[source]
        source: ComponentFault,
    },
    /// `describe` of the tool fails.
    #[error("`describe` of `{origin}` failed")]
    NotDescribed {
        /// Where it came from.
        origin: String,
        /// What happened instead.
        #[source]
        source: ComponentFault,
    },
    /// The description of the tool is invalid.
    #[error("`{origin}` has an invalid description: {problem}")]
    WrongDescription {
        /// Where it came from.
        origin: String,
        /// What is wrong.
        problem: String,
    },
}

impl LoadError {
    /// How to fix it, if known.
    #[must_use]
    pub fn help(&self) -> Option<&'static str> {
        match self {
            Self::OtherFile { found, .. } => Some(found.help()),
            _ => None,
        }
    }
}
