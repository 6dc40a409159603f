//! From a document to steps: every key is known, rejected by name with the alternative, or an error.

mod checker;
mod keychain;
mod next;
mod refusal;
mod root;
mod step;
mod workflow;

use toolhost_diagnostic::{Diagnostic, Document};

use self::checker::Checker;
use super::graph;
use super::model::Playbook;

impl Playbook {
    /// Validates a parsed document.
    ///
    /// # Errors
    ///
    /// All problems, in the order of their positions; of more than 50 the first ones, and the number of the
    /// rest.
    pub fn parse(document: Document) -> Result<Self, Vec<Diagnostic>> {
        let mut checker = Checker::new(document.source());
        let (metadata, workload, keychain, steps) = root::parse(&mut checker, document.root());
        let warnings = checker.finish()?;
        Ok(Self {
            order: graph::order(&steps),
            document,
            metadata,
            workload,
            keychain,
            steps,
            warnings,
        })
    }
}
