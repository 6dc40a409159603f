use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::{Args, ValueEnum};
use toolhost::registry::{ToolRef, VersionRef};

use crate::cli::exit::Exit;
use crate::cli::terminal;

#[derive(Debug, Args)]
pub(crate) struct NewArguments {
    /// The kind of the tool, by which playbooks name it, and the name of its folder.
    #[arg(value_name = "KIND", value_parser = kind)]
    kind: String,
    /// The language.
    #[arg(long, value_enum, value_name = "LANGUAGE", default_value = "rust")]
    lang: Language,
    /// A folder with the SDK of the language [default: the published one].
    #[arg(long, value_name = "DIR")]
    sdk: Option<PathBuf>,
}

/// A language that tools are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Language {
    /// Rust.
    Rust,
}

/// A file of a project: its path, and its text with placeholders.
type Template = (&'static str, &'static str);

/// The files of a project in any language.
const COMMON: [Template; 4] = [
    (
        "cases.yaml",
        include_str!("../../../templates/common/cases.yaml.template"),
    ),
    (
        "config.yaml",
        include_str!("../../../templates/common/config.yaml.template"),
    ),
    (
        "grants.yaml",
        include_str!("../../../templates/common/grants.yaml.template"),
    ),
    (
        "README.md",
        include_str!("../../../templates/common/README.md.template"),
    ),
];
const RUST: [Template; 3] = [
    (
        "Cargo.toml",
        include_str!("../../../templates/rust/Cargo.toml.template"),
    ),
    (
        "src/lib.rs",
        include_str!("../../../templates/rust/lib.rs.template"),
    ),
    (
        ".gitignore",
        include_str!("../../../templates/rust/gitignore.template"),
    ),
];
/// Where the SDK is until it is published.
const REPOSITORY: &str = "https://github.com/noetl/toolhost";

pub(super) fn new(arguments: &NewArguments) -> Result<Exit, Exit> {
    let folder = Path::new(&arguments.kind);
    std::fs::create_dir(folder).map_err(|error| {
        let help = match error.kind() {
            io::ErrorKind::AlreadyExists => Some("choose another kind, or remove it".to_owned()),
            _ => None,
        };
        terminal::complain(
            &format!("cannot create `{}`: {error}", folder.display()),
            help,
        );
        Exit::Usage
    })?;
    let templates = match arguments.lang {
        Language::Rust => RUST.iter(),
    };
    for (path, text) in templates.chain(&COMMON) {
        let path = folder.join(path);
        let text = filled(text, arguments);
        write(&path, &text).map_err(|error| {
            terminal::complain(&format!("cannot write `{}`: {error}", path.display()), None);
            Exit::Usage
        })?;
    }
    let kind = &arguments.kind;
    terminal::print(&format!("created `{kind}`; build, test and call it:"));
    terminal::print_lines(&format!(
        "\n  cd {kind}\n  toolhost tool build\n  toolhost tool test cases.yaml --plugins {kind}.wasm\n  \
         toolhost call {kind} --plugins {kind}.wasm --config config.yaml"
    ));
    Ok(Exit::Success)
}

fn filled(text: &str, arguments: &NewArguments) -> String {
    let sdk = match &arguments.sdk {
        Some(path) => {
            let path = std::path::absolute(path).unwrap_or_else(|_| path.clone());
            format!("{{ path = {:?} }}", path.display().to_string())
        }
        None => format!("{{ git = {REPOSITORY:?} }}"),
    };
    text.replace("{{kind}}", &arguments.kind)
        // A job's name is a DNS label.
        .replace("{{job}}", &arguments.kind.replace('_', "-"))
        .replace("{{sdk}}", &sdk)
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent)?;
    }
    std::fs::write(path, text)
}

/// The kind of a tool, without a version.
fn kind(text: &str) -> Result<String, String> {
    match ToolRef::from_str(text) {
        Ok(tool) if tool.version == VersionRef::Current => Ok(tool.kind),
        Ok(_) => Err("expected a kind without a version".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}
