//! From a document to steps: every key is known, refused by name with the way out, or a mistake.

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
    /// Checks a document that was read.
    ///
    /// # Errors
    ///
    /// Every problem, in the order of their places; of more than 50 the first ones, and how many more
    /// there are.
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
