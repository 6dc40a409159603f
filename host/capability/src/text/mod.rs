//! Parts of messages: lists of names, names that were probably meant, errors with their causes, foreign text, and bytes
//! as digits.
//!
//! They are shared, so that engines, sources and the host use the same wording.

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
