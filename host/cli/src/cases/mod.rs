//! Test cases of tools: a configuration, the world that the tool finds, and what it is expected to do and return.
//!
//! ```yaml
//! tool: greet
//! cases:
//!   greets by name:
//!     config: {name: Ada}
//!     jobs:
//!       - attempts: [{prints: "Hello, Ada!\n"}]
//!     expect:
//!       outcome: {status: completed, output: "Hello, Ada!\n"}
//! ```
//!
//! Jobs are played by the [memory engine](toolhost::capability::memory) in virtual time, and objects come from the file,
//! so that a case needs no cluster, no network and no script. [`docs/testing.md`] describes the format.
//!
//! [`docs/testing.md`]: https://github.com/noetl/toolhost/blob/main/docs/testing.md

mod compare;
mod file;
mod junit;
mod record;
mod run;
mod script;
mod update;
mod world;

pub use file::{Case, CaseFile, CaseFileError};
pub use junit::junit;
pub use run::{CaseResult, CaseRunner};
pub use update::UpdateError;
