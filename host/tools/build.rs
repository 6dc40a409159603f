//! Builds the first-party tools, which the library is made of.

mod build_guests;

use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// What is built, as the package and the file that it ends up in.
const TOOLS: [(&str, &str); 2] = [("python", "python.wasm"), ("script", "script.wasm")];
/// What the tools are made of, seen from this package.
const SOURCES: [&str; 8] = [
    "../../wit",
    "../quantity",
    "../../plugins/sdk",
    "../../plugins/job",
    "../../plugins/python",
    "../../plugins/script",
    "../../Cargo.lock",
    "build_guests.rs",
];

fn main() -> io::Result<()> {
    for source in SOURCES {
        println!("cargo:rerun-if-changed={source}");
    }
    let output = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    let packages = TOOLS.map(|(package, _)| package);
    let built = build_guests::build(Path::new("../.."), &target_directory(&output), &packages)?;
    for (_, file) in TOOLS {
        fs::copy(built.join(file), output.join(file))?;
    }
    Ok(())
}

/// The folder that cargo marks as its own for this build, so that the tools are built once for all
/// profiles.
fn target_directory(output: &Path) -> PathBuf {
    let marked = output
        .ancestors()
        .find(|folder| folder.join("CACHEDIR.TAG").exists());
    marked.unwrap_or(output).join("guests")
}
