//! The WIT interfaces, one folder per released version.
//!
//! This module makes no decisions: each function converts its arguments, calls the call's
//! [`scope`](crate::scope), and converts the result. Mistakes of the guest are returned to it as errors; only
//! what cannot happen to a well-formed guest traps.

pub(crate) mod v0_1;
