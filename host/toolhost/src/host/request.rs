use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::progress::ProgressSender;
use crate::registry::ToolRef;
use crate::sealing::ExecutionSecrets;
use crate::template::TemplateContext;

/// One call of a tool.
#[derive(Debug)]
#[non_exhaustive]
pub struct CallRequest {
    /// Which tool.
    pub tool: ToolRef,
    /// Its configuration: what stands in a playbook under `tool`, without `kind`. Texts may be templates.
    pub config: Value,
    /// The execution that the call belongs to. Together with the step it names the job, so that the same
    /// call made twice is one job.
    pub execution_id: String,
    /// The step that the call belongs to.
    pub step: String,
    /// What templates can refer to.
    pub templates: TemplateContext,
    /// Ends the call when cancelled, at whatever point it is: its job is ended, and the outcome says so. The
    /// host cancels only children of it, so that it can be shared by calls.
    pub cancel: CancellationToken,
    /// Hears of the call while it goes on.
    pub progress: Option<ProgressSender>,
    /// What the execution knows to be secret; what the call makes use of is added. Without it the call is an
    /// execution of its own, and what it made use of is not redacted from other calls.
    pub secrets: Option<ExecutionSecrets>,
}

impl CallRequest {
    /// A call of `tool` with this configuration, that belongs to a step of an execution.
    #[must_use]
    pub fn new(
        tool: ToolRef,
        config: Value,
        execution_id: impl Into<String>,
        step: impl Into<String>,
    ) -> Self {
        Self {
            tool,
            config,
            execution_id: execution_id.into(),
            step: step.into(),
            templates: TemplateContext::default(),
            cancel: CancellationToken::new(),
            progress: None,
            secrets: None,
        }
    }

    /// Says what templates can refer to.
    #[must_use]
    pub fn with_templates(mut self, templates: TemplateContext) -> Self {
        self.templates = templates;
        self
    }

    /// Ends the call when `cancel` is cancelled.
    #[must_use]
    pub fn with_cancel(mut self, cancel: CancellationToken) -> Self {
        self.cancel = cancel;
        self
    }

    /// Tells `progress` how the call goes.
    #[must_use]
    pub fn with_progress(mut self, progress: ProgressSender) -> Self {
        self.progress = Some(progress);
        self
    }

    /// Redacts what other calls of the execution made use of as well, and the other way round. Every call of an
    /// execution is given the same: what one step writes into a file, the next one may print.
    #[must_use]
    pub fn with_secrets(mut self, secrets: ExecutionSecrets) -> Self {
        self.secrets = Some(secrets);
        self
    }
}
