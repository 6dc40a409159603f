use serde_json::Value;

use super::graph;
use super::parse;
use crate::credential::KeychainEntry;
use crate::diagnostic::{Diagnostic, Document, Span};

/// A playbook that was checked.
#[derive(Debug, Clone)]
pub struct Playbook {
    /// `metadata.name`.
    pub name: Option<String>,
    /// `metadata.path`.
    pub path: Option<String>,
    /// `workload`: a mapping, empty where there is none.
    pub workload: Value,
    /// `keychain`.
    pub keychain: Vec<KeychainEntry>,
    /// `workflow`, as it is written.
    pub steps: Vec<Step>,
    /// What a person should know although the playbook can run.
    pub warnings: Vec<Diagnostic>,
    /// Indices into `steps`: every step that may run, after all that lead to it.
    pub(super) order: Vec<usize>,
}

/// A step of a workflow.
#[derive(Debug, Clone)]
pub struct Step {
    /// Its name, by which later steps ask for its result.
    pub name: String,
    /// `desc`.
    pub description: Option<String>,
    /// What it does; nothing in a step that only begins, joins or ends.
    pub tool: Option<ToolCall>,
    /// Where it leads.
    pub arcs: Vec<NextArc>,
    /// How many of the arcs are followed.
    pub mode: NextMode,
    /// Where its name stands.
    pub span: Span,
}

/// A tool that a step calls.
#[derive(Debug, Clone)]
pub struct ToolCall {
    /// The tool, such as `script`.
    pub kind: String,
    /// The version that is asked for: `0.1` in `script@0.1`.
    pub version: Option<String>,
    /// What stands under `tool:` less `kind`, with its templates.
    pub config: Value,
    /// Where `kind` stands.
    pub span: Span,
    /// The keys and indices that lead to the configuration in the document.
    pub(super) path: Vec<String>,
    /// Where `args` come from, if they are the step's own.
    pub(super) step_arguments: Option<Vec<String>>,
}

/// A way from one step to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NextArc {
    /// The step it leads to.
    pub step: String,
    /// When it is followed; always where there is none.
    pub condition: Option<String>,
    /// Where the step's name stands.
    pub span: Span,
    /// The keys and indices that lead to the condition in the document.
    pub(super) condition_path: Vec<String>,
}

/// How many of a step's arcs are followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NextMode {
    /// The first whose condition holds.
    Exclusive,
    /// Every one whose condition holds.
    Inclusive,
}

impl Playbook {
    /// Checks a document.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with it, in the order in which it stands there.
    pub fn parse(document: &Document) -> Result<Self, Vec<Diagnostic>> {
        parse::parse(document)
    }

    /// The step of this name.
    #[must_use]
    pub fn step(&self, name: &str) -> Option<&Step> {
        self.steps.iter().find(|step| step.name == name)
    }

    /// The steps that may run, in the order in which they do.
    pub fn steps_in_order(&self) -> impl Iterator<Item = &Step> {
        self.order.iter().filter_map(|index| self.steps.get(*index))
    }

    /// The step at which the walk begins.
    pub(super) fn start(&self) -> Option<&Step> {
        self.steps.get(graph::start(&self.steps)?)
    }
}

impl ToolCall {
    /// The keys and indices by which the document names what the configuration names `path`, for
    /// [`Document::locate`](crate::diagnostic::Document::locate).
    #[must_use]
    pub fn document_path(&self, path: &[impl AsRef<str>]) -> Vec<String> {
        let segments = path.iter().map(|segment| segment.as_ref().to_owned());
        match (&self.step_arguments, path.first()) {
            (Some(arguments), Some(first)) if first.as_ref() == "args" => {
                arguments.iter().cloned().chain(segments.skip(1)).collect()
            }
            _ => self.path.iter().cloned().chain(segments).collect(),
        }
    }
}
