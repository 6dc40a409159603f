use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::capability::{FetchPattern, FetchRule};
use crate::diagnostic::{Diagnostic, Document, Node, Span, did_you_mean};
use crate::grant::{Capability, Grants};

/// What tools of a folder may do: its file `grants.yaml`.
///
/// ```yaml
/// grants:
///   my-tool: [objects, jobs, logs]
///   other-tool:
///     - jobs
///     - objects: {allow: ["gs://bucket/scripts/", "https://*.example.com/", "file:"]}
///     - objects: {allow: ["http://10.0.0.1:8080/"], private-addresses: true}
///     - credentials: [api]
/// ```
///
/// `objects` alone stands for everything that is public. Entries add up. What can stand under `allow`, is at
/// [`FetchPattern`].
#[derive(Debug, Clone, Default)]
pub struct GrantsFile(BTreeMap<String, Grants>);

/// Why the grants cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum GrantsFileError {
    /// The file cannot be read.
    #[error("cannot read the grants in `{}`", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Something in it is wrong.
    #[error("the grants in `{}` are wrong", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What is wrong, with its places.
        problems: Vec<Diagnostic>,
    },
}

/// The file's name.
const FILE_NAME: &str = "grants.yaml";
/// The entry with the credentials that a tool may name although its configuration does not.
const CREDENTIALS: &str = "credentials";
/// What can be said of `objects`.
const SETTINGS: [&str; 2] = ["allow", "private-addresses"];

impl GrantsFile {
    /// Reads the grants of a folder; a folder without the file grants nothing.
    ///
    /// # Errors
    ///
    /// [`GrantsFileError`].
    pub fn load_from_folder(folder: &Path) -> Result<Self, GrantsFileError> {
        let path = folder.join(FILE_NAME);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(source) => return Err(GrantsFileError::Unreadable { path, source }),
        };
        let parsed = Document::parse(&path.display().to_string(), &text)
            .map_err(|problem| vec![problem])
            .and_then(|document| Self::parse(&document));
        parsed.map_err(|problems| GrantsFileError::Invalid { path, problems })
    }

    /// Reads grants from a document.
    ///
    /// # Errors
    ///
    /// Everything that is wrong, with its place.
    pub fn parse(document: &Document) -> Result<Self, Vec<Diagnostic>> {
        let mut problems = Vec::new();
        let mut grants = BTreeMap::new();
        let wrong = |node: &Node, message: &str| {
            Diagnostic::error(message.to_owned()).at(document.source(), node.span)
        };
        for entry in document.root().entries().unwrap_or_default() {
            if entry.key.text != "grants" {
                let message = format!("unknown key `{}`", entry.key.text);
                let problem = Diagnostic::error(message).at(document.source(), entry.key.span);
                problems.push(problem.help("the only key here is `grants`"));
                continue;
            }
            let Some(kinds) = entry.value.entries() else {
                problems.push(wrong(
                    &entry.value,
                    "expected a map from kinds to lists of capabilities",
                ));
                continue;
            };
            for kind in kinds {
                let Some(names) = kind.value.items() else {
                    problems.push(wrong(&kind.value, "expected a list of capabilities"));
                    continue;
                };
                let mut granted = Grants::none();
                for name in names {
                    match entry_of(name, document) {
                        Ok(entry) => granted = granted.and(&entry),
                        Err(found) => problems.extend(found),
                    }
                }
                grants.insert(kind.key.text.clone(), granted);
            }
        }
        if problems.is_empty() {
            Ok(Self(grants))
        } else {
            Err(problems)
        }
    }

    /// What a kind may do.
    #[must_use]
    pub fn of(&self, kind: &str) -> Grants {
        self.0.get(kind).cloned().unwrap_or_else(Grants::none)
    }
}

