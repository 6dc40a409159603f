//! The first-party tools as components, which are built from the sources of this repository.

/// The component of the tool `container`.
pub const CONTAINER: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/container.wasm"));
/// The component of the tool `python`.
pub const PYTHON: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/python.wasm"));
/// The component of the tool `script`.
pub const SCRIPT: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/script.wasm"));
