//! A host for tools that are WebAssembly components.

pub mod backend;
pub mod capability;
pub mod credential;
pub mod diagnostic;
pub mod playbook;
pub mod sealing;
pub mod template;