/// One entry of a list: a capability, or a capability with how far it goes.
fn entry_of(node: &Node, document: &Document) -> Result<Grants, Vec<Diagnostic>> {
    let Some(entries) = node.entries() else {
        let capability = capability(node.as_str().unwrap_or_default(), node.span, document);
        return Ok(Grants::of([capability.map_err(|problem| vec![problem])?]));
    };
    let mut problems = Vec::new();
    let mut granted = Grants::none();
    for entry in entries {
        if entry.key.text == CREDENTIALS {
            match credentials(&entry.value, document) {
                Ok(names) => {
                    let names = names.iter().map(String::as_str);
                    granted = names.fold(granted, Grants::spending);
                }
                Err(found) => problems.extend(found),
            }
            continue;
        }
        match capability(&entry.key.text, entry.key.span, document) {
            Ok(Capability::Objects) => match rule(&entry.value, document) {
                Ok(rule) => granted = granted.fetching(rule),
                Err(found) => problems.extend(found),
            },
            Ok(other) => {
                let message = format!("`{other}` has no settings");
                let problem = Diagnostic::error(message).at(document.source(), entry.key.span);
                problems.push(problem.help(format!("write it as `- {other}`")));
            }
            Err(problem) => problems.push(problem),
        }
    }
    if problems.is_empty() {
        Ok(granted)
    } else {
        Err(problems)
    }
}

/// What stands under `credentials:`.
fn credentials(node: &Node, document: &Document) -> Result<Vec<String>, Vec<Diagnostic>> {
    let wrong =
        |node: &Node, message: &str| Diagnostic::error(message).at(document.source(), node.span);
    let Some(items) = node.items() else {
        return Err(vec![wrong(node, "expected a list of names of credentials")]);
    };
    let (names, problems): (Vec<_>, Vec<_>) = items
        .iter()
        .map(|item| item.as_str().filter(|name| !name.is_empty()).ok_or(item))
        .partition(Result::is_ok);
    if problems.is_empty() {
        return Ok(names.into_iter().flatten().map(str::to_owned).collect());
    }
    let problems = problems.into_iter().filter_map(Result::err);
    Err(problems
        .map(|item| wrong(item, "expected the name of a credential"))
        .collect())
}

/// What stands under `objects:`.
fn rule(node: &Node, document: &Document) -> Result<FetchRule, Vec<Diagnostic>> {
    let wrong =
        |node: &Node, message: String| Diagnostic::error(message).at(document.source(), node.span);
    let Some(settings) = node.entries() else {
        let problem = wrong(node, "expected a map with `allow`".to_owned());
        return Err(vec![problem.help("without settings, write `- objects`")]);
    };
    let mut problems = Vec::new();
    let mut rule = FetchRule::default();
    for setting in settings {
        match setting.key.text.as_str() {
            "allow" => match setting.value.items() {
                Some(items) => {
                    let mut patterns = Vec::new();
                    for item in items {
                        match item.as_str().unwrap_or_default().parse::<FetchPattern>() {
                            Ok(pattern) => patterns.push(pattern),
                            Err(error) => problems.push(wrong(item, error.to_string())),
                        }
                    }
                    rule.allow = Some(patterns);
                }
                None => problems.push(wrong(&setting.value, "expected a list of URIs".to_owned())),
            },
            "private-addresses" => match setting.value.to_value() {
                Value::Bool(allowed) => rule.private_addresses = allowed,
                _ => problems.push(wrong(&setting.value, "expected true or false".to_owned())),
            },
            unknown => {
                let message = format!("unknown setting `{unknown}`");
                let problem = Diagnostic::error(message).at(document.source(), setting.key.span);
                problems.push(match did_you_mean(unknown, SETTINGS) {
                    Some(meant) => problem.help(format!("did you mean `{meant}`?")),
                    None => problem.help("there are `allow` and `private-addresses`"),
                });
            }
        }
    }
    if problems.is_empty() {
        Ok(rule)
    } else {
        Err(problems)
    }
}

