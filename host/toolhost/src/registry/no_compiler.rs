//! Replaces the compiler in a host without the feature `compile`, which only loads components from the cache. A host with the
//! feature, of the same user on the same machine, fills it.

use std::sync::Arc;

use wasmtime::component::Component;

use super::cache::ComponentCache;
use super::fault::ComponentFault;
use crate::digest::Digest;
use crate::engine::ToolEngine;

/// The absent compiler.
#[derive(Debug, Clone, Copy, Default)]
pub struct Compiler {}

/// Why a component was not compiled.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CompileError {
    /// There is no compiler, and the cache has no compiled code that fits this host.
    #[error(
        "this host is built without the feature `compile`, and its cache (`ToolHostBuilder::cache_directory`) has no \
         compiled code of this component that fits; load it once with a host that has the feature, of the same version \
         and user, with the same cache"
    )]
    NotInCache,
}

impl Compiler {
    #[expect(clippy::unused_async, reason = "as with a compiler")]
    pub(super) async fn compile(
        self,
        _: &ToolEngine,
        _: Arc<[u8]>,
    ) -> Result<Component, CompileError> {
        Err(CompileError::NotInCache)
    }
}

impl CompileError {
    /// As with a compiler, which alone reads the bytes.
    pub(super) fn not_a_component(self) -> Result<ComponentFault, Self> {
        Err(self)
    }
}

/// As with a compiler.
pub(super) async fn compile_in_process(
    _: &ToolEngine,
    _: Arc<[u8]>,
) -> Result<Component, CompileError> {
    Err(CompileError::NotInCache)
}

/// Does nothing: nothing was compiled.
pub(super) fn keep(_: &ComponentCache, _: &ToolEngine, _: Digest, _: &Component) {}
