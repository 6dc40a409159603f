//! Sealed references: texts that stand for values which a tool may move but not read.
//!
//! A [`Vault`] belongs to one call. Rendering seals values into it; capabilities that may reveal a value
//! open references with it. What the vault knows is also what a [`Redactor`] has to remove from
//! everything that leaves the call.

mod redactor;
mod vault;

pub use redactor::{MIN_SECRET_BYTES, REDACTED, Redactor, StreamRedaction};
pub use vault::{OpenError, Vault};
