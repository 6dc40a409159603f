//! From a document to steps: every key is known, refused by name with the way out, or a mistake.

mod checker;
mod keychain;
mod next;
mod refusal;
mod root;
mod step;
mod workflow;

use serde_json::Value;
use toolhost::credential::KeychainEntry;
use toolhost_diagnostic::{Diagnostic, Document};

use self::checker::Checker;
use super::model::{Metadata, Step};

/// How many problems of a playbook are reported at once; nobody reads more.
pub(super) const MAX_PROBLEMS: usize = 50;
/// How many steps a playbook may have. Nobody writes as many, and checks of the graph take the square of
/// it in time.
pub(super) const MAX_STEPS: usize = 10_000;
/// How long the name of a step may be. It becomes part of a job's name, where it is shortened anyway.
pub(super) const MAX_STEP_NAME_BYTES: usize = 128;

/// What a playbook consists of.
pub(super) struct Parsed {
    pub(super) metadata: Metadata,
    pub(super) workload: Value,
    pub(super) keychain: Vec<KeychainEntry>,
    pub(super) steps: Vec<Step>,
    pub(super) warnings: Vec<Diagnostic>,
}

/// Checks the whole document.
pub(super) fn parse(document: &Document) -> Result<Parsed, Vec<Diagnostic>> {
    let mut checker = Checker::new(document.source());
    let (metadata, workload, keychain, steps) = root::parse(&mut checker, document.root());
    let warnings = checker.finish()?;
    Ok(Parsed {
        metadata,
        workload,
        keychain,
        steps,
        warnings,
    })
}
