//! What the documents name is there: files, sections, tests, and options of the command line.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use toolhost::credential::CredentialsFile;
use toolhost_diagnostic::Document;

use crate::guests;
use crate::program::{Workspace, command};

/// The documents, as paths below the repository with their texts.
fn documents() -> Vec<(PathBuf, String)> {
    let root = guests::workspace();
    let mut found: Vec<PathBuf> = ["README.md", "CONTRIBUTING.md", "plugins/sdk/README.md"]
        .map(PathBuf::from)
        .into();
    for folder in ["docs", "docs/adr"] {
        for entry in fs::read_dir(root.join(folder)).unwrap() {
            let name = entry.unwrap().file_name();
            if Path::new(&name).extension().is_some_and(|it| it == "md") {
                found.push(Path::new(folder).join(name));
            }
        }
    }
    let read = |path: PathBuf| {
        let text = fs::read_to_string(root.join(&path)).unwrap();
        (path, text)
    };
    found.into_iter().map(read).collect()
}

/// What stands between backticks in a text.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// The anchors of a document's sections, as GitHub makes them of the headings.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = text.lines().filter(|line| line.starts_with('#'));
    let anchor = |heading: &str| {
        let words = heading.trim_start_matches('#').trim().to_lowercase();
        let kept = words
            .chars()
            .filter(|it| it.is_alphanumeric() || matches!(it, ' ' | '-' | '_'));
        kept.map(|it| if it == ' ' { '-' } else { it }).collect()
    };
    headings.map(anchor).collect()
}

#[test]
fn every_link_between_documents_leads_somewhere() {
    let mut broken = Vec::new();
    for (path, text) in documents() {
        let folder = guests::workspace().join(path.parent().unwrap());
        let targets = text.split("](").skip(1);
        for target in targets.filter_map(|rest| rest.split(')').next()) {
            if target.contains("://") {
                continue;
            }
            let (file, section) = target.split_once('#').unwrap_or((target, ""));
            let place = folder.join(file);
            let is_there = match (file, section) {
                ("", section) => anchors(&text).contains(section),
                (_, "") => place.exists(),
                (_, section) => {
                    fs::read_to_string(place).is_ok_and(|text| anchors(&text).contains(section))
                }
            };
            if !is_there {
                broken.push(format!("{}: {target}", path.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn every_source_file_that_a_document_names_is_there() {
    let root = guests::workspace();
    let folders = [
        "host/",
        "plugins/",
        "tests/",
        "wit/",
        "fuzz/",
        "examples/",
        "deploy/",
    ];
    let mut missing = Vec::new();
    for (path, text) in documents() {
        for name in quoted(&text) {
            let is_path = folders.iter().any(|folder| name.starts_with(folder))
                && name
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"/_-.".contains(&byte));
            if is_path && !root.join(name).exists() {
                missing.push(format!("{}: {name}", path.display()));
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn every_test_that_holds_a_promise_is_there() {
    let security = fs::read_to_string(guests::workspace().join("docs/security.md")).unwrap();
    let mut missing = Vec::new();
    for name in quoted(&security).filter(|name| name.starts_with("it::")) {
        let mut parts = name.split("::").skip(1).peekable();
        let mut place = guests::workspace().join("tests/it");
        let mut function = None;
        while let Some(part) = parts.next() {
            if parts.peek().is_none() && part.contains('_') && place.with_extension("rs").is_file()
            {
                function = Some(part);
            } else {
                place.push(part);
            }
        }
        let files = [place.with_extension("rs"), place.join("mod.rs")];
        let text = files.iter().find_map(|file| fs::read_to_string(file).ok());
        let is_there = text.is_some_and(|text| {
            function.is_none_or(|function| text.contains(&format!("fn {function}(")))
        });
        if !is_there {
            missing.push(name);
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn the_options_of_the_readme_are_those_of_the_program() {
    let readme = fs::read_to_string(guests::workspace().join("README.md")).unwrap();
    let help = |arguments: &[&str]| {
        let mut command = command(Path::new("/"), arguments);
        let output = command.arg("--help").output().unwrap();
        assert!(output.status.success(), "{arguments:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let all = help(&["run"]) + &help(&["plan"]) + &help(&["call"]);
    let words: BTreeSet<_> = all
        .split(|it: char| !(it.is_ascii_lowercase() || it == '-'))
        .collect();
    let rows = readme.lines().filter(|line| line.starts_with("| `--"));
    let named: Vec<_> = rows
        .flat_map(|row| quoted(row.split('|').nth(1).unwrap_or_default()))
        .filter_map(|option| option.split(' ').next())
        .collect();
    assert!(named.len() >= 10, "{named:?}");
    for option in named {
        assert!(words.contains(option), "no command has `{option}`");
    }
    let commands = readme
        .lines()
        .filter_map(|line| line.strip_prefix("$ toolhost "));
    for command in commands.filter_map(|rest| rest.split(' ').next()) {
        drop(help(&[command]));
    }
}

/// The page about credentials.
fn credentials() -> String {
    fs::read_to_string(guests::workspace().join("docs/credentials.md")).unwrap()
}

#[test]
fn the_credentials_file_of_the_documents_is_valid() {
    let page = credentials();
    let (_, rest) = page.split_once("```yaml\nsecrets:").unwrap();
    let (file, _) = rest.split_once("```").unwrap();
    let file = format!("secrets:{file}");
    let document = Document::parse_confidential("credentials.yaml", &file).unwrap();
    CredentialsFile::parse(&document, Path::new("")).unwrap();
}

#[test]
fn the_provider_of_the_documents_can_be_tried_as_they_say() {
    let page = credentials();
    let (_, rest) = page.split_once("--config - <<'YAML'\n").unwrap();
    let (configuration, rest) = rest.split_once("YAML\n").unwrap();
    let (_, printed) = rest.split_once("prints `").unwrap();
    let (printed, _) = printed.split_once('`').unwrap();
    let workspace = Workspace::new(&[]);
    let mut call = workspace
        .command(&["call", "script", "--config", "-"])
        .env("TOOLHOST_SECRET_WORD", "open-sesame")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = call.stdin.take().unwrap();
    stdin.write_all(configuration.as_bytes()).unwrap();
    drop(stdin);
    let output = call.wait_with_output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && told.contains(printed), "{told}");
    assert!(!told.contains("open-sesame"), "{told}");
}
