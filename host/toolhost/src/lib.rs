//! A host for tools that are WebAssembly components.
//!
//! [`host::ToolHost`] is what a worker embeds: it calls a tool by its kind, on an engine for jobs
//! ([`backend::local`], or any other [`capability::JobRunner`]) and a source of objects
//! ([`backend::objects`], or any other [`capability::ObjectSource`]). A tool can only use what it was granted.
//!
//! # From nothing to a call
//!
//! ```console
//! $ cargo add toolhost serde_json
//! $ cargo add tokio --features macros,rt-multi-thread
//! ```
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
//! // An engine that runs nothing, for tests; `backend::local::LocalEngine` runs processes.
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
//!
//! A component of your own, or of a third party, is installed with what it may use:
//!
//! ```no_run
//! # use toolhost::{grant::{Capability, Grants}, host::ToolHost};
//! # async fn install(host: ToolHost) -> Result<(), Box<dyn std::error::Error>> {
//! let tool = host.install("greet.wasm", Grants::of([Capability::Jobs])).await?;
//! println!("installed {tool} ({})", tool.digest());
//! # Ok(())
//! # }
//! ```
//!
//! # What an embedder meets first
//!
//! The example `embed` uses all of them.
//!
//! | item | purpose |
//! |---|---|
//! | [`host::ToolHost`] | calls tools; created once and shared |
//! | [`host::ToolHostBuilder`] | its engine, its source of objects, its limits and its cache |
//! | [`host::CallRequest`] | one call: tool, configuration, execution, step, and what they need |
//! | [`host::ExecutionId`], [`host::StepName`] | what the call belongs to; together they name its job |
//! | [`registry::ToolRef`] | a tool as users name it: `script`, `script@0.1`, `script@sha256:…` |
//! | [`outcome::Outcome`], [`outcome::OutcomeStatus`] | the result of a call that was made |
//! | [`host::CallError`] | why a call was not made, with its place in the configuration and how to fix it |
//! | [`host::InstallError`] | why a component was not installed |
//! | [`grant::Grants`], [`grant::Capability`] | what a tool may use |
//! | [`limits::Limits`] | what one call may take |
//! | [`progress::ProgressEvent`] | what happens during a call, from [`progress::progress`] |
//! | [`template::TemplateContext`] | what templates in a configuration refer to |
//! | [`sealing::ExecutionSecrets`] | the secrets of an execution, which are redacted from all of its calls |
//!
//! # Features
//!
//! All are on by default.
//!
//! | feature | what it adds |
//! |---|---|
//! | `local` | the engine that runs jobs as processes on this machine, [`backend::local`] |
//! | `objects` | the sources for files, HTTP servers and buckets, [`backend::objects`] |
//! | `credentials` | the credentials file, the keychain, other providers, and tokens, in [`credential`] |
//! | `compile` | the compiler; without it, components are only loaded from a cache ([`host::ToolHostBuilder::cache_directory`]) that a host with it has filled |

#![cfg_attr(docsrs, feature(doc_cfg))]

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
#[cfg_attr(
    not(all(feature = "credentials", feature = "objects")),
    allow(
        dead_code,
        unused_imports,
        reason = "each feature uses a part of the client"
    )
)]
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
