//! What toolhost requires from an engine for jobs and from a source of objects, as Rust traits that backends implement.
//!
//! One file per capability; the events of a job, and both sides of it, have files of their own. Nothing here depends on
//! WebAssembly, a cluster or a file system, and nothing of the host is imported, so that a backend can be written
//! against this crate alone. It includes what a correct backend needs:
//!
//! * [`controller`] has the rules of the Kubernetes Job controller, [`request`] what every engine refuses, [`program`]
//!   and [`expansion`] the environment and the command line of a program, [`quantity`] the quantities of Kubernetes,
//!   [`syntax`] the mistakes that interpreters report, [`timer`] the timers of an engine that polls. All of that is
//!   pure.
//! * [`memory`] is an engine that runs nothing: it plays a script in virtual time, for tests and authors of tools.
//! * [`conformance`] has the test suites for every engine and every source.

mod access;
mod audience;
mod backoff;
pub mod conformance;
pub mod controller;
mod error;
pub mod expansion;
mod explanation;
mod fetch_check;
mod fetch_pattern;
mod fetch_policy;
mod field_path;
pub mod files;
mod hint;
mod job_event;
mod job_handle;
mod job_identity;
mod jobs;
mod location;
pub mod memory;
mod name;
mod objects;
pub mod program;
mod reason;
pub mod request;
pub mod sync;
pub mod syntax;
pub mod text;
pub mod timer;
mod urls;

pub use access::{
    Access, AccessRequest, AccessSource, Audience, Authorization, AwsKeys, OpenedSecrets, Service,
};
pub use backoff::{Backoff, Jitter};
pub use error::CapabilityError;
pub use explanation::Explanation;
pub use fetch_pattern::{FetchPattern, FetchPatternError};
pub use fetch_policy::{FetchPermit, FetchPolicy, FetchRule};
pub use field_path::{FieldPath, FieldSegment, ParseFieldPathError};
pub use hint::{Hint, Setting};
pub use job_event::{AttemptEnd, JobEnd, JobEvent, JobEventKind, JobStatus};
pub use job_handle::{JobHandle, JobReporter};
pub use job_identity::JobIdentity;
pub use jobs::{
    ARGUMENTS_FIELD, ARGUMENTS_FILE_VARIABLE, ARGUMENTS_VARIABLE, JobRequest, JobRunner, LogSink,
    MAX_ARGUMENT_BYTES, PROGRAM_FIELD, PublicValues, SCRIPT_VARIABLE, Script,
};
pub use name::{FileName, JobName, NameError, VariableName};
pub use objects::{FetchOptions, FetchRequest, Object, ObjectMetadata, ObjectSource};
pub use reason::{Reason, UnknownReason};
pub use toolhost_quantity as quantity;
pub use urls::shown_url;
