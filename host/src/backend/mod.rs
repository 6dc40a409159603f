//! Implementations of the capabilities.
//!
//! * [`local`] runs a job as supervised child processes of this machine; it is the default.
//! * [`kubernetes`] runs it as a Job of a cluster.
//! * [`memory`] runs nothing: it plays a script in virtual time, for tests and tool authors.
//! * [`objects`] are the places that objects are fetched from.
//! * [`conformance`] is what every engine has to pass, third parties' included.
//!
//! What the engines share is here: `controller` has the rules of the Kubernetes Job controller,
//! `request` what every engine refuses, `program` what a program finds in its environment and on
//! its command line, `quantity` the quantities of Kubernetes, `syntax` the mistakes that interpreters tell
//! of, `timer` what an engine that looks again waits for. All of that is pure; only the engines' own folders touch the system, and processes are spawned
//! in [`local`] alone.

#[expect(
    clippy::missing_panics_doc,
    clippy::panic,
    reason = "a case that is not met panics, as the module says"
)]
pub mod conformance;
pub(crate) mod controller;
pub mod kubernetes;
pub mod local;
pub mod memory;
pub mod objects;
pub(crate) mod program;
pub(crate) mod quantity;
pub(crate) mod request;
pub(crate) mod syntax;
pub(crate) mod timer;
