//! The rooms of the host, and what may lead from one to another.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use toolhost::digest::Digest;

use crate::guests;

/// What each room of the library may import. A new arrow needs a reason, which an ADR gives.
const ARROWS: [(&str, &[&str]); 19] = [
    (
        "setup",
        &[
            "backend",
            "capability",
            "credential",
            "diagnostic",
            "digest",
            "filesystem",
            "grant",
            "host",
            "http",
            "registry",
        ],
    ),
    (
        "host",
        &[
            "abi",
            "capability",
            "diagnostic",
            "digest",
            "engine",
            "grant",
            "invocation",
            "limits",
            "log",
            "outcome",
            "progress",
            "registry",
            "scope",
            "sealing",
            "template",
        ],
    ),
    (
        "registry",
        &[
            "abi",
            "digest",
            "engine",
            "filesystem",
            "grant",
            "invocation",
            "limits",
            "scope",
            "sealing",
        ],
    ),
    ("outcome", &["abi", "capability", "digest"]),
    ("invocation", &["abi", "engine", "limits", "scope"]),
    (
        "abi",
        &[
            "capability",
            "digest",
            "engine",
            "grant",
            "limits",
            "log",
            "progress",
            "scope",
            "sealing",
        ],
    ),
    (
        "scope",
        &["capability", "limits", "log", "progress", "sealing"],
    ),
    ("progress", &["capability", "log"]),
    ("log", &["capability", "filesystem", "sealing"]),
    (
        "playbook",
        &["credential", "diagnostic", "sealing", "template"],
    ),
    ("template", &["credential", "diagnostic", "sealing"]),
    (
        "credential",
        &["capability", "diagnostic", "filesystem", "http", "sealing"],
    ),
    ("backend", &["capability", "filesystem", "http"]),
    ("http", &["capability"]),
    ("engine", &["limits"]),
    // How far a capability goes is part of what the capability is.
    ("grant", &["capability"]),
    ("limits", &[]),
    ("digest", &[]),
    ("sealing", &[]),
];
/// Rooms that import nothing of the host.
const GROUND: [&str; 3] = ["capability", "diagnostic", "filesystem"];
/// Where a foreign crate, or a way to do something, may appear: what to look for, and the rooms.
const CONFINED: [(&str, &[&str]); 7] = [
    ("wasmtime", &["engine", "invocation", "registry", "abi"]),
    ("kube::", &["backend/kubernetes"]),
    ("object_store::", &["backend/objects"]),
    ("reqwest::", &["http"]),
    // The second one asks a password manager, before there is any job; the third compiles what a stranger wrote.
    (
        "process::Command",
        &[
            "backend/local",
            "credential/provide/command.rs",
            "registry/compiler/program.rs",
        ],
    ),
    ("println!", &["cli"]),
    ("unsafe {", &["registry/cache.rs"]),
];
/// The longest file of the library without its tests; aim below 300.
const MAX_LINES: usize = 450;
/// The digest of the interface of version 0.1. It is not released yet: until it is, a change of the
/// interface changes this line as well. From then on a change is a folder of its own.
const ABI_V0_1: &str = "c7d45a917e218333f0b9dd9114e8e677a5a9764eb7d3c73f07e47921284504d6";

/// The files of a folder below the repository that end alike, with their paths below that folder.
fn files(folder: &str, ending: &str) -> Vec<(PathBuf, String)> {
    let root = guests::workspace().join(folder);
    let mut folders = vec![root.clone()];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.to_string_lossy().ends_with(ending) {
                let text = fs::read_to_string(&path).unwrap();
                found.push((path.strip_prefix(&root).unwrap().to_owned(), text));
            }
        }
    }
    found.sort();
    found
}

/// The sources of the library without tests.
fn sources() -> Vec<(PathBuf, String)> {
    let sources = files("host/src", ".rs").into_iter();
    let is_test = |path: &Path| {
        path.components()
            .any(|part| part.as_os_str().to_string_lossy().starts_with("tests"))
    };
    sources
        .filter(|(path, _)| {
            !is_test(path) && !path.starts_with("cli") && path != Path::new("main.rs")
        })
        .map(|(path, text)| {
            let code = text
                .split("#[cfg(test)]\nmod tests {")
                .next()
                .unwrap_or_default();
            let without_comments = |line: &&str| !line.trim_start().starts_with("//");
            let code: Vec<_> = code.lines().filter(without_comments).collect();
            (path, code.join("\n"))
        })
        .collect()
}

