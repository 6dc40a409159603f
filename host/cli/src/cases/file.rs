use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde_json::Value;
use toolhost::capability::CapabilityError;
use toolhost::capability::memory::JobScript;
use toolhost::registry::ToolRef;
use toolhost_diagnostic::{Diagnostic, Document, Entry, Node, Span};
use toolhost_filesystem::read_regular_text;

use super::script::{ContextScript, JobPlay, ObjectScript};

/// A file of test cases.
#[derive(Debug)]
pub struct CaseFile {
    pub(super) path: PathBuf,
    pub(super) document: Document,
    pub(super) cases: Vec<Case>,
}

/// One test case.
pub struct Case {
    pub(super) name: String,
    /// The position of the name.
    pub(super) span: Span,
    pub(super) tool: ToolRef,
    pub(super) config: Value,
    pub(super) context: ContextScript,
    pub(super) secrets: BTreeMap<String, Value>,
    /// What a source returns, by URI.
    pub(super) objects: BTreeMap<String, Result<Bytes, CapabilityError>>,
    /// The jobs in the order in which the tool creates them.
    pub(super) jobs: Vec<JobScript>,
    pub(super) expected: Expected,
}

/// What a case expects; what is absent is not compared.
#[derive(Default)]
pub(super) struct Expected {
    pub(super) calls: Option<Node>,
    pub(super) outcome: Option<Node>,
    pub(super) error: Option<Node>,
}

/// Why the cases cannot be run.
#[derive(Debug, thiserror::Error)]
pub enum CaseFileError {
    /// The file cannot be read.
    #[error("cannot read the cases in `{}`", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Something in it is wrong.
    #[error("the cases in `{}` are invalid", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What is wrong, with its places.
        problems: Vec<Diagnostic>,
    },
}

/// The maximum size of a file of cases: as much as a person reads.
const MAX_BYTES: u64 = 4 << 20;
const FILE_KEYS: [&str; 2] = ["cases", "tool"];
const CASE_KEYS: [&str; 7] = [
    "config", "context", EXPECT, "jobs", "objects", "secrets", "tool",
];
/// The key of what a case expects.
pub(super) const EXPECT: &str = "expect";
const EXPECT_KEYS: [&str; 3] = ["calls", "error", "outcome"];

impl CaseFile {
    /// Reads the cases of a file.
    ///
    /// # Errors
    ///
    /// [`CaseFileError`].
    pub fn load(path: &Path) -> Result<Self, CaseFileError> {
        let path = path.to_owned();
        let text = match read_regular_text(&path, MAX_BYTES) {
            Ok(text) => text,
            Err(source) => return Err(CaseFileError::Unreadable { path, source }),
        };
        let name = path.display().to_string();
        let parsed = Document::parse(&name, &text).map_err(|problem| vec![problem]);
        let parsed = parsed.and_then(|document| Ok((cases(&document)?, document)));
        match parsed {
            Ok((cases, document)) => Ok(Self {
                path,
                document,
                cases,
            }),
            Err(problems) => Err(CaseFileError::Invalid { path, problems }),
        }
    }

    /// Its path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its cases, in order.
    #[must_use]
    pub fn cases(&self) -> &[Case] {
        &self.cases
    }
}

impl Case {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Debug for Case {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Case")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl Expected {
    /// Whether nothing is compared.
    pub(super) fn is_empty(&self) -> bool {
        self.calls.is_none() && self.outcome.is_none() && self.error.is_none()
    }
}

fn cases(document: &Document) -> Result<Vec<Case>, Vec<Diagnostic>> {
    let mut reader = Reader {
        document,
        problems: Vec::new(),
    };
    let root = document.root();
    reader.check_keys(root, &FILE_KEYS);
    let tool = root.get("tool").and_then(|node| reader.tool(node));
    let entries = root.get("cases").and_then(Node::entries);
    let Some(entries) = entries.filter(|entries| !entries.is_empty()) else {
        reader.wrong(
            root.get("cases").unwrap_or(root),
            "expected `cases`, a mapping from names to cases",
        );
        return Err(reader.problems);
    };
    let cases = entries
        .iter()
        .filter_map(|entry| reader.case(entry, tool.as_ref()));
    let cases = cases.collect();
    if reader.problems.is_empty() {
        Ok(cases)
    } else {
        Err(reader.problems)
    }
}

/// Collects the problems of a file.
struct Reader<'a> {
    document: &'a Document,
    problems: Vec<Diagnostic>,
}

