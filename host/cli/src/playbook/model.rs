use std::sync::Arc;

use serde_json::Value;
use toolhost::capability::FieldPath;
use toolhost::credential::{CredentialProvider, Keychain, KeychainEntry};
use toolhost::template::TemplateError;
use toolhost_diagnostic::{Diagnostic, Document, Place, Span};

/// The key under which a step's own arguments are passed to its tool, as in NoETL.
pub(super) const ARGUMENTS_KEY: &str = "args";

/// A parsed and validated playbook. It has at least one step, and its steps form no cycle.
#[derive(Debug, Clone)]
pub struct Playbook {
    pub(super) document: Document,
    pub(super) metadata: Metadata,
    /// A mapping.
    pub(super) workload: Value,
    pub(super) keychain: Vec<KeychainEntry>,
    pub(super) steps: Vec<Step>,
    /// The indices of the steps that can be reached, each after all its predecessors.
    pub(super) order: Vec<usize>,
    pub(super) warnings: Vec<Diagnostic>,
}

/// The metadata of a playbook.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Metadata {
    /// Its name.
    pub name: String,
    /// Its path in a NoETL catalog.
    pub path: Option<String>,
    /// Its description.
    pub description: Option<String>,
}

/// One step.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Step {
    /// Its unique name.
    pub name: String,
    /// Its description.
    pub description: Option<String>,
    /// Its tool; a step without a tool only leads to others.
    pub tool: Option<StepTool>,
    /// Its successors.
    pub next: Next,
}

/// The tool of a step.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct StepTool {
    /// The tool as the playbook names it: `script`, `script@0.1`.
    pub reference: String,
    /// The tool's configuration without its kind, and the step's own arguments. Strings may be templates.
    pub config: Value,
    /// The path of the configuration in the document: under `tool`, or next to it in the older form, in which
    /// `tool` is a string.
    pub(super) path: Vec<String>,
    /// The path of the kind.
    pub(super) kind_path: Vec<String>,
    /// The path of the arguments, if they are the step's own.
    pub(super) arguments_path: Option<Vec<String>>,
}

/// The successors of a step.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Next {
    /// Whether one or all of the arcs are followed.
    pub mode: NextMode,
    /// The arcs, in the order in which they are tried.
    pub arcs: Vec<NextArc>,
}

/// Whether one or all arcs are followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NextMode {
    /// The first whose condition is true.
    #[default]
    Exclusive,
    /// Every one whose condition is true.
    Inclusive,
}

/// An arc to a successor.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct NextArc {
    /// The target step.
    pub step: String,
    /// The condition for following it; always if `None`.
    pub when: Option<Condition>,
}

/// A `when`.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Condition {
    /// The template.
    pub text: String,
    /// Its path in the document.
    pub(super) path: Vec<String>,
}

impl Playbook {
    /// The metadata of the playbook.
    #[must_use]
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// The values that its templates can use, as written in the playbook; always a mapping.
    #[must_use]
    pub fn workload(&self) -> &Value {
        &self.workload
    }

    /// Every step, in the order in which they were written.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The step of this name.
    #[must_use]
    pub fn step(&self, name: &str) -> Option<&Step> {
        self.steps.iter().find(|step| step.name == name)
    }

    /// The steps that can be reached, in the order in which they run if all of them do.
    pub fn steps_in_order(&self) -> impl Iterator<Item = &Step> {
        self.order.iter().filter_map(|index| self.steps.get(*index))
    }

    /// Warnings about the playbook, such as a step that cannot be reached.
    #[must_use]
    pub fn warnings(&self) -> &[Diagnostic] {
        &self.warnings
    }

    /// Its source text.
    #[must_use]
    pub fn document(&self) -> &Document {
        &self.document
    }

    /// The entries of the playbook's keychain.
    #[must_use]
    pub fn keychain_entries(&self) -> &[KeychainEntry] {
        &self.keychain
    }

