//! The folder of `--plugins`: what stands for a tool, what is left out, and what is granted to whom.

use std::fs;
use std::path::PathBuf;
use std::process::Output;

use rustix::fs::{CWD, FileType, Mode, mknodat};
use serde_json::Value;
use toolhost::digest::Digest;

use crate::guests;
use crate::program::Workspace;
use crate::swap::component;

/// A custom section named `x` without content: another component that does the same.
const SECTION: [u8; 4] = [0, 2, 1, b'x'];

const PLAYBOOK: &str = "apiVersion: noetl.io/v2
kind: Playbook
metadata:
  name: test
workflow:
  - step: first
    tool: {kind: script, script: {uri: a.sh}}
";

/// A workspace with a playbook, and an empty folder `plugins`.
fn workspace() -> (Workspace, PathBuf) {
    let files = [
        ("a.sh", "echo the script ran"),
        ("p.yaml", PLAYBOOK),
        ("greet.yaml", "name: Ada\n"),
    ];
    let workspace = Workspace::new(&files);
    let plugins = workspace.path().join("plugins");
    fs::create_dir(&plugins).unwrap();
    (workspace, plugins)
}

/// The text on standard error, without line breaks and indentation.
fn stderr(output: &Output) -> String {
    let text = String::from_utf8(output.stderr.clone()).unwrap();
    let words = text.split_whitespace().filter(|word| *word != "│");
    words.collect::<Vec<_>>().join(" ")
}

fn tool_of(output: &Output) -> String {
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    report["steps"][0]["tool"].as_str().unwrap().to_owned()
}

fn in_use(workspace: &Workspace, kind: &str) -> Result<Value, String> {
    let arguments = [
        "tool",
        "inspect",
        kind,
        "--plugins",
        "plugins",
        "--output",
        "json",
    ];
    let output = workspace.run(&arguments);
    if output.status.success() {
        return Ok(serde_json::from_slice(&output.stdout).unwrap());
    }
    Err(stderr(&output))
}

#[test]
fn a_file_takes_the_place_of_a_built_in_tool_only_by_a_line_with_its_digest() {
    let (workspace, plugins) = workspace();
    fs::copy(guests::file("dry-run"), plugins.join("innocent.wasm")).unwrap();
    let digest = Digest::of(&guests::bytes("dry-run"));
    let run = |grants: &str| {
        fs::write(plugins.join("grants.yaml"), grants).unwrap();
        workspace.run(&["run", "p.yaml", "--plugins", "plugins", "--output", "json"])
    };
    let other = Digest::of(b"another component");
    for grants in [
        "grants: {}\n".to_owned(),
        "grants:\n  script: [objects]\n".to_owned(),
        format!("grants:\n  script: [{{digest: \"{digest}\"}}, objects]\n"),
        "grants:\n  script: [{file: innocent.wasm}, objects]\n".to_owned(),
        format!("grants:\n  script: [{{override: \"{other}\"}}, objects]\n"),
    ] {
        let output = run(&grants);
        let told = stderr(&output);
        assert_eq!(output.status.code(), Some(0), "{told}");
        assert_eq!(tool_of(&output), "script@0.1.0", "{told}");
        assert!(
            told.contains("innocent.wasm` claims to be the built-in tool"),
            "{told}"
        );
        assert!(
            told.contains(&format!("script: - override: {digest}")),
            "{told}"
        );
    }
    let output = run(&format!(
        "grants:\n  script: [{{override: \"{digest}\"}}]\n"
    ));
    let told = stderr(&output);
    assert_eq!(output.status.code(), Some(3), "{told}");
    assert!(
        told.contains(&format!("script: - override: {digest} - objects")),
        "{told}"
    );
    let output = run(&format!(
        "grants:\n  script:\n    - override: {digest}\n    - objects\n"
    ));
    let told = stderr(&output);
    assert_eq!(output.status.code(), Some(0), "{told}");
    assert_eq!(tool_of(&output), "script@1.0.0");
    assert!(
        told.contains("note: the built-in tool `script` is replaced by script@1.0.0"),
        "{told}"
    );
    let listed = workspace.run(&["tool", "list", "--plugins", "plugins"]);
    assert!(
        stderr(&listed).contains("is replaced by"),
        "{}",
        stderr(&listed)
    );
}

