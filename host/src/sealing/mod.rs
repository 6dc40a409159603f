//! Sealed references: texts that stand for values which a tool may move but not read.
//!
//! A [`Vault`] belongs to one call. Rendering seals values into it; capabilities that may reveal a value
//! open references with it. What the vault knows is also what has to be redacted from everything that
//! leaves the call.

mod vault;

pub use vault::{OpenError, Vault};
