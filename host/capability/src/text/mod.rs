//! Texts as every message writes them: lists of names, names that were probably meant, errors with their causes,
//! foreign text, and bytes as digits.
//!
//! One of each, so that an engine, a source and the host word the same thing alike.

mod chain;
mod hexadecimal;
mod list;
mod shortened;
mod suggest;

pub use chain::chain;
pub use hexadecimal::hexadecimal;
pub use list::{all_of, any_of, some_of};
pub use shortened::shortened;
pub use suggest::{did_you_mean, there_are};
