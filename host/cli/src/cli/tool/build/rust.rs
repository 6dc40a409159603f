use std::path::{Path, PathBuf};

use serde_json::Value;

use super::command::{Failure, run};

/// The target of components.
const TARGET: &str = "wasm32-wasip2";
const INSTALL: &str = "install Rust: https://rustup.rs";

/// Builds the component of a crate, and copies it to the crate's folder.
pub(super) async fn build(folder: &Path) -> Result<PathBuf, Failure> {
    let libraries = ["--print", "target-libdir", "--target", TARGET];
    let libraries = run(folder, Path::new("rustc"), &libraries, INSTALL).await?;
    if !Path::new(libraries.trim()).is_dir() {
        let failure = Failure::new(format!("the target `{TARGET}` of Rust is not installed"));
        return Err(failure.help(format!("run `rustup target add {TARGET}`")));
    }
    let arguments = ["build", "--release", "--target", TARGET];
    let format = ["--message-format", "json-render-diagnostics"];
    let arguments = [&arguments[..], &format].concat();
    let messages = run(folder, Path::new("cargo"), &arguments, INSTALL).await?;
    let artifacts = messages.lines().rev().find_map(component_of);
    let Some((name, component)) = artifacts else {
        let failure = Failure::new("cargo built no component");
        return Err(failure.help("add `[lib]` with `crate-type = [\"cdylib\"]` to `Cargo.toml`"));
    };
    let target = folder.join(format!("{name}.wasm"));
    std::fs::copy(&component, &target)
        .map_err(|error| Failure::new(format!("cannot write `{}`: {error}", target.display())))?;
    Ok(target)
}

/// The package and the component of a line of cargo's messages.
fn component_of(line: &str) -> Option<(String, PathBuf)> {
    let message: Value = serde_json::from_str(line).ok()?;
    if message.get("reason")? != "compiler-artifact" {
        return None;
    }
    let files = message.get("filenames")?.as_array()?.iter();
    let mut files = files.filter_map(Value::as_str).map(PathBuf::from);
    let is_component = |file: &PathBuf| {
        file.extension()
            .is_some_and(|extension| extension == "wasm")
    };
    let component = files.find(is_component)?;
    // Cargo names the file by the crate, and the grants by the package: `a_tool`, `a-tool`.
    let manifest = Path::new(message.get("manifest_path")?.as_str()?);
    let id = message.get("package_id")?.as_str()?;
    Some((package(id, manifest)?, component))
}

/// The name of a package by its id, `path+file:///folder/name#0.1.0` or `path+file:///folder#name@0.1.0` (cargo, package id
/// specifications).
fn package(id: &str, manifest: &Path) -> Option<String> {
    let (_, fragment) = id.rsplit_once('#')?;
    match fragment.split_once('@') {
        Some((name, _)) => Some(name.to_owned()),
        None => Some(manifest.parent()?.file_name()?.to_str()?.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_component_is_named_by_its_package() {
        let message = |id: &str| {
            serde_json::json!({
                "reason": "compiler-artifact",
                "package_id": id,
                "manifest_path": "/a/my-tool/Cargo.toml",
                "filenames": ["/a/target/my_tool.rlib", "/a/target/my_tool.wasm"],
            })
            .to_string()
        };
        for (id, name) in [
            ("path+file:///a/my-tool#0.1.0", "my-tool"),
            ("path+file:///a/my-tool#other-tool@0.1.0", "other-tool"),
        ] {
            let found = component_of(&message(id)).unwrap();
            assert_eq!(found, (name.to_owned(), "/a/target/my_tool.wasm".into()));
        }
        assert_eq!(component_of(r#"{"reason": "build-finished"}"#), None);
    }
}