fn capability(name: &str, span: Span, document: &Document) -> Result<Capability, Diagnostic> {
    name.parse().map_err(|error| {
        let problem = Diagnostic::error(format!("{error}")).at(document.source(), span);
        if name == CREDENTIALS {
            return problem.help("write it as `- credentials: [NAME]`");
        }
        let known = Capability::ALL.iter().map(|capability| capability.as_str());
        match did_you_mean(name, known.chain([CREDENTIALS])) {
            Some(meant) => problem.help(format!("did you mean `{meant}`?")),
            None => problem,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<GrantsFile, Vec<Diagnostic>> {
        GrantsFile::parse(&Document::parse("grants.yaml", text).unwrap())
    }

    #[test]
    fn grants_what_it_says_and_nothing_to_others() {
        let grants = parse("grants:\n  mine: [jobs, logs]\n").unwrap();
        assert!(grants.of("mine").allow(Capability::Jobs));
        assert!(!grants.of("mine").allow(Capability::Objects));
        assert_eq!(grants.of("other"), Grants::none());
    }

    #[test]
    fn says_what_may_be_fetched() {
        let text = "grants:
  mine:
    - jobs
    - objects: {allow: [\"gs://b/scripts/\", \"file:\"]}
    - objects: {allow: [\"http://10.0.0.1:8080/\"], private-addresses: true}
  other: [objects]
  third: [{objects: {private-addresses: true}}]
";
        let grants = parse(text).unwrap();
        let rule = |patterns: &[&str], private_addresses| FetchRule {
            allow: Some(patterns.iter().map(|text| text.parse().unwrap()).collect()),
            private_addresses,
        };
        let mine = grants.of("mine");
        assert!(mine.allow(Capability::Objects) && mine.allow(Capability::Jobs));
        let expected = [
            rule(&["gs://b/scripts/", "file:"], false),
            rule(&["http://10.0.0.1:8080/"], true),
        ];
        assert_eq!(mine.fetch().rules(), expected);
        assert_eq!(grants.of("other").fetch().rules(), [FetchRule::default()]);
        let everywhere = FetchRule {
            allow: None,
            private_addresses: true,
        };
        assert_eq!(grants.of("third").fetch().rules(), [everywhere]);
    }

    #[test]
    fn says_which_credentials_may_be_named() {
        let text = "grants:
  mine: [{credentials: [api, other]}]
  third: [objects]
";
        let grants = parse(text).unwrap();
        let names = |kind: &str| {
            let grants = grants.of(kind);
            let names = grants.fetch().credentials().map(str::to_owned);
            names.collect::<Vec<_>>()
        };
        assert_eq!(names("mine"), ["api", "other"]);
        assert!(names("third").is_empty());
        assert!(!grants.of("mine").allow(Capability::Objects));
        assert!(!grants.of("mine").fetch().is_trusted());
        for (text, place, help) in [
            (
                "[credentials]",
                "2:10",
                Some("write it as `- credentials: [NAME]`"),
            ),
            ("[{credentials: api}]", "2:24", None),
            ("[{credentials: [[]]}]", "2:25", None),
            (
                "[{credentails: [api]}]",
                "2:11",
                Some("did you mean `credentials`?"),
            ),
        ] {
            let problems = parse(&format!("grants:\n  mine: {text}\n")).unwrap_err();
            assert_eq!(
                problems[0].location(),
                Some(format!("grants.yaml:{place}")),
                "{text}"
            );
            assert_eq!(problems[0].help_text(), help, "{text}");
        }
    }

    #[test]
    fn names_every_mistake_of_what_may_be_fetched_at_its_place() {
        let text = "grants:
  mine:
    - objects: {alow: []}
    - objects: {allow: [\"example.com\", 1]}
    - objects: {private-addresses: maybe}
    - objects:
    - jobs: {allow: []}
    - objets: {allow: []}
";
        let problems = parse(text).unwrap_err();
        let places: Vec<_> = problems
            .iter()
            .map(|problem| problem.location().unwrap())
            .collect();
        let expected = ["3:17", "4:25", "4:40", "5:36", "6:14", "7:7", "8:7"];
        assert_eq!(places, expected.map(|place| format!("grants.yaml:{place}")));
        assert_eq!(problems[0].help_text(), Some("did you mean `allow`?"));
        assert_eq!(problems[6].help_text(), Some("did you mean `objects`?"));
    }

    #[test]
    fn names_every_mistake_at_its_place() {
        let problems = parse("grants:\n  mine: [job]\n  other: jobs\ngrant: {}\n").unwrap_err();
        let places: Vec<_> = problems
            .iter()
            .map(|problem| problem.location().unwrap())
            .collect();
        assert_eq!(
            places,
            ["grants.yaml:2:10", "grants.yaml:3:10", "grants.yaml:4:1"]
        );
        assert_eq!(problems[0].help_text(), Some("did you mean `jobs`?"));
    }
}
