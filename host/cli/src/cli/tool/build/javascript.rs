use std::path::{Path, PathBuf};

use serde_json::Value;
use toolhost_filesystem::read_regular_text;

use super::command::{Failure, run};
use crate::cli::terminal;

const INSTALL: &str = "install Node.js 20 or later: https://nodejs.org";
/// The maximum size of a `package.json`.
const MAX_BYTES: u64 = 1 << 20;

/// Builds the component of an npm package into its folder. Its dependencies are installed where they are not.
pub(super) async fn build(folder: &Path) -> Result<PathBuf, Failure> {
    let name = name(folder)?;
    if !folder.join("node_modules").is_dir() {
        terminal::tell("installing the packages of `package.json`");
        let install = ["install", "--no-fund", "--no-audit", "--silent"];
        run(folder, Path::new("npm"), &install, INSTALL).await?;
    }
    let file = format!("{name}.wasm");
    let arguments = ["--no-install", "noetl-tool", "build", "-o", &file];
    run(folder, Path::new("npx"), &arguments, INSTALL).await?;
    Ok(folder.join(file))
}

/// The name of the package without its scope.
fn name(folder: &Path) -> Result<String, Failure> {
    let path = folder.join("package.json");
    let wrong = |why: String| Failure::new(format!("cannot read `{}`: {why}", path.display()));
    let text = read_regular_text(&path, MAX_BYTES).map_err(|error| wrong(error.to_string()))?;
    let package: Value = serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?;
    let name = package.get("name").and_then(Value::as_str);
    let name = name.and_then(|name| name.rsplit('/').next());
    name.filter(|name| !name.is_empty())
        .map(str::to_owned)
        .ok_or_else(|| wrong("missing key `name`".to_owned()))
}
