//! Documents with source positions, and problems that are shown at a position.
//!
//! [`Document`] reads YAML (and so JSON) into a tree whose keys and values carry a [`Span`].
//! [`Diagnostic`] is one problem with its positions; [`did_you_mean`] finds what was probably
//! meant. This module is independent of playbooks, credentials and tools.

mod bounds;
mod builder;
mod document;
mod node;
mod parse;
mod report;
mod scalar;
mod source;

#[cfg(test)]
mod tests;

pub use bounds::{MAX_ALIASED_BYTES, MAX_ALIASED_NODES, MAX_DEPTH, MAX_DOCUMENT_BYTES, MAX_NODES};
pub use document::{Document, Place};
pub use node::{Entry, Key, Node, NodeKind};
pub use report::{Diagnostic, Severity};
pub use source::{Source, Span};

pub use toolhost_capability::text::{did_you_mean, there_are};
