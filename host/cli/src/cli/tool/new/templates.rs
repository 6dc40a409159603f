//! The files of a new project.

use clap::ValueEnum;

/// A language that tools are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Language {
    /// Rust, with the target `wasm32-wasip2`.
    Rust,
    /// Python, with componentize-py.
    Python,
    /// TypeScript, or JavaScript, with componentize-js.
    #[value(alias = "typescript")]
    Javascript,
}

/// A file of a project: its path and its text, both with placeholders.
pub(super) type Template = (&'static str, &'static str);

macro_rules! templates {
    ($($path:literal: $source:literal),* $(,)?) => {
        &[$(($path, include_str!(concat!("../../../../templates/", $source, ".template")))),*]
    };
}

/// The files of a project in any language.
pub(super) const COMMON: &[Template] = templates! {
    "README.md": "common/README.md",
    "cases.yaml": "common/cases.yaml",
    "config.yaml": "common/config.yaml",
    "grants.yaml": "common/grants.yaml",
};
const RUST: &[Template] = templates! {
    ".gitignore": "rust/gitignore",
    "Cargo.toml": "rust/Cargo.toml",
    "src/lib.rs": "rust/lib.rs",
};
const PYTHON: &[Template] = templates! {
    ".gitignore": "python/gitignore",
    "pyproject.toml": "python/pyproject.toml",
    "requirements.txt": "python/requirements.txt",
    "src/{{module}}.py": "python/tool.py",
    "tests/test_{{module}}.py": "python/test.py",
};
const JAVASCRIPT: &[Template] = templates! {
    ".gitignore": "javascript/gitignore",
    "package.json": "javascript/package.json",
    "tsconfig.json": "javascript/tsconfig.json",
    "src/index.ts": "javascript/index.ts",
    "test/index.test.ts": "javascript/test.ts",
};

impl Language {
    /// The files of a project in this language alone.
    pub(super) const fn templates(self) -> &'static [Template] {
        match self {
            Self::Rust => RUST,
            Self::Python => PYTHON,
            Self::Javascript => JAVASCRIPT,
        }
    }
}
