//! Implementations of the capabilities.
//!
//! * [`local`] runs a job as supervised child processes of this machine; it is the default.
//! * [`objects`] are the places that objects are fetched from.
//!
//! Only their own folders touch the system, and processes are spawned in [`local`] alone. Other engines are
//! [`memory`](crate::capability::memory), which runs nothing, and that of the crate `toolhost-kubernetes`, which
//! runs jobs on a cluster; what all of them share, and have to pass, is in [`capability`](crate::capability).
//!
//! [`HttpSettings`] is how the sources and the providers of credentials send requests.

#[cfg(feature = "local")]
pub mod local;
#[cfg(feature = "objects")]
pub mod objects;

#[cfg(any(feature = "credentials", feature = "objects"))]
pub use crate::http::{HttpClient, HttpSettings, ProxySettings, RetryPolicy, RootCertificate};
