use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use crate::diagnostic::{Diagnostic, Document, Node, did_you_mean};
use crate::grant::{Capability, Grants};

/// What tools of a folder may do: its file `grants.yaml`.
///
/// ```yaml
/// grants:
///   my-tool: [objects, jobs, logs]
/// ```
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
                let parsed = names
                    .iter()
                    .filter_map(|name| match capability(name, document) {
                        Ok(capability) => Some(capability),
                        Err(problem) => {
                            problems.push(problem);
                            None
                        }
                    });
                let parsed: Vec<_> = parsed.collect();
                grants.insert(kind.key.text.clone(), Grants::of(parsed));
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

fn capability(node: &Node, document: &Document) -> Result<Capability, Diagnostic> {
    let name = node.as_str().unwrap_or_default();
    name.parse().map_err(|error| {
        let problem = Diagnostic::error(format!("{error}")).at(document.source(), node.span);
        let known = Capability::ALL.iter().map(|capability| capability.as_str());
        match did_you_mean(name, known) {
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