impl Reader<'_> {
    fn case(&mut self, entry: &Entry, default_tool: Option<&ToolRef>) -> Option<Case> {
        let node = &entry.value;
        self.check_keys(node, &CASE_KEYS);
        let own_tool = node.get("tool").and_then(|node| self.tool(node));
        let Some(tool) = own_tool.or_else(|| default_tool.cloned()) else {
            self.wrong(
                node,
                "missing key `tool`, here or at the beginning of the file",
            );
            return None;
        };
        let config = node
            .get("config")
            .map_or_else(|| Value::Object(serde_json::Map::new()), Node::to_value);
        let context = node.get("context").and_then(|node| self.value(node));
        let secrets = node.get("secrets").and_then(|node| self.value(node));
        Some(Case {
            name: entry.key.text.clone(),
            span: entry.key.span,
            tool,
            config,
            context: context.unwrap_or_default(),
            secrets: secrets.unwrap_or_default(),
            objects: self.objects(node.get("objects")),
            jobs: self.jobs(node.get("jobs")),
            expected: self.expected(node.get(EXPECT)),
        })
    }

    fn objects(&mut self, node: Option<&Node>) -> BTreeMap<String, Result<Bytes, CapabilityError>> {
        let mut objects = BTreeMap::new();
        for entry in self.entries(node) {
            let script = self.value::<ObjectScript>(&entry.value);
            let played = script.and_then(|script| self.valid(&entry.value, script.played()));
            objects.extend(played.map(|played| (entry.key.text.clone(), played)));
        }
        objects
    }

    fn jobs(&mut self, node: Option<&Node>) -> Vec<JobScript> {
        let Some(node) = node else {
            return Vec::new();
        };
        let Some(items) = node.items() else {
            self.wrong(node, "expected a list of jobs");
            return Vec::new();
        };
        let mut jobs = Vec::new();
        for item in items {
            let play = self.value::<JobPlay>(item);
            jobs.extend(play.and_then(|play| self.valid(item, play.script())));
        }
        jobs
    }

    fn expected(&mut self, node: Option<&Node>) -> Expected {
        let Some(node) = node else {
            return Expected::default();
        };
        self.check_keys(node, &EXPECT_KEYS);
        let expected = Expected {
            calls: node.get("calls").cloned(),
            outcome: node.get("outcome").cloned(),
            error: node.get("error").cloned(),
        };
        if expected.outcome.is_some() && expected.error.is_some() {
            self.wrong(node, "a call has either an `outcome` or an `error`");
        }
        expected
    }

    fn tool(&mut self, node: &Node) -> Option<ToolRef> {
        let parsed = node.as_str().map(ToolRef::from_str);
        match parsed {
            Some(Ok(tool)) => Some(tool),
            Some(Err(error)) => {
                self.wrong(node, &error.to_string());
                None
            }
            None => {
                self.wrong(node, "expected the name of a tool");
                None
            }
        }
    }

    fn value<T: DeserializeOwned>(&mut self, node: &Node) -> Option<T> {
        let parsed = serde_json::from_value(node.to_value()).map_err(|error| error.to_string());
        self.valid(node, parsed)
    }

    fn valid<T>(&mut self, node: &Node, parsed: Result<T, String>) -> Option<T> {
        parsed.map_err(|problem| self.wrong(node, &problem)).ok()
    }

    fn entries<'node>(&mut self, node: Option<&'node Node>) -> &'node [Entry] {
        let Some(node) = node else {
            return &[];
        };
        node.entries().unwrap_or_else(|| {
            self.wrong(node, "expected a mapping");
            &[]
        })
    }

    fn check_keys(&mut self, node: &Node, known: &[&str]) {
        let keys = self.entries(Some(node)).iter().map(|entry| &entry.key);
        let unknown = keys.filter(|key| !known.contains(&key.text.as_str()));
        let problems = unknown.map(|key| self.document.unknown_key(key, known));
        self.problems.extend(problems);
    }

    fn wrong(&mut self, node: &Node, message: &str) {
        let problem = Diagnostic::error(message.to_owned());
        self.problems
            .push(problem.at(self.document.source(), node.span));
    }
}
