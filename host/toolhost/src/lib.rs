//! A host for tools that are WebAssembly components.
//!
//! [`host::ToolHost`] is what a worker embeds: it calls a tool by its kind, on an engine for jobs
//! ([`backend::local`], or any other [`capability::JobRunner`]) and a source of objects
//! ([`backend::objects`], or any other [`capability::ObjectSource`]). Newcomers start with
//! [`host::ToolHost::call`], which follows the path of one call.
//!
//! # Features
//!
//! All are on by default.
//!
//! * `local`: the engine that runs jobs as processes on this machine, [`backend::local`].
//! * `objects`: the sources for files, HTTP servers and buckets, [`backend::objects`].
//! * `credentials`: the credentials file, the keychain, other providers, and tokens.
//! * `compile`: the compiler. Without it, components are only loaded from a cache (`ToolHostBuilder::cache_directory`)
//!   that a host with it has filled.
//!
//! # Example
//!
//! ```
//! use std::sync::Arc;
//!
//! use serde_json::json;
//! use toolhost::capability::memory::{AttemptScript, JobScript, MemoryEngine};
//! use toolhost::host::{CallRequest, ExecutionId, StepName, ToolHost};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let engine = MemoryEngine::new();
//! engine.default_script(JobScript::new(vec![AttemptScript::exit(0).then_line("hello")]));
//! let host = ToolHost::builder().jobs(Arc::new(engine)).build()?;
//! host.load_embedded_tools().await?;
//!
//! let config = json!({"script": {"content": "print('hello')", "interpreter": "python3"}});
//! let execution_id = ExecutionId::new("522095307073519743");
//! let request = CallRequest::new("script".parse()?, config, execution_id, StepName::new("greet"));
//! let outcome = host.call(request).await?;
//! assert!(outcome.is_completed());
//! assert_eq!(outcome.output(), Some("hello\n"));
//! # Ok(())
//! # }
//! ```

pub use toolhost_capability as capability;
use toolhost_diagnostic as diagnostic;
use toolhost_filesystem as filesystem;

mod abi;
pub mod backend;
pub mod credential;
pub mod digest;
mod engine;
pub mod grant;
pub mod host;
#[cfg(any(feature = "credentials", feature = "objects"))]
mod http;
pub mod limits;
mod log;
pub mod outcome;
pub mod progress;
pub mod registry;
mod scope;
pub mod sealing;
pub mod template;

/// The program in the README compiles.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
