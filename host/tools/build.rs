//! Provides the first-party tools, which the library embeds: built from the sources of the repository, or from the package,
//! which contains the components as files.

mod build_guests;

use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// What is built, as the package and the file that it ends up in.
const TOOLS: [(&str, &str); 3] = [
    ("container", "container.wasm"),
    ("python", "python.wasm"),
    ("script", "script.wasm"),
];
/// The repository, seen from this package.
const REPOSITORY: &str = "../..";
/// Where this package is in it.
const OWN_FOLDER: &str = "../../host/tools";
/// The sources of the tools, which packages do not contain.
const TOOL_SOURCES: &str = "../../plugins";
/// What the tools are made of, seen from this package.
const SOURCES: [&str; 9] = [
    "../../wit",
    "../quantity",
    "../../plugins/sdk",
    "../../plugins/job",
    "../../plugins/container",
    "../../plugins/python",
    "../../plugins/script",
    "../../Cargo.lock",
    "build_guests.rs",
];
/// The components of the package.
const COMPONENTS: &str = "components";

fn main() -> io::Result<()> {
    let output = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    // The sources always take precedence, so that an outdated component in the folder is never embedded.
    let components = if is_repository() {
        build_from_sources(&output)?
    } else {
        PathBuf::from(COMPONENTS)
    };
    for (_, file) in TOOLS {
        let component = components.join(file);
        fs::copy(&component, output.join(file)).map_err(|error| {
            let component = component.display();
            let message =
                format!("cannot copy {component}, which the package should contain: {error}");
            io::Error::new(error.kind(), message)
        })?;
    }
    Ok(())
}

/// Whether this package is in its place in the repository, with the sources of the tools. Elsewhere the same paths may name
/// unrelated files.
fn is_repository() -> bool {
    match (fs::canonicalize(OWN_FOLDER), fs::canonicalize(".")) {
        (Ok(own), Ok(current)) => own == current && Path::new(TOOL_SOURCES).exists(),
        _ => false,
    }
}

fn build_from_sources(output: &Path) -> io::Result<PathBuf> {
    for source in SOURCES {
        println!("cargo:rerun-if-changed={source}");
    }
    let packages = TOOLS.map(|(package, _)| package);
    build_guests::build(Path::new(REPOSITORY), &target_directory(output), &packages)
}

/// The folder that cargo marks as its own for this build, so that the tools are built once for all
/// profiles.
fn target_directory(output: &Path) -> PathBuf {
    let marked = output
        .ancestors()
        .find(|folder| folder.join("CACHEDIR.TAG").exists());
    marked.unwrap_or(output).join("guests")
}
