use std::path::{Path, PathBuf};

use super::command::{Failure, run};
use crate::cli::terminal;

const INSTALL: &str = "install Python 3.11 or later: https://www.python.org/downloads";
/// Prints the name of a project.
const NAME_PROGRAM: &str =
    "import tomllib; print(tomllib.load(open('pyproject.toml', 'rb'))['project']['name'])";

/// Builds the component of a Python project into its folder. A virtual environment with the project's requirements is made
/// where there is none.
pub(super) async fn build(folder: &Path) -> Result<PathBuf, Failure> {
    let own = std::path::absolute(folder.join(".venv/bin/python"));
    let own = own.map_err(|error| Failure::new(format!("cannot find the project: {error}")))?;
    let python = if own.is_file() {
        own
    } else if folder.join("requirements.txt").is_file() {
        terminal::tell("creating `.venv` with the packages of `requirements.txt`");
        let create = ["-m", "venv", ".venv"];
        run(folder, Path::new("python3"), &create, INSTALL).await?;
        let install = [
            "-m",
            "pip",
            "install",
            "--quiet",
            "--requirement",
            "requirements.txt",
        ];
        if let Err(failure) = run(folder, &own, &install, INSTALL).await {
            // Otherwise the next build would take it for complete.
            let _kept = std::fs::remove_dir_all(folder.join(".venv"));
            return Err(failure);
        }
        own
    } else {
        PathBuf::from("python3")
    };
    let name = run(folder, &python, &["-c", NAME_PROGRAM], INSTALL).await?;
    let file = format!("{}.wasm", name.trim());
    let arguments = ["-m", "noetl_tool_sdk", "build", "-o", &file];
    run(folder, &python, &arguments, INSTALL).await?;
    Ok(folder.join(file))
}
