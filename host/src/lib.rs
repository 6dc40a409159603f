//! A host for tools that are WebAssembly components.

pub mod abi;
pub mod backend;
pub mod capability;
pub mod credential;
pub mod diagnostic;
pub mod digest;
pub mod engine;
pub mod grant;
pub mod host;
pub mod invocation;
pub mod limits;
pub mod log;
pub mod outcome;
pub mod playbook;
pub mod progress;
pub mod registry;
pub mod scope;
pub mod sealing;
pub mod setup;
pub mod template;
