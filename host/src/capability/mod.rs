//! What the host can do for a tool, as Rust traits that backends implement.
//!
//! One file per capability; what happens to a job, and both ends of it, have files of their own. Nothing here
//! knows of WebAssembly, of a cluster or of a file system, and nothing of this crate is imported, so that a
//! backend can be written against this module alone.
//! [`crate::abi`] calls the traits; [`crate::backend`] implements them.

mod access;
mod audience;
mod error;
pub(crate) mod expansion;
mod fetch_pattern;
mod fetch_policy;
mod job_event;
mod job_handle;
mod jobs;
mod location;
mod objects;
mod reason;

pub use access::{
    Access, AccessRequest, AccessSource, Authorization, AwsKeys, OpenedSecrets, Service,
};
pub use audience::Audience;
pub use error::CapabilityError;
pub use fetch_pattern::{FetchPattern, FetchPatternError};
pub use fetch_policy::{FetchPermit, FetchPolicy, FetchRule};
pub use job_event::{AttemptEnd, JobEnd, JobEvent, JobEventKind, JobStatus};
pub use job_handle::{JobHandle, JobReporter};
pub use jobs::{
    ARGUMENTS_FILE_VARIABLE, ARGUMENTS_VARIABLE, JobIdentity, JobRequest, JobRunner, LogSink,
    MAX_ARGUMENT_BYTES, SCRIPT_VARIABLE, Script,
};
pub use location::shown_url;
pub use objects::{FetchOptions, FetchRequest, Object, ObjectMetadata, ObjectSource};
pub use reason::Reason;