#[test]
fn a_tool_is_granted_something_by_its_digest_or_its_file_and_never_by_its_name() {
    let (workspace, plugins) = workspace();
    fs::copy(guests::file("greet"), plugins.join("greet.wasm")).unwrap();
    let call = |grants: &str| {
        fs::write(plugins.join("grants.yaml"), grants).unwrap();
        workspace.run(&[
            "call",
            "greet",
            "--plugins",
            "plugins",
            "--config",
            "greet.yaml",
        ])
    };
    let digest = Digest::of(&guests::bytes("greet"));
    let denied = call("grants:\n  greet: [secrets, jobs, logs]\n");
    let told = stderr(&denied);
    assert_eq!(denied.status.code(), Some(3), "{told}");
    let list = "- secrets - jobs - logs";
    assert!(
        told.contains(&format!("greet: - digest: {digest} {list}")),
        "{told}"
    );
    assert!(told.contains("grants nothing to `greet.wasm`"), "{told}");
    for binding in [
        format!("digest: \"{digest}\""),
        "file: greet.wasm".to_owned(),
    ] {
        let greeted = call(&format!(
            "grants:\n  greet: [{{{binding}}}, secrets, jobs, logs]\n"
        ));
        assert_eq!(greeted.status.code(), Some(0), "{}", stderr(&greeted));
        let outcome: Value = serde_json::from_slice(&greeted.stdout).unwrap();
        assert_eq!(outcome["output"], "Hello, Ada!\n", "{binding}");
    }
    // Another component that says that it is `greet` as well gets nothing of it.
    fs::rename(plugins.join("greet.wasm"), plugins.join("innocent.wasm")).unwrap();
    let changed = [&*guests::bytes("greet"), &SECTION].concat();
    for (binding, content) in [
        (
            "file: greet.wasm".to_owned(),
            guests::bytes("greet").to_vec(),
        ),
        (format!("digest: \"{digest}\""), changed),
    ] {
        fs::write(plugins.join("innocent.wasm"), content).unwrap();
        let denied = call(&format!(
            "grants:\n  greet: [{{{binding}}}, secrets, jobs, logs]\n"
        ));
        assert_eq!(
            denied.status.code(),
            Some(3),
            "{binding}: {}",
            stderr(&denied)
        );
        let told = stderr(&denied);
        assert!(
            told.contains("this does not match the `greet` of `innocent.wasm`"),
            "{told}"
        );
    }
}

