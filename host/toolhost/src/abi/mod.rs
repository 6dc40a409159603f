//! The WIT interfaces, one folder per released version.
//!
//! Nothing is decided here: each function converts what the guest gave, calls the call's
//! [`scope`](crate::scope), and converts the answer. A fault of the guest is an error that the guest
//! gets; only what cannot happen to a well-formed guest traps.

pub mod v0_1;
