use std::sync::Arc;

use super::request_fields::RequestFields;
use crate::capability::{FetchPolicy, Setting};

/// How a setting of the host is set, such as "with `--credentials FILE`", where its user can set it.
pub type SettingNames = fn(Setting) -> Option<&'static str>;

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
    /// The tool's keys for the values of its requests.
    pub fields: Arc<RequestFields>,
    /// The names of the host's settings.
    pub setting_names: Option<SettingNames>,
    /// The configuration that the tool gets, as JSON.
    pub config: String,
}
