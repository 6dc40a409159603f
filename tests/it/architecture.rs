//! The crates and modules of the host, and the dependencies between them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use toolhost::digest::Digest;

use crate::guests;

/// The crates of this workspace that each crate may depend on, except for its tests. A new dependency needs a reason,
/// which is given in an ADR.
const CRATES: [(&str, &[&str]); 8] = [
    ("capability", &["quantity"]),
    (
        "cli",
        &["diagnostic", "filesystem", "kubernetes", "toolhost"],
    ),
    ("diagnostic", &["capability"]),
    ("filesystem", &[]),
    ("kubernetes", &["capability", "filesystem"]),
    ("quantity", &[]),
    (
        "toolhost",
        &["capability", "diagnostic", "filesystem", "tools"],
    ),
    ("tools", &[]),
];
/// The modules of a crate that each of its modules may import. The name of a crate is followed by its modules; the files
/// `b` and `c` are parts of a module `a = b c`. Modules of the library `toolhost` are prefixed with its name. A new
/// dependency needs a reason here as well.
const MODULES: &str = "
capability
    interface = access audience backoff error explanation fetch_check fetch_pattern fetch_policy field_path hint job_event job_handle job_identity jobs location name objects reason urls
    conformance: interface sync
    controller: interface
    expansion:
    files: interface text
    interface: text
    memory: controller files interface program request sync
    program: expansion interface
    request: controller files interface text
    sync:
    syntax: interface
    text:
    timer:
cli
    cases: toolhost/capability toolhost/credential toolhost/host toolhost/outcome toolhost/registry toolhost/template
    cli: cases playbook setup toolhost/backend toolhost/capability toolhost/credential toolhost/grant toolhost/host toolhost/outcome toolhost/progress toolhost/registry toolhost/template
    playbook: toolhost/capability toolhost/credential toolhost/sealing toolhost/template
    setup: toolhost/backend toolhost/capability toolhost/credential toolhost/digest toolhost/grant toolhost/host toolhost/registry
diagnostic
    document = bounds builder document node parse
    document: report scalar source
    report: source
    scalar:
    source:
filesystem
    environment:
    private: regular
    regular:
kubernetes
    client = answer client kubeconfig transport
    manifest = manifest policy
    admin: api diagnosis engine manifest names queue retry view
    api: view
    client: diagnosis settings
    cluster: api client diagnosis job_watcher retry settings view
    create: api cluster diagnosis job job_api job_watcher manifest names phase queue retry view
    diagnosis: queue view
    engine: client cluster create manifest settings
    follow: client log_stream phase retry view
    job: api cluster diagnosis follow job_api job_watcher manifest names phase queue retry view
    job_logs: api engine follow job_watcher manifest names phase view
    job_api: api cluster names view
    job_watcher: client manifest retry view
    log_stream:
    manifest: names
    names:
    phase: manifest names view
    planner: manifest
    queue: names view
    retry: client
    settings: manifest
    validate: api diagnosis engine planner retry
    view:
quantity
    suggestion:
toolhost
    abi: capability digest engine grant limits log progress scope sealing
    backend: capability filesystem http
    capability:
    credential: capability diagnostic filesystem http sealing
    diagnostic:
    digest: capability
    engine: limits
    filesystem:
    grant: capability
    host: abi capability diagnostic engine grant limits log outcome progress registry scope sealing template
    http: capability
    limits:
    log: capability filesystem sealing
    outcome: abi capability digest
    progress: capability log
    registry: abi capability digest engine filesystem grant limits scope sealing
    scope: capability limits log progress sealing
    sealing: capability
    template: capability credential diagnostic sealing
";
/// Foreign crates that only one crate may depend on, except for tests.
const FOREIGN: [(&str, &str); 9] = [
    ("clap", "cli"),
    ("granit-parser", "diagnostic"),
    ("k8s-openapi", "kubernetes"),
    ("kube", "kubernetes"),
    ("minijinja", "toolhost"),
    ("object_store", "toolhost"),
    ("reqwest", "toolhost"),
    ("tracing-subscriber", "cli"),
    ("wasmtime", "toolhost"),
];
/// Where a foreign crate, or a certain API, may be used: the text to search for, and the crates with their modules.
const CONFINED: [(&str, &[&str]); 7] = [
    (
        "wasmtime",
        &["toolhost/engine", "toolhost/registry", "toolhost/abi"],
    ),
    ("kube::", &["kubernetes"]),
    // The second one signs a request for a role.
    (
        "object_store::",
        &[
            "toolhost/backend/objects",
            "toolhost/credential/token/aws/role.rs",
        ],
    ),
    ("reqwest::", &["toolhost/http"]),
    // One runs the toolchain of a language, for the author of a tool, one a password manager, before there is any job, and one
    // compiles an untrusted component.
    (
        "process::Command",
        &[
            "cli/cli/tool/build",
            "toolhost/backend/local",
            "toolhost/credential/program.rs",
            "toolhost/registry/compiler/program.rs",
        ],
    ),
    ("println!", &["cli/cli"]),
    ("unsafe {", &["toolhost/registry/cache/mod.rs"]),
];
/// The longest file without its tests; aim below 300.
const MAX_LINES: usize = 450;
/// The digest of the interface of version 0.1. It is not released yet: until it is, a change of the
/// interface changes this line as well. From then on a change is a folder of its own.
const ABI_V0_1: &str = "3881cd3ad7ccbbe3e478333e2472f0822399eb69d0afa92c6e75bf069245f56a";

