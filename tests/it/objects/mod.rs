//! Sources of objects against servers: those of the tests, and real ones.

mod access;
mod answers;
mod command;
mod failures;
mod harness;
mod memory;
mod real;
mod script;
pub(crate) mod servers;
mod suite;
