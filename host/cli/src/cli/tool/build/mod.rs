//! Building the component of a project with the toolchain of its language.

mod command;
mod javascript;
mod python;
mod rust;

use std::path::{Path, PathBuf};

use clap::Args;

use crate::cli::exit::Exit;
use crate::cli::terminal;
use command::Failure;

#[derive(Debug, Args)]
pub(crate) struct BuildArguments {
    /// The folder of the project, with `Cargo.toml`, `pyproject.toml` or `package.json`.
    #[arg(value_name = "DIR", default_value = ".")]
    folder: PathBuf,
}

pub(super) async fn build(arguments: &BuildArguments) -> Result<Exit, Exit> {
    component(&arguments.folder).await.map(|_| Exit::Success)
}

/// Builds the component of the project in a folder, and returns its file.
pub(super) async fn component(folder: &Path) -> Result<PathBuf, Exit> {
    let has = |name: &str| folder.join(name).is_file();
    let built = if has("Cargo.toml") {
        rust::build(folder).await
    } else if has("pyproject.toml") {
        python::build(folder).await
    } else if has("package.json") {
        javascript::build(folder).await
    } else {
        let message = format!("`{}` is not the folder of a tool", folder.display());
        let help = "expected a `Cargo.toml`, `pyproject.toml` or `package.json` in it; `toolhost tool new` writes a project";
        Err(Failure::new(message).help(help))
    };
    let component = built.map_err(|Failure { message, help }| {
        terminal::complain(&message, help);
        Exit::Failed
    })?;
    let bytes = std::fs::metadata(&component).map_or(0, |metadata| metadata.len());
    let path = component.display();
    terminal::print(&format!("built {path} ({} kB)", bytes.div_ceil(1_000)));
    Ok(component)
}