/// The room that a file belongs to.
fn room(path: &Path) -> String {
    let first = path
        .components()
        .next()
        .unwrap()
        .as_os_str()
        .to_string_lossy();
    first.trim_end_matches(".rs").to_owned()
}

/// The rooms that a text imports.
fn imports(code: &str) -> BTreeSet<String> {
    let names = code.split("crate::").skip(1).map(|rest| {
        let is_name = |character: char| character.is_ascii_lowercase() || character == '_';
        rest.chars()
            .take_while(|character| is_name(*character))
            .collect::<String>()
    });
    names.filter(|name| !name.is_empty()).collect()
}

#[test]
fn dependencies_point_one_way() {
    let arrows: BTreeMap<_, BTreeSet<_>> = ARROWS
        .iter()
        .map(|(room, others)| (*room, others.iter().copied().collect()))
        .collect();
    let mut ordered: BTreeSet<&str> = GROUND.into();
    let mut left: BTreeSet<&str> = arrows.keys().copied().collect();
    while !left.is_empty() {
        let free: Vec<_> = left
            .iter()
            .copied()
            .filter(|room| arrows[room].is_subset(&ordered))
            .collect();
        assert!(!free.is_empty(), "these rooms lead in a circle: {left:?}");
        for room in free {
            left.remove(room);
            ordered.insert(room);
        }
    }
    let mut wrong = Vec::new();
    for (path, code) in sources() {
        let room = room(&path);
        if room == "lib" {
            continue;
        }
        let allowed = arrows.get(room.as_str()).cloned().unwrap_or_default();
        assert!(
            ordered.contains(room.as_str()),
            "the room `{room}` is not in the table"
        );
        for import in imports(&code) {
            if import != room && !allowed.contains(import.as_str()) {
                wrong.push(format!("{} imports `{import}`", path.display()));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "against the direction of the table: {wrong:#?}"
    );
}

#[test]
fn what_touches_the_world_stays_in_its_room() {
    for (path, code) in sources() {
        let place = path.to_string_lossy().into_owned();
        for (word, rooms) in CONFINED {
            let is_home = rooms.iter().any(|room| place.starts_with(room));
            assert!(
                is_home || !code.contains(word),
                "{place} has `{word}`, which belongs to {rooms:?}"
            );
        }
    }
}

#[test]
fn files_are_short_enough_to_be_read() {
    for (path, code) in sources() {
        let lines = code.lines().count();
        assert!(lines <= MAX_LINES, "{} has {lines} lines", path.display());
    }
}

#[test]
fn every_guest_has_a_test() {
    let manifests = files("plugins", "Cargo.toml")
        .into_iter()
        .chain(files("tests/guests", "Cargo.toml"));
    let tests: String = files("tests/it", ".rs")
        .into_iter()
        .map(|(_, text)| text)
        .collect();
    for (path, manifest) in manifests {
        if !manifest.contains("cdylib") {
            continue;
        }
        let name = manifest
            .lines()
            .find_map(|line| line.strip_prefix("name = "))
            .unwrap();
        // Once in the list of packages to build, which has none that is embedded, and once where it is called.
        let mentions = tests.matches(name).count();
        let is_embedded = ["\"python\"", "\"script\""].contains(&name);
        let enough = if is_embedded { 1 } else { 2 };
        assert!(
            mentions >= enough,
            "{name} of {} has no test",
            path.display()
        );
    }
}

#[test]
fn the_interface_is_the_one_that_tools_were_compiled_against() {
    let files = files("wit/v0.1", ".wit").into_iter();
    let parts = files.flat_map(|(path, text)| [path.to_string_lossy().into_owned(), text]);
    let digits = Digest::of(parts.collect::<String>().as_bytes()).digits();
    assert_eq!(digits, ABI_V0_1, "see the constant");
}
