//! What stands in playbooks under `job`, and values that people write in more than one way.
//!
//! The host checks a configuration against the JSON Schema that is derived from these types, and reports
//! the line of a mistake; what a schema cannot say is checked by the modules that use the values. A value
//! that is null counts as absent, as a key without a value in YAML does.

mod job;
mod scalar;
mod schema;

pub use job::{JobConfig, PullPolicy, PullSecret, Resources};
pub use scalar::{Seconds, Text, Whole, Words};
pub use schema::{accept_input, name_environment, snake_case};