/// The files of a folder below the repository that end alike, with their paths below that folder.
fn files(folder: &str, ending: &str) -> Vec<(PathBuf, String)> {
    let root = guests::workspace().join(folder);
    let mut folders = vec![root.clone()];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.ends_with("node_modules") {
                continue;
            }
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

/// The sources of a crate without tests, with their paths below its `src`.
fn sources(name: &str) -> Vec<(PathBuf, String)> {
    let sources = files(&format!("host/{name}/src"), ".rs").into_iter();
    let is_test = |path: &Path| {
        path.components()
            .any(|part| part.as_os_str().to_string_lossy().starts_with("tests"))
    };
    sources
        .filter(|(path, _)| !is_test(path))
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

/// The sources of all crates without tests, with the crates before their paths.
fn all_sources() -> impl Iterator<Item = (String, String)> {
    CRATES.into_iter().flat_map(|(name, _)| {
        let sources = sources(name).into_iter();
        sources.map(move |(path, code)| (format!("{name}/{}", path.display()), code))
    })
}

/// What a section of a manifest names: the keys of its lines.
fn section(manifest: &str, name: &str) -> BTreeSet<String> {
    let lines = manifest
        .lines()
        .skip_while(|line| *line != format!("[{name}]"));
    let entries = lines.skip(1).take_while(|line| !line.starts_with('['));
    let is_name =
        |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '_');
    entries
        .map(|line| line.chars().take_while(|character| is_name(*character)))
        .map(Iterator::collect)
        .filter(|name: &String| !name.is_empty())
        .collect()
}

/// A crate of [`MODULES`].
#[derive(Default)]
struct Table<'text> {
    /// The modules that each module may import.
    dependencies: BTreeMap<&'text str, BTreeSet<&'text str>>,
    /// The modules of files that have another name.
    parts: BTreeMap<&'text str, &'text str>,
}

/// Returns [`MODULES`] by crates.
fn tables() -> BTreeMap<&'static str, Table<'static>> {
    let mut tables: BTreeMap<_, Table<'_>> = BTreeMap::new();
    let mut name = "";
    for line in MODULES.trim().lines() {
        if let Some((module, parts)) = line.split_once(" = ") {
            let parts = parts.split_whitespace().map(|part| (part, module.trim()));
            tables.get_mut(name).unwrap().parts.extend(parts);
        } else if let Some((module, others)) = line.split_once(':') {
            let others = others.split_whitespace().collect();
            let table = tables.get_mut(name).unwrap();
            table.dependencies.insert(module.trim(), others);
        } else {
            name = line;
            tables.insert(name, Table::default());
        }
    }
    tables
}

/// Returns the path of the module of a file.
fn module(path: &Path) -> Vec<String> {
    let path = path.with_extension("");
    let parts = path.components();
    let mut parts: Vec<_> = parts
        .map(|part| part.as_os_str().to_string_lossy().into_owned())
        .collect();
    parts.pop_if(|last| matches!(last.as_str(), "lib" | "main" | "mod"));
    parts
}

/// Returns the names of the crate's root that the code of a module imports. `own` is the crate's own name.
fn imports(module: &[String], code: &str, own: &str) -> BTreeSet<String> {
    let root = format!("{own}::");
    let of_root = ["crate::", &root].map(|root| names_after(root, code));
    let up = "super::".repeat(module.len());
    let of_super = code.match_indices(&up).filter_map(|(at, _)| {
        let (before, after) = (&code[..at], &code[at + up.len()..]);
        let is_whole = !before.ends_with("super::") && !after.starts_with("super::");
        is_whole.then_some(after)
    });
    let of_root = of_root.into_iter().flatten();
    of_root.chain(of_super.flat_map(first_names)).collect()
}

/// Returns the names that follow the beginning of a path.
fn names_after<'code>(
    beginning: &'code str,
    code: &'code str,
) -> impl Iterator<Item = String> + 'code {
    code.split(beginning).skip(1).flat_map(first_names)
}

/// Returns the names that follow in a path: one, or those of a group.
fn first_names(path: &str) -> Vec<String> {
    let is_name = |character: char| character.is_ascii_alphanumeric() || character == '_';
    let Some(group) = path.strip_prefix('{') else {
        return vec![path.chars().take_while(|c| is_name(*c)).collect()];
    };
    let mut depth = 0;
    let mut names = vec![String::new()];
    let mut is_begun = false;
    for character in group.chars() {
        match character {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                names.push(String::new());
                is_begun = false;
            }
            _ if depth == 0 && is_name(character) && !is_begun => {
                names.last_mut().unwrap().push(character);
            }
            _ => is_begun = !names.last().unwrap().is_empty(),
        }
    }
    names.retain(|name| !name.is_empty());
    names
}

