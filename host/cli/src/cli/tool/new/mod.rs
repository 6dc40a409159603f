//! Writing the project of a new tool.

mod templates;

use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::Args;
use toolhost::registry::{ToolRef, VersionRef};

use crate::cli::exit::Exit;
use crate::cli::terminal;
use templates::{COMMON, Language};

#[derive(Debug, Args)]
pub(crate) struct NewArguments {
    /// The kind of the tool, by which playbooks name it, and the name of its folder.
    #[arg(value_name = "KIND", value_parser = kind)]
    kind: String,
    /// The language.
    #[arg(long, value_enum, value_name = "LANGUAGE", default_value = "rust")]
    lang: Language,
    /// A folder with the SDK of the language [default: that of the repository of toolhost].
    #[arg(long, value_name = "DIR")]
    sdk: Option<PathBuf>,
}

/// Where the SDKs are until they are published.
const REPOSITORY: &str = "https://github.com/noetl/toolhost";

pub(super) fn new(arguments: &NewArguments) -> Result<Exit, Exit> {
    let sdk = sdk(arguments)?;
    let folder = Path::new(&arguments.kind);
    std::fs::create_dir(folder).map_err(|error| {
        let help = match error.kind() {
            io::ErrorKind::AlreadyExists => Some("choose another kind, or remove it".to_owned()),
            _ => None,
        };
        let message = format!("cannot create `{}`: {error}", folder.display());
        terminal::complain(&message, help);
        Exit::Usage
    })?;
    let fill = |text: &str| filled(text, &arguments.kind, &sdk);
    for (path, text) in arguments.lang.templates().iter().chain(COMMON) {
        let path = folder.join(fill(path));
        write(&path, &fill(text)).map_err(|error| {
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

/// The SDK as the project's manifest names it.
fn sdk(arguments: &NewArguments) -> Result<String, Exit> {
    let folder = arguments.sdk.as_ref().map(|path| {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.clone());
        path.display().to_string()
    });
    Ok(match (arguments.lang, folder) {
        (Language::Rust, Some(folder)) => format!("{{ path = {folder:?} }}"),
        (Language::Rust, None) => format!("{{ git = {REPOSITORY:?} }}"),
        (Language::Python, Some(folder)) => format!("file://{folder}"),
        (Language::Python, None) => {
            format!("git+{REPOSITORY}#subdirectory=plugins/sdk-python")
        }
        (Language::Javascript, Some(folder)) => format!("file:{folder}"),
        (Language::Javascript, None) => {
            // npm installs no folder of a git repository.
            let help = format!(
                "clone {REPOSITORY}, run `npm ci` and `npm run build` in its folder `plugins/sdk-javascript`, and pass that \
                 folder with `--sdk`"
            );
            terminal::complain("the SDK for JavaScript is not published yet", Some(help));
            return Err(Exit::Usage);
        }
    })
}

fn filled(text: &str, kind: &str, sdk: &str) -> String {
    text.replace("{{kind}}", kind)
        // A job's name is a DNS label.
        .replace("{{job}}", &kind.replace('_', "-"))
        .replace("{{module}}", &kind.replace('-', "_"))
        .replace("{{sdk}}", sdk)
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
        Err(_) => Err(
            "expected at most 63 lowercase letters, digits, `-` and `_`, starting with a letter"
                .to_owned(),
        ),
    }
}
