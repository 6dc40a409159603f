//! The WIT interfaces, one folder per released version, and the only list of these versions.
//!
//! The folders make no decisions: each function converts its arguments, calls the call's
//! [`scope`](crate::scope), and converts the result. Mistakes of the guest are returned to it as errors; only
//! what cannot happen to a well-formed guest traps.

mod invocation;
mod meter;
mod stubs;
mod v0_1;

use std::sync::Arc;

use wasmtime::component::Component;

pub(crate) use invocation::{GuestFault, Invocation, ToolError};

use crate::engine::ToolEngine;
use crate::grant::Grants;
use crate::scope::CallScope;

/// A component that is linked with what it is granted and can be instantiated, by the version of its interface.
#[derive(Clone)]
pub(crate) enum ToolPre {
    /// `wit/v0.1`.
    V0_1(v0_1::ToolPre),
}

impl ToolPre {
    /// Links the parts of WASI that every tool may use, the granted capabilities, and stubs that trap for what the
    /// standard libraries of languages import without calling it.
    ///
    /// # Errors
    ///
    /// If the component imports anything else, or lacks an export of a tool.
    pub(crate) fn link(
        engine: &ToolEngine,
        component: &Component,
        grants: &Grants,
    ) -> wasmtime::Result<Self> {
        v0_1::link(engine, component, grants).map(Self::V0_1)
    }

    /// Calls the tool's `invoke` in a new store.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future ends the guest immediately. What it created belongs to the scope.
    pub(crate) async fn invoke(
        &self,
        engine: &ToolEngine,
        scope: &Arc<CallScope>,
        config: &str,
    ) -> Invocation {
        match self {
            Self::V0_1(tool) => v0_1::invoke(engine, tool, scope, config).await,
        }
    }
}

/// Calls a component's `describe`. Its handles have the types of capabilities, so all are linked; `scope` decides what
/// they do.
///
/// # Errors
///
/// Those of the guest, and [`GuestFault::NotStarted`] if it imports something else or lacks an export of a tool.
pub(crate) async fn describe(
    engine: &ToolEngine,
    component: &Component,
    scope: Arc<CallScope>,
) -> Result<String, GuestFault> {
    v0_1::describe(engine, component, scope).await
}
