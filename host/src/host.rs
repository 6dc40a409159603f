//! The host itself: what a worker embeds.

mod builder;
mod diagnose;

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

pub use builder::{BuildError, ToolHostBuilder};
pub use diagnose::Finding;

use crate::capability::Reason;
use crate::engine::ToolEngine;
use crate::grant::{GrantError, Grants};
use crate::invocation::{self, GuestFault, Invocation};
use crate::limits::Limits;
use crate::outcome::{self, Ending, Outcome};
use crate::progress::{ProgressEvent, ProgressSender};
use crate::registry::{
    ConfigProblem, EMBEDDED_TOOLS, LoadError, LoadedTool, Registry, ResolveError, ToolLoader,
    ToolRef,
};
use crate::scope::{Backends, CallContext, CallScope};
use crate::sealing::Vault;
use crate::template::{EnvironmentOf, Renderer, TemplateContext, TemplateError};

/// About what a step's configuration takes as JSON; a larger one is moved as it grows.
const USUAL_CONFIG_BYTES: usize = 512;

/// Calls tools.
///
/// A host is made once, shared, and called from any number of tasks.
#[derive(Debug)]
pub struct ToolHost {
    engine: Arc<ToolEngine>,
    registry: Registry,
    loader: ToolLoader,
    renderer: Renderer,
    backends: Arc<Backends>,
    limits: Arc<Limits>,
}

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
    /// Ends the call when cancelled: its job is ended, and the outcome says so.
    pub cancel: CancellationToken,
    /// Hears of the call while it goes on.
    pub progress: Option<ProgressSender>,
}

/// Why a call was not made. Nothing has happened then.
///
/// A call that was made and failed is no error but an [`Outcome`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// There is no such tool.
    #[error(transparent)]
    UnknownTool(#[from] ResolveError),
    /// The tool needs a capability that it was not granted.
    #[error(transparent)]
    Denied(#[from] GrantError),
    /// A template cannot be rendered.
    #[error(transparent)]
    Template(Box<TemplateError>),
    /// The configuration is not what the tool takes.
    #[error(
        "the configuration does not fit the schema of `{tool}`: {}",
        first(problems)
    )]
    Config {
        /// The tool.
        tool: String,
        /// What is wrong; at least one thing.
        problems: Vec<ConfigProblem>,
    },
    /// The tool itself says that the configuration makes no sense.
    #[error("{message}")]
    Rejected {
        /// What is wrong, in a sentence.
        message: String,
        /// How to mend it.
        hint: Option<String>,
        /// The path of the value to change, such as `script.uri`.
        field: Option<String>,
    },
    /// The configuration is too large.
    #[error("the configuration has {bytes} bytes; at most {limit} are handed to a tool")]
    TooLarge {
        /// Its size as JSON.
        bytes: usize,
        /// The most that is allowed.
        limit: usize,
    },
    /// The host is shutting down.
    #[error("the host is shutting down")]
    ShuttingDown,
}

impl From<TemplateError> for CallError {
    fn from(error: TemplateError) -> Self {
        Self::Template(Box::new(error))
    }
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
}

impl ToolHost {
    /// Starts to set up a host.
    #[must_use]
    pub fn builder() -> ToolHostBuilder {
        ToolHostBuilder::default()
    }

    /// The tools that can be called.
    #[must_use]
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Makes tools of components; [`Registry::activate`] puts them into use.
    #[must_use]
    pub fn loader(&self) -> &ToolLoader {
        &self.loader
    }

    /// Loads the tools that this library was built with and puts them into use, with every capability.
    /// They may fetch what is public, and from no address that is not.
    ///
    /// # Errors
    ///
    /// [`LoadError`] where this build is broken.
    pub async fn load_embedded_tools(&self) -> Result<(), LoadError> {
        self.load_embedded_tools_with(|_| Grants::all()).await
    }

    /// As above, with what `grants` gives to each kind.
    ///
    /// # Errors
    ///
    /// As above.
    pub async fn load_embedded_tools_with(
        &self,
        grants: impl Fn(&str) -> Grants,
    ) -> Result<(), LoadError> {
        for (origin, component) in EMBEDDED_TOOLS {
            let tool = self.loader.load(component.into(), origin, &grants).await?;
            self.registry.activate(Arc::new(tool));
        }
        Ok(())
    }

    /// Calls a tool and waits until everything that it started is over.
    ///
    /// The tool is chosen now: if another version is put into use while the call goes on, the call ends
    /// on the one that it began with.
    ///
    /// # Errors
    ///
    /// [`CallError`], before anything has happened.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future ends the tool at once and asks the engine to end its jobs, but does not wait
    /// for them. To wait, and to get an outcome, cancel [`CallRequest::cancel`] instead.
    pub async fn call(&self, request: CallRequest) -> Result<Outcome, CallError> {
        let tool = self.registry.resolve(&request.tool)?;
        let callable = tool.callable()?;
        let vault = Arc::new(Vault::new());
        let environments = EnvironmentOf::of_schema(tool.schema());
        let is_named = |place: &EnvironmentOf<'_>| place.is_named_in(&request.config);
        let is_changed =
            Renderer::has_template(&request.config) || environments.iter().any(is_named);
        let config = if is_changed {
            let rendering = self
                .renderer
                .render_value(&request.config, &request.templates, &vault);
            let mut config = rendering.await?;
            for environment in &environments {
                let putting = environment.put(&mut config, &request.templates, &vault);
                putting.await?;
            }
            self.accept(&tool, &config)?
        } else {
            self.accept(&tool, &request.config)?
        };
        let _permit = self.engine.admit().await.ok_or(CallError::ShuttingDown)?;
        let scope = Arc::new(self.scope(request, &tool, vault));
        let span = tracing::info_span!(
            "call",
            tool = scope.context.tool,
            execution_id = scope.context.execution_id,
            step = scope.context.step,
        );
        let work = async {
            tracing::info!(digest = %tool.digest(), "calling the tool");
            scope.report(|| ProgressEvent::Started {
                tool: scope.context.tool.clone(),
                digest: tool.digest().to_string(),
            });
            let invoked = self.invoke_within_limits(callable, &scope, &config).await;
            scope.finish().await;
            conclude(invoked, &tool, &scope)
        };
        work.instrument(span).await
    }