#[test]
fn the_grants_in_the_readme_of_the_kit_are_those_that_its_tool_needs() {
    let (workspace, plugins) = workspace();
    fs::copy(guests::file("greet"), plugins.join("greet.wasm")).unwrap();
    let readme = fs::read_to_string(guests::workspace().join("plugins/sdk/README.md")).unwrap();
    let line = readme
        .lines()
        .find(|line| line.contains("> target/wasm32-wasip2/release/grants.yaml"));
    let grants = line.unwrap().split('\'').nth(1).unwrap();
    fs::write(plugins.join("grants.yaml"), grants).unwrap();
    let output = workspace.run(&[
        "call",
        "greet",
        "--plugins",
        "plugins",
        "--config",
        "greet.yaml",
    ]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let outcome: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(outcome["output"], "Hello, Ada!\n");
}

#[test]
fn inspect_prints_the_entry_that_grants_a_tool_what_it_needs() {
    let (workspace, plugins) = workspace();
    fs::copy(guests::file("greet"), plugins.join("greet.wasm")).unwrap();
    let inspect = || workspace.run(&["tool", "inspect", "greet", "--plugins", "plugins"]);
    let shown = String::from_utf8(inspect().stdout).unwrap();
    let start = shown.find("grants:\n").unwrap();
    let end = start + shown[start..].find("\n\n").unwrap();
    fs::write(plugins.join("grants.yaml"), &shown[start..end]).unwrap();
    let shown = String::from_utf8(inspect().stdout).unwrap();
    assert!(
        shown.contains("granted   secrets, jobs, logs, progress\n"),
        "{shown}"
    );
    assert!(!shown.contains("denied"), "{shown}");
}

#[test]
fn an_entry_for_no_tool_is_reported_with_what_was_meant() {
    let (workspace, plugins) = workspace();
    fs::copy(guests::file("greet"), plugins.join("greet.wasm")).unwrap();
    fs::write(plugins.join("grants.yaml"), "grants:\n  greeet: [jobs]\n").unwrap();
    let told = stderr(&workspace.run(&["tool", "list", "--plugins", "plugins"]));
    assert!(told.contains("unknown tool `greeet`"), "{told}");
    assert!(told.contains("did you mean `greet`?"), "{told}");
    assert!(told.contains("grants.yaml:2:3"), "{told}");
}

#[test]
fn the_highest_stable_version_is_in_use_whatever_its_file_is_called() {
    let (workspace, plugins) = workspace();
    let write = |name: &str, version: &str| {
        fs::write(plugins.join(name), component(version)).unwrap();
    };
    write("c.wasm", "11.0.0-rc.2");
    write("d.wasm", "11.0.0-rc.1");
    assert_eq!(
        in_use(&workspace, "versions").unwrap()["version"],
        "11.0.0-rc.2"
    );
    write("b.wasm", "9.99.999999");
    assert_eq!(
        in_use(&workspace, "versions").unwrap()["version"],
        "9.99.999999"
    );
    write("a.wasm", "10.0.100000");
    assert_eq!(
        in_use(&workspace, "versions").unwrap()["version"],
        "10.0.100000"
    );
    // The same component twice is one.
    write("z.wasm", "9.99.999999");
    assert_eq!(
        in_use(&workspace, "versions").unwrap()["version"],
        "10.0.100000"
    );
    let found = in_use(&workspace, "versions@11.0.0-rc.1").unwrap();
    assert_eq!(found["version"], "11.0.0-rc.1");
}

#[test]
fn two_components_of_one_version_are_both_left_out_by_name() {
    let (workspace, plugins) = workspace();
    let one = component("100.100.100");
    fs::write(plugins.join("one.wasm"), &one).unwrap();
    fs::write(plugins.join("two.wasm"), [&*one, &SECTION].concat()).unwrap();
    fs::write(plugins.join("other.wasm"), component("100.100.199")).unwrap();
    assert_eq!(
        in_use(&workspace, "versions").unwrap()["version"],
        "100.100.199"
    );
    let told = in_use(&workspace, "versions@100.100.100").unwrap_err();
    assert!(told.contains("one.wasm` and `"), "{told}");
    assert!(
        told.contains("two.wasm` claim to be `versions@100.100.100`"),
        "{told}"
    );
    assert!(told.contains("is not loaded"), "{told}");
}

#[test]
fn a_file_that_is_not_regular_is_left_out_by_name_without_blocking() {
    let (workspace, plugins) = workspace();
    let pipe = plugins.join("pipe.wasm");
    mknodat(CWD, &pipe, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    fs::create_dir(plugins.join("folder.wasm")).unwrap();
    std::os::unix::fs::symlink("/dev/zero", plugins.join("device.wasm")).unwrap();
    let output = workspace.run(&["tool", "list", "--plugins", "plugins"]);
    let told = stderr(&output);
    assert_eq!(output.status.code(), Some(0), "{told}");
    for name in ["pipe.wasm", "folder.wasm", "device.wasm"] {
        let expected = format!("plugins/{name}`: not a regular file");
        assert!(told.contains(&expected), "{name}: {told}");
    }
    assert_eq!(String::from_utf8_lossy(&output.stdout).lines().count(), 3);
    fs::remove_file(&pipe).unwrap();
    mknodat(
        CWD,
        plugins.join("grants.yaml"),
        FileType::Fifo,
        Mode::RUSR | Mode::WUSR,
        0,
    )
    .unwrap();
    let output = workspace.run(&["tool", "list", "--plugins", "plugins"]);
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    assert!(
        stderr(&output).contains("not a regular file"),
        "{}",
        stderr(&output)
    );
}

/// `HOME` as it is in services without one, and in a misconfigured shell.
#[test]
fn a_home_that_is_not_an_absolute_path_is_ignored() {
    let (workspace, _plugins) = workspace();
    let planted = workspace.path().join(".config/toolhost");
    fs::create_dir_all(&planted).unwrap();
    fs::write(planted.join("credentials.yaml"), "what: is this\n").unwrap();
    for (variable, value) in [("HOME", ""), ("HOME", "."), ("XDG_CACHE_HOME", "cache")] {
        let mut command = workspace.command(&["run", "p.yaml"]);
        command.env("HOME", "").env(variable, value);
        let output = command.output().unwrap();
        let told = stderr(&output);
        assert_eq!(output.status.code(), Some(0), "{variable}={value}: {told}");
        assert_eq!(
            told.matches("compiled tools are not cached").count(),
            1,
            "{told}"
        );
        for name in [".cache", "cache", ".local"] {
            assert!(
                !workspace.path().join(name).exists(),
                "{variable}={value}: {name}"
            );
        }
    }
    // With a home it is read, and refused.
    let output = workspace.run(&["run", "p.yaml"]);
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
}

#[test]
fn a_cache_that_others_can_write_into_is_done_without_and_said_once() {
    use std::os::unix::fs::PermissionsExt as _;
    let (workspace, _plugins) = workspace();
    assert_eq!(workspace.run(&["tool", "list"]).status.code(), Some(0));
    let cache = workspace.path().join(".cache/toolhost/compiled");
    let files = || fs::read_dir(&cache).unwrap().count();
    // The key, and a file for each tool that is built in.
    assert_eq!(files(), 4);
    fs::set_permissions(&cache, fs::Permissions::from_mode(0o755)).unwrap();
    let output = workspace.run(&["tool", "list"]);
    let told = stderr(&output);
    assert_eq!(output.status.code(), Some(0), "{told}");
    assert_eq!(
        told.matches("compiled components are not cached").count(),
        1,
        "{told}"
    );
    assert!(told.contains("its mode is 755, expected 700"), "{told}");
    fs::set_permissions(&cache, fs::Permissions::from_mode(0o700)).unwrap();
    fs::remove_file(cache.join("key")).unwrap();
    mknodat(
        CWD,
        cache.join("key"),
        FileType::Fifo,
        Mode::RUSR | Mode::WUSR,
        0,
    )
    .unwrap();
    let output = workspace.run(&["tool", "list"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(files(), 4);
}

/// A playbook whose first step places a file among the plugins, and whose second one calls a tool.
fn placing(file: &str, name: &str, kind: &str) -> String {
    format!(
        "apiVersion: noetl.io/v2\nkind: Playbook\nmetadata: {{name: test}}\nworkflow:\n\
         - step: place\n  tool: {{kind: script, script: {{content: 'cp {file} plugins/{name}', interpreter: sh}}, job: {{backoffLimit: 0}}}}\n  next: {{arcs: [{{step: call}}]}}\n\
         - step: call\n  tool: {{kind: {kind}}}\n"
    )
}

/// Runs a playbook with version 200 of `versions` in the folder, which places a file in its first step.
fn run_with_change(placed: &[u8], grants: &[&[u8]]) -> (Output, String) {
    let (workspace, plugins) = workspace();
    let first = component("200.100.100");
    fs::write(plugins.join("versions.wasm"), &first).unwrap();
    let digests = [&first[..]].into_iter().chain(grants.iter().copied());
    let digests = digests.map(|bytes| format!("{{digest: \"{}\"}}", Digest::of(bytes)));
    let digests = digests.collect::<Vec<_>>().join(", ");
    fs::write(
        plugins.join("grants.yaml"),
        format!("grants: {{versions: [{digests}, jobs]}}\n"),
    )
    .unwrap();
    let staged = workspace.path().join("staged");
    fs::write(&staged, placed).unwrap();
    let playbook = placing(staged.to_str().unwrap(), "next.wasm", "versions");
    // A script runs in a folder of its own.
    let folder = plugins.to_str().unwrap();
    let playbook = playbook.replace(" plugins/", &format!(" {folder}/"));
    fs::write(workspace.path().join("p.yaml"), playbook).unwrap();
    let output = workspace.run(&["run", "p.yaml", "--plugins", "plugins"]);
    let said = stderr(&output);
    (output, said)
}

#[test]
fn a_running_playbook_takes_up_a_new_version_for_its_next_step_and_says_so() {
    let next = component("201.100.100");
    let (output, said) = run_with_change(&next, &[&next]);
    assert_eq!(output.status.code(), Some(0), "{said}");
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(stdout.contains("(versions@201.100.100)"), "{stdout}");
    let note = format!(
        "versions@201.100.100 of `plugins/next.wasm` ({}) is in use from now on instead of versions@200.100.100",
        Digest::of(&next)
    );
    assert!(said.contains(&note), "{said}");
}

#[test]
fn a_lower_version_is_not_used_by_a_running_playbook() {
    let lower = component("199.100.100");
    let (output, said) = run_with_change(&lower, &[&lower]);
    assert_eq!(output.status.code(), Some(0), "{said}");
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(stdout.contains("(versions@200.100.100)"), "{stdout}");
    assert!(said.contains("can be called by its version"), "{said}");
}

#[test]
fn a_running_playbook_keeps_its_tool_if_the_new_one_cannot_be_used() {
    let next = component("201.100.100");
    let half = &next[..next.len() / 2];
    for (placed, granted, expected) in [
        (&next[..], &[][..], "is not granted what it needs"),
        (half, &[half][..], "is not a WebAssembly component"),
        (b"text", &[], "is not a WebAssembly component"),
    ] {
        let (output, said) = run_with_change(placed, granted);
        assert_eq!(output.status.code(), Some(0), "{said}");
        let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(stdout.contains("(versions@200.100.100)"), "{stdout}");
        assert!(said.contains(expected), "{expected}: {said}");
        assert_eq!(said.matches("left out a tool").count(), 1, "{said}");
    }
}
