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
    /// Its configuration: the keys under `tool` in a playbook, without `kind`. Strings may be templates.
    pub config: Value,
    /// The execution that the call belongs to. Together with the step it names the job, so that the same
    /// call made twice is one job.
    pub execution_id: String,
    /// The step that the call belongs to.
    pub step: String,
    /// What templates can refer to.
    pub templates: TemplateContext,
    /// Ends the call when cancelled, at any point: its job is ended, and the outcome reports that. The host
    /// only cancels children of it, so that calls can share it.
    pub cancel: CancellationToken,
    /// Receives the progress of the call.
    pub progress: Option<ProgressSender>,
    /// The secrets of the execution; those that the call uses are added. Without it the call is a separate
    /// execution, and its secrets are not redacted from other calls.
    pub secrets: Option<ExecutionSecrets>,
}

impl CallRequest {
    /// A call of `tool` with this configuration, in a step of an execution.
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

    /// Sets what templates can refer to.
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

    /// Reports the progress of the call to `progress`.
    #[must_use]
    pub fn with_progress(mut self, progress: ProgressSender) -> Self {
        self.progress = Some(progress);
        self
    }

    /// Shares the secrets to redact with other calls of the execution. Pass the same value to every call of
    /// an execution: one step may write a secret to a file, and the next one may print it.
    #[must_use]
    pub fn with_secrets(mut self, secrets: ExecutionSecrets) -> Self {
        self.secrets = Some(secrets);
        self
    }
}
