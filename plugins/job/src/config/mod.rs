//! The configuration under `job`, and values with several spellings.
//!
//! The host checks a configuration against the JSON Schema that is derived from these types, and reports the
//! line of an error; what a schema cannot express is checked by the modules that use the values. A null value
//! counts as absent, like a key without a value in YAML.

mod job;
mod scalar;
mod schema;

pub use job::{JobConfig, PullPolicy, PullSecret, Resources};
pub use scalar::{Seconds, Text, Whole, Words};
pub use schema::{
    accept_input, accept_snake_case, accept_spelling, name_environment, put_environment, snake_case,
};
