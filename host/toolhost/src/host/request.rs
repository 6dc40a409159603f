use std::fmt;

use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::progress::ProgressSender;
use crate::registry::ToolRef;
use crate::sealing::ExecutionSecrets;
use crate::template::TemplateContext;

/// The id of an execution of a playbook, such as `522095307073519743`.
///
/// Any text; engines derive names and labels from it. It is not made from a text by `into`, so that it cannot be
/// confused with a [`StepName`].
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ExecutionId(String);

/// The name of a step of a playbook, such as `load_users`.
///
/// Any text; engines derive names and labels from it. It is not made from a text by `into`, so that it cannot be
/// confused with an [`ExecutionId`].
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StepName(String);

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
    pub execution_id: ExecutionId,
    /// The step that the call belongs to.
    pub step: StepName,
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
    pub fn new(tool: ToolRef, config: Value, execution_id: ExecutionId, step: StepName) -> Self {
        Self {
            tool,
            config,
            execution_id,
            step,
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

impl ExecutionId {
    /// The id with this text.
    #[must_use]
    pub fn new(id: impl Into<String>) -> Self {
        Self(id.into())
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ExecutionId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl From<ExecutionId> for String {
    fn from(id: ExecutionId) -> Self {
        id.0
    }
}

impl StepName {
    /// The name with this text.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for StepName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl From<StepName> for String {
    fn from(name: StepName) -> Self {
        name.0
    }
}
