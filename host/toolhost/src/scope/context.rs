use std::sync::Arc;

use crate::capability::FetchPolicy;

/// What a call knows about itself.
#[derive(Debug, Clone, Default)]
pub struct CallContext {
    /// The execution that it belongs to.
    pub execution_id: String,
    /// The step that it belongs to.
    pub step: String,
    /// The tool that is called, for logs: `script@0.1.0`.
    pub tool: String,
    /// What the tool may fetch.
    pub fetch_policy: Arc<FetchPolicy>,
    /// Its configuration as the tool gets it: JSON.
    pub config: String,
}
