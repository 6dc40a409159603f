//! A host for tools that are WebAssembly components.

pub mod backend;
pub mod capability;
pub mod credential;
pub mod engine;
pub mod grant;
pub mod limits;
pub mod log;
pub mod playbook;
pub mod progress;
pub mod scope;
pub mod sealing;
pub mod template;