    /// The configuration as the tool gets it, if it may have it.
    fn accept(&self, tool: &LoadedTool, config: &Value) -> Result<String, CallError> {
        let problems = tool.check(config);
        if !problems.is_empty() {
            return Err(CallError::Config {
                tool: tool.to_string(),
                problems,
            });
        }
        let mut text = String::with_capacity(USUAL_CONFIG_BYTES);
        // A text takes whatever is written to it.
        let _ = write!(text, "{config}");
        let (bytes, limit) = (text.len(), self.limits.config_bytes);
        if bytes > limit {
            return Err(CallError::TooLarge { bytes, limit });
        }
        Ok(text)
    }

    fn scope(&self, request: CallRequest, tool: &LoadedTool, vault: Arc<Vault>) -> CallScope {
        let context = CallContext {
            execution_id: request.execution_id,
            step: request.step,
            tool: tool.to_string(),
            fetch_policy: Arc::clone(tool.grants().fetch()),
        };
        CallScope::new(
            context,
            Arc::clone(&self.limits),
            vault,
            request.cancel,
            Arc::clone(&self.backends),
            request.progress,
        )
    }

    /// Lets the tool work until it is done, cancelled, or out of time.
    ///
    /// A tool that is to end first sees its jobs end, so that it can say what became of them; one that
    /// does not come to an end then is ended.
    async fn invoke_within_limits(
        &self,
        tool: &crate::abi::v0_1::ToolPre,
        scope: &Arc<CallScope>,
        config: &str,
    ) -> Invoked {
        let working = invocation::invoke(&self.engine, tool, scope, config);
        tokio::pin!(working);
        let reason = tokio::select! {
            biased;
            invocation = &mut working => return Invoked::Ended(invocation),
            () = scope.cancel.cancelled() => Reason::Cancelled,
            () = tokio::time::sleep(self.limits.wall_time) => Reason::Timeout,
        };
        scope.cancel.cancel();
        scope.cancel_jobs();
        match tokio::time::timeout(self.limits.cancel_grace, working).await {
            Ok(invocation) if reason == Reason::Cancelled => Invoked::Ended(invocation),
            Ok(_) | Err(_) => Invoked::Stopped(reason),
        }
    }
}

/// What became of the tool's work.
enum Invoked {
    /// The tool came to an end.
    Ended(Invocation),
    /// It was ended.
    Stopped(Reason),
}

fn conclude(invoked: Invoked, tool: &LoadedTool, scope: &CallScope) -> Result<Outcome, CallError> {
    let (ending, cpu_time) = match invoked {
        Invoked::Stopped(reason) => (stopped(reason, &scope.limits), Duration::ZERO),
        Invoked::Ended(Invocation { result, cpu_time }) => (ended(result, scope)?, cpu_time),
    };
    let (status, document) = ending;
    let mut document = Value::Object(document);
    if let Some(redactor) = scope.redactor() {
        redactor.redact_value(&mut document);
    }
    let document = match document {
        Value::Object(document) => document,
        _ => serde_json::Map::new(),
    };
    tracing::info!(%status, digest = %tool.digest(), "the call is over");
    Ok(Outcome {
        status,
        document,
        tool: scope.context.tool.clone(),
        digest: tool.digest(),
        cpu_time,
    })
}

fn ended(result: Result<String, GuestFault>, scope: &CallScope) -> Result<Ending, CallError> {
    let fault = match result {
        Ok(text) => match outcome::parse(&text) {
            Ok(ending) => return Ok(ending),
            Err(problem) => {
                let message = format!("the tool returned what is no outcome: {problem}");
                return Ok(outcome::failure(Reason::ToolFault, message));
            }
        },
        Err(fault) => fault,
    };
    match fault {
        GuestFault::Refused(error) if error.code == Reason::InvalidRequest.as_str() => {
            let detail = |name: &str| {
                let found = error.details.iter().find(|(known, _)| known == name);
                found.map(|(_, text)| scope.redact(text.clone()))
            };
            Err(CallError::Rejected {
                hint: detail("hint"),
                field: detail("field"),
                message: scope.redact(error.message),
            })
        }
        GuestFault::Refused(error) => Ok(outcome::refusal(error)),
        GuestFault::LimitExceeded { .. } => {
            Ok(outcome::failure(Reason::ToolLimit, fault.to_string()))
        }
        GuestFault::BrokeOff { .. } => Ok(outcome::failure(Reason::ToolFault, fault.to_string())),
        GuestFault::NotStarted(source) => {
            let message = format!("cannot start the tool: {source:#}");
            Ok(outcome::failure(Reason::Internal, message))
        }
    }
}

fn stopped(reason: Reason, limits: &Limits) -> Ending {
    let message = match reason {
        Reason::Timeout => {
            format!("the call took longer than {:?}", limits.wall_time)
        }
        _ => "the call was cancelled".to_owned(),
    };
    outcome::failure(reason, message)
}

fn first(problems: &[ConfigProblem]) -> String {
    problems
        .first()
        .map(ToString::to_string)
        .unwrap_or_default()
}