/// Returns the modules of the names that a crate re-exports at its root.
fn re_exported(code: &str) -> BTreeMap<String, String> {
    let uses = code.split("pub use ").skip(1);
    let uses = uses.filter_map(|rest| rest.split(';').next()?.split_once("::"));
    uses.flat_map(|(module, names)| {
        let names = first_names(names).into_iter();
        names.map(|name| (name, module.to_owned()))
    })
    .collect()
}

/// Fails where dependencies, over any number of steps, are circular.
fn check_direction(dependencies: &BTreeMap<&str, BTreeSet<&str>>) {
    let mut ordered = BTreeSet::new();
    let mut left: BTreeSet<_> = dependencies.keys().copied().collect();
    while !left.is_empty() {
        // A module of another crate does not depend on this one.
        let is_settled = |other: &&str| ordered.contains(other) || other.contains('/');
        let is_free = |name: &&str| dependencies[name].iter().all(is_settled);
        let free: Vec<_> = left.iter().copied().filter(is_free).collect();
        assert!(!free.is_empty(), "these depend on each other: {left:?}");
        for name in free {
            left.remove(name);
            ordered.insert(name);
        }
    }
}

#[test]
fn crates_depend_on_each_other_in_one_direction() {
    let dependencies = CRATES.map(|(name, others)| (name, others.iter().copied().collect()));
    check_direction(&dependencies.into());
    let manifests = files("host", "Cargo.toml").into_iter();
    let (examples, manifests): (Vec<_>, Vec<_>) =
        manifests.partition(|(path, _)| path.starts_with("examples"));
    assert_eq!(manifests.len(), CRATES.len(), "a crate is not in the table");
    for (path, manifest) in examples {
        // They show the dependencies that a third party needs.
        let all = section(&manifest, "dependencies").into_iter();
        let ours: Vec<_> = all.filter(|name| name.starts_with("toolhost")).collect();
        assert_eq!(ours, ["toolhost-capability"], "{}", path.display());
    }
    for (name, others) in CRATES {
        let path = Path::new(name).join("Cargo.toml");
        let (_, manifest) = manifests.iter().find(|(known, _)| *known == path).unwrap();
        let expected: BTreeSet<_> = others
            .iter()
            .map(|other| match *other {
                "toolhost" => other.to_string(),
                other => format!("toolhost-{other}"),
            })
            .collect();
        let all = section(manifest, "dependencies");
        let ours: BTreeSet<_> = all
            .iter()
            .filter(|name| name.starts_with("toolhost"))
            .cloned()
            .collect();
        assert_eq!(ours, expected, "{name}");
        for (foreign, home) in FOREIGN {
            let has = all.contains(foreign);
            assert!(!has || home == name, "{name} has `{foreign}`");
        }
    }
}

#[test]
fn modules_of_a_crate_depend_on_each_other_in_one_direction() {
    let tables = tables();
    let mut wrong = Vec::new();
    for (name, _) in CRATES {
        let sources = sources(name);
        if sources.len() == 1 {
            continue;
        }
        let table = &tables[name];
        check_direction(&table.dependencies);
        let library = sources.iter().find(|(path, _)| path == Path::new("lib.rs"));
        let re_exported = re_exported(&library.unwrap().1);
        let owner_of = |module: &str| -> String {
            let module = re_exported.get(module).map_or(module, String::as_str);
            (*table.parts.get(module).unwrap_or(&module)).to_owned()
        };
        for (path, code) in &sources {
            let module = module(path);
            let Some(first) = module.first() else {
                continue;
            };
            let owner = owner_of(first);
            let Some(allowed) = table.dependencies.get(owner.as_str()) else {
                wrong.push(format!(
                    "{name}/{} does not belong to a module of the table",
                    path.display()
                ));
                continue;
            };
            let own = imports(&module, code, &format!("toolhost_{name}"));
            let own = own.iter().map(|import| owner_of(import));
            let of_library = names_after("toolhost::", code);
            let of_library = of_library.map(|import| format!("toolhost/{import}"));
            for import in own.chain(of_library) {
                if import != owner && import != "self" && !allowed.contains(import.as_str()) {
                    wrong.push(format!("{name}/{} imports `{import}`", path.display()));
                }
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "against the direction of the table: {wrong:#?}"
    );
}

#[test]
fn side_effects_are_confined_to_their_modules() {
    for (place, code) in all_sources() {
        for (word, modules) in CONFINED {
            let is_home = modules.iter().any(|module| place.starts_with(module));
            assert!(
                is_home || !code.contains(word),
                "{place} has `{word}`, which belongs to {modules:?}"
            );
        }
    }
}

#[test]
fn files_are_short() {
    for (place, code) in all_sources() {
        let lines = code.lines().count();
        assert!(lines <= MAX_LINES, "{place} has {lines} lines");
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
        // Once in the list of packages to build, which contains no embedded one, and once where it is called.
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