    /// The playbook's keychain, over these credentials.
    #[must_use]
    pub fn keychain(&self, credentials: Arc<dyn CredentialProvider>) -> Keychain {
        Keychain::new(self.keychain.clone(), credentials)
    }

    /// A problem with a step's tool configuration, at its position; `path` is a path in the configuration as
    /// the tool gets it, and `is_key` points at a key instead of its value.
    ///
    /// If nothing is at `path`, its closest existing ancestor is shown.
    #[must_use]
    pub fn diagnose(
        &self,
        step: &str,
        path: &[impl AsRef<str>],
        is_key: bool,
        message: impl Into<String>,
        help: Option<String>,
    ) -> Diagnostic {
        let diagnostic = Diagnostic::error(message);
        let diagnostic = match self.place(step, path) {
            Some(Place { key, value }) => {
                // A block below its key is better identified by the key.
                let text = self.document.source().text();
                let is_block =
                    |key: &Span| key.line != value.line || value.slice(text).contains('\n');
                let span = key.filter(|key| is_key || is_block(key)).unwrap_or(value);
                diagnostic.at(self.document.source(), span)
            }
            None => diagnostic,
        };
        match help {
            Some(help) => diagnostic.help(help),
            None => diagnostic,
        }
    }

    /// As [`diagnose`](Self::diagnose), for a culprit that is named by a path such as `script.uri` or
    /// `job.resources.limits.nvidia.com/gpu`.
    #[must_use]
    pub fn diagnose_field(
        &self,
        step: &str,
        field: &FieldPath,
        message: impl Into<String>,
        help: Option<String>,
    ) -> Diagnostic {
        let config = self.step(step).and_then(|step| step.tool.as_ref());
        let path = config.map_or_else(Vec::new, |tool| field.located_in(&tool.config).names());
        self.diagnose(step, &path, false, message, help)
    }

    /// A template of a step's tool configuration that cannot be rendered, at its position.
    #[must_use]
    pub fn diagnose_template(&self, step: &str, mut error: TemplateError) -> Diagnostic {
        let base = match self.step(step).and_then(|step| step.tool.as_ref()) {
            Some(tool) => {
                let (base, inside) = tool.locate(&error.path);
                let (base, inside) = (base.to_vec(), inside.to_vec());
                error.path = inside;
                base
            }
            None => Vec::new(),
        };
        error.diagnostic(&self.document, &base)
    }

    /// A condition that cannot be evaluated, at its position.
    pub(super) fn diagnose_condition(
        &self,
        condition: &Condition,
        error: &TemplateError,
    ) -> Diagnostic {
        error.diagnostic(&self.document, &condition.path)
    }

    fn place(&self, step: &str, path: &[impl AsRef<str>]) -> Option<Place> {
        let tool = self.step(step)?.tool.as_ref()?;
        let path: Vec<_> = path.iter().map(|part| part.as_ref().to_owned()).collect();
        let (base, inside) = tool.locate(&path);
        let whole: Vec<_> = base.iter().chain(inside).collect();
        let place = self.document.locate_nearest(&whole);
        // A key that the whole configuration lacks is reported at the tool's kind, which defines the keys.
        match self.document.locate(&tool.kind_path) {
            Some(kind) if path.is_empty() => Some(kind),
            _ => Some(place),
        }
    }
}

impl StepTool {
    /// The kind of the tool, without a version.
    #[must_use]
    pub fn kind(&self) -> &str {
        match self.reference.split_once('@') {
            Some((kind, _)) => kind,
            None => &self.reference,
        }
    }

    /// Splits a path in the configuration into its start in the document, and the rest.
    fn locate<'path>(&'path self, path: &'path [String]) -> (&'path [String], &'path [String]) {
        match (&self.arguments_path, path.split_first()) {
            (Some(base), Some((first, rest))) if first == ARGUMENTS_KEY => (base, rest),
            _ => (&self.path, path),
        }
    }
}
