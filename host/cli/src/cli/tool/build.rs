use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use clap::Args;
use serde_json::Value;
use tokio::process::Command;

use crate::cli::exit::Exit;
use crate::cli::terminal;

#[derive(Debug, Args)]
pub(crate) struct BuildArguments {
    /// The folder of the project, with `Cargo.toml`.
    #[arg(value_name = "DIR", default_value = ".")]
    folder: PathBuf,
}

/// The target of components.
const TARGET: &str = "wasm32-wasip2";
/// Where cargo is had.
const RUST_HELP: &str = "install Rust: https://rustup.rs";

/// Why a project is not built: what is wrong, and how to fix it.
struct Failure(String, Option<String>);

pub(super) async fn build(arguments: &BuildArguments) -> Result<Exit, Exit> {
    let folder = &arguments.folder;
    let built = if folder.join("Cargo.toml").is_file() {
        build_rust(folder).await
    } else {
        let message = format!("`{}` is not the folder of a tool", folder.display());
        let help = "expected a `Cargo.toml` in it; `toolhost tool new` writes a project";
        Err(Failure(message, Some(help.to_owned())))
    };
    let component = built.map_err(|Failure(message, help)| {
        terminal::complain(&message, help);
        Exit::Failed
    })?;
    let bytes = std::fs::metadata(&component).map_or(0, |metadata| metadata.len());
    let path = component.display();
    terminal::print(&format!("built {path} ({} kB)", bytes.div_ceil(1_000)));
    Ok(Exit::Success)
}

async fn build_rust(folder: &Path) -> Result<PathBuf, Failure> {
    if !has_target().await {
        let message = format!("the target `{TARGET}` of Rust is not installed");
        let help = format!("run `rustup target add {TARGET}`");
        return Err(Failure(message, Some(help)));
    }
    let mut command = Command::new("cargo");
    command
        .args(["build", "--release", "--target", TARGET])
        .args(["--message-format", "json-render-diagnostics"])
        .current_dir(folder)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit());
    let output = command.output().await.map_err(|error| no_cargo(&error))?;
    if !output.status.success() {
        return Err(Failure("cargo did not build the tool".to_owned(), None));
    }
    let built = String::from_utf8_lossy(&output.stdout);
    let Some(built) = built.lines().rev().find_map(component_of) else {
        let help = "add `[lib]` with `crate-type = [\"cdylib\"]` to `Cargo.toml`";
        let message = "cargo built no component".to_owned();
        return Err(Failure(message, Some(help.to_owned())));
    };
    let name = built.file_name().unwrap_or_default();
    // The grants name the file by the kind, and cargo names it like a crate.
    let target = match package_name(folder).await {
        Some(package) => folder.join(format!("{package}.wasm")),
        None => folder.join(name),
    };
    std::fs::copy(&built, &target).map_err(|error| {
        let message = format!("cannot write `{}`: {error}", target.display());
        Failure(message, None)
    })?;
    Ok(target)
}

/// The component of a line of cargo's messages.
fn component_of(line: &str) -> Option<PathBuf> {
    let message: Value = serde_json::from_str(line).ok()?;
    if message.get("reason")? != "compiler-artifact" {
        return None;
    }
    let files = message.get("filenames")?.as_array()?.iter();
    let mut files = files.filter_map(Value::as_str).map(PathBuf::from);
    files.find(|file| {
        file.extension()
            .is_some_and(|extension| extension == "wasm")
    })
}

async fn package_name(folder: &Path) -> Option<String> {
    let mut command = Command::new("cargo");
    command.args([
        "metadata",
        "--no-deps",
        "--offline",
        "--format-version",
        "1",
    ]);
    let output = command.current_dir(folder).output().await.ok()?;
    let metadata: Value = serde_json::from_slice(&output.stdout).ok()?;
    let name = metadata.get("packages")?.get(0)?.get("name")?.as_str()?;
    Some(name.to_owned())
}

/// Whether the standard library of the target is installed. Without `rustc`, cargo reports what is missing.
async fn has_target() -> bool {
    let mut command = Command::new("rustc");
    command.args(["--print", "target-libdir", "--target", TARGET]);
    match command.output().await {
        Ok(output) if output.status.success() => {
            Path::new(String::from_utf8_lossy(&output.stdout).trim()).is_dir()
        }
        _ => true,
    }
}

fn no_cargo(error: &io::Error) -> Failure {
    let help = (error.kind() == io::ErrorKind::NotFound).then(|| RUST_HELP.to_owned());
    Failure(format!("cannot run `cargo`: {error}"), help)
}
