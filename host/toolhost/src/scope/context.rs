use std::sync::Arc;

use crate::capability::FetchPolicy;

/// The context of a call.
#[derive(Debug, Clone, Default)]
pub(crate) struct CallContext {
    /// The execution that it belongs to.
    pub execution_id: String,
    /// The step that it belongs to.
    pub step: String,
    /// The tool that is called, for logs: `script@0.1.0`.
    pub tool: String,
    /// What the tool may fetch.
    pub fetch_policy: Arc<FetchPolicy>,
    /// The configuration that the tool gets, as JSON.
    pub config: String,
}
