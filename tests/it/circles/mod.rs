//! Files and modules of a crate do not depend on each other in circles.
//!
//! A file uses another one if it names something that the other defines: in a path, a private `use`, a macro's tokens or
//! an attribute. What a name means is followed through imports and re-exports to the file that has the definition.
//! The following are not uses:
//! - `mod` and a re-export (`pub use`, `pub(crate) use`): the file that reads the name through it uses the definer, and
//!   so does the re-exporting file itself where it needs the name in its own code.
//! - The name of a module, unless a path continues from there, except in an attribute (`#[serde(with = "module")]`).
//! - Code that is compiled only for tests, and documentation.
//! - A trait's implementation: the caller of the trait does not name it.
//!
//! A method that a file adds to a type of another file is a use of the former where it is called on `self`, and
//! elsewhere where no type has a method of that name in its own file: the types of values are not known here.
//!
//! Circles are looked for in each module, between its own file and its children with all that is below them.
//!
//! Programs such as `cargo-cycles` look for circles as well, but would have to be installed where tests run.

mod graph;
mod names;
mod syntax;
mod tests;
mod uses;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::guests;
use names::{Crate, File};

#[test]
fn no_file_needs_one_that_needs_it() {
    let mut found = Vec::new();
    for manifest in ["host", "plugins"].map(manifests).concat() {
        let sources = manifest.parent().unwrap().join("src");
        let files = sources_of(&sources);
        for root in ["lib.rs", "main.rs"] {
            if files.contains_key(root) {
                let circles = graph::circles(Crate::read(&files, root));
                let place = sources.strip_prefix(guests::workspace()).unwrap();
                let named = |circle| format!("{}: {circle}", place.display());
                found.extend(circles.into_iter().map(named));
            }
        }
    }
    assert!(
        found.is_empty(),
        "{} circles:\n{}",
        found.len(),
        found.join("\n")
    );
}

/// The manifests below a folder of the repository.
fn manifests(folder: &str) -> Vec<PathBuf> {
    let is_manifest = |path: &PathBuf| path.file_name().is_some_and(|name| name == "Cargo.toml");
    let mut found = below(&guests::workspace().join(folder));
    found.retain(is_manifest);
    found
}

/// The sources in a folder, by their paths there.
fn sources_of(folder: &Path) -> BTreeMap<File, String> {
    let mut found = BTreeMap::new();
    for path in below(folder) {
        if path.extension().is_some_and(|ending| ending == "rs") {
            let name = path.strip_prefix(folder).unwrap().to_str().unwrap();
            found.insert(name.to_owned(), fs::read_to_string(&path).unwrap());
        }
    }
    found
}

/// All files below a folder.
fn below(folder: &Path) -> Vec<PathBuf> {
    let mut folders = vec![folder.to_owned()];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else {
            continue;
        };
        for entry in entries {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}
