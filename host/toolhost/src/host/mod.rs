//! The host, which a worker embeds.

mod advice;
mod bounds;
mod builder;
mod calls;
mod check;
mod conclusion;
mod diagnose;
mod error;
mod install;
mod rehearsal;
mod rejection;
mod request;
mod structure;

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::time::timeout;
use tracing::Instrument as _;

pub use crate::scope::SettingNames;
pub use builder::{BuildError, ToolHostBuilder};
pub use diagnose::Finding;
pub use error::{CallError, ShutdownError};
pub use install::InstallError;
pub use request::{CallRequest, ExecutionId, StepName};

use self::bounds::{CallBounds, Interruption};
use self::calls::Calls;
use self::conclusion::{Invoked, Stage, conclude};
use crate::abi::ToolPre;
use crate::capability::Reason;
use crate::engine::ToolEngine;
use crate::limits::Limits;
use crate::outcome::Outcome;
use crate::progress::ProgressEvent;
use crate::registry::{LoadedTool, Registry, ToolLoader};
use crate::scope::{Backends, CallContext, CallScope};
use crate::sealing::Vault;
use crate::template::{EnvironmentOf, Renderer};

/// The typical size of a step's configuration as JSON; a larger one is reallocated as it grows.
const USUAL_CONFIG_BYTES: usize = 512;
/// The additional time that a shutdown waits for calls that end at their limits.
const SHUTDOWN_MARGIN: Duration = Duration::from_millis(100);

/// Calls tools.
///
/// A host is created once, shared, and called from any number of tasks.
#[derive(Debug)]
pub struct ToolHost {
    engine: Arc<ToolEngine>,
    registry: Registry,
    loader: ToolLoader,
    renderer: Renderer,
    backends: Arc<Backends>,
    limits: Arc<Limits>,
    setting_names: Option<SettingNames>,
    calls: Calls,
}

impl ToolHost {
    /// The tools that can be called.
    #[must_use]
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Calls a tool and waits until everything that it started has ended.
    ///
    /// The tool is resolved now: if another version is put into use during the call, the call still uses the
    /// one that it started with.
    ///
    /// [`CallRequest::cancel`] and [`Limits::wall_time`] apply from the beginning, also while templates are
    /// rendered, which may query servers for secrets, and while the call waits for a permit. A call that ends
    /// then has an outcome like any other.
    ///
    /// # Errors
    ///
    /// [`CallError`], if the tool was not started.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future ends the tool immediately and requests the end of its jobs from the engine, but
    /// does not wait for them. To wait, and to get an outcome, cancel [`CallRequest::cancel`] instead.
    pub async fn call(&self, mut request: CallRequest) -> Result<Outcome, CallError> {
        let guard = self.calls.enter().ok_or(CallError::ShuttingDown)?;
        let mut bounds = CallBounds::new(&request.cancel, self.limits.wall_time, guard);
        let tool = self.registry.resolve(&request.tool)?;
        let callable = tool.callable()?;
        let vault = request
            .secrets
            .take()
            .map_or_else(Vault::new, Vault::of_execution);
        let configuring = self.configure(&request, &tool, &vault);
        let config = match bounds.before_start(configuring).await {
            Ok(config) => config?,
            Err(interruption) => {
                let scope = self.scope(request, &tool, vault, String::new(), &bounds);
                return not_started(interruption, Stage::Rendering, &tool, &scope);
            }
        };
        let admitted = bounds.before_start(self.engine.admit()).await;
        let scope = Arc::new(self.scope(request, &tool, vault, config, &bounds));
        let _permit = match admitted {
            Ok(permit) => permit.ok_or(CallError::ShuttingDown)?,
            Err(interruption) => {
                return not_started(interruption, Stage::Admission, &tool, &scope);
            }
        };
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
            let invoking = self.invoke_within_limits(callable, &scope, &mut bounds);
            let invoked = invoking.await;
            scope.finish().await;
            conclude(invoked, &tool, &scope)
        };
        work.instrument(span).await
    }

    /// Ends the host's calls: no call is started from now on, and running calls are waited for.
    ///
    /// A call that has not started its tool yet ends immediately with [`CallError::ShuttingDown`]. One whose
    /// tool runs has `grace` to end, and is then cancelled: its jobs are ended, and its outcome reports that.
    /// A second shutdown waits like the first; the shortest grace applies.
    ///
    /// # Errors
    ///
    /// [`ShutdownError`] if calls remain after [`Limits::cancel_grace`] and [`Limits::cleanup_time`] have
    /// passed as well, such as calls whose futures are not polled.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves the host shut down, and cancels no further call.
    pub async fn shutdown(&self, grace: Duration) -> Result<(), ShutdownError> {
        self.calls.close();
        if timeout(grace, self.calls.all_over()).await.is_ok() {
            return Ok(());
        }
        self.calls.stop();
        let Limits {
            cancel_grace,
            cleanup_time,
            ..
        } = *self.limits;
        let patience = cancel_grace
            .saturating_add(cleanup_time)
            .saturating_add(SHUTDOWN_MARGIN);
        let over = timeout(patience, self.calls.all_over()).await;
        over.map_err(|_| ShutdownError {
            calls: self.calls.count(),
        })
    }

    /// The configuration for the tool, with its templates rendered.
    async fn configure(
        &self,
        request: &CallRequest,
        tool: &LoadedTool,
        vault: &Vault,
    ) -> Result<String, CallError> {
        let environments = EnvironmentOf::of_schema(tool.schema());
        let is_named = |place: &EnvironmentOf<'_>| place.is_named_in(&request.config);
        let is_changed =
            Renderer::has_template(&request.config) || environments.iter().any(is_named);
        if !is_changed {
            return self.accept(tool, &request.config);
        }
        let rendering = self
            .renderer
            .render_value(&request.config, &request.templates, vault);
        let mut config = rendering.await?;
        for environment in &environments {
            let putting = environment.put(&mut config, &request.templates, vault);
            putting.await?;
        }
        self.accept(tool, &config)
    }

    /// The configuration for the tool, if it is valid.
    fn accept(&self, tool: &LoadedTool, config: &Value) -> Result<String, CallError> {
        let problems = tool.check(config);
        if !problems.is_empty() {
            return Err(CallError::Config {
                tool: tool.to_string(),
                problems,
            });
        }
        let mut text = String::with_capacity(USUAL_CONFIG_BYTES);
        // Writing to a string cannot fail.
        let _ = write!(text, "{config}");
        let (bytes, limit) = (text.len(), self.limits.config_bytes);
        if bytes > limit {
            return Err(CallError::TooLarge { bytes, limit });
        }
        Ok(text)
    }

    fn scope(
        &self,
        request: CallRequest,
        tool: &LoadedTool,
        vault: Vault,
        config: String,
        bounds: &CallBounds,
    ) -> CallScope {
        let (execution_id, step) = (request.execution_id.into(), request.step.into());
        CallScope::new(
            self.context(tool, execution_id, step, config),
            Arc::clone(&self.limits),
            vault,
            bounds.cancel().clone(),
            Arc::clone(&self.backends),
            request.progress,
        )
    }

    fn context(
        &self,
        tool: &LoadedTool,
        execution_id: String,
        step: String,
        config: String,
    ) -> CallContext {
        CallContext {
            execution_id,
            step,
            tool: tool.to_string(),
            fetch_policy: Arc::clone(tool.grants().fetch()),
            fields: Arc::clone(tool.fields()),
            setting_names: self.setting_names,
            config,
        }
    }

    /// Runs the tool until it is done, cancelled, or out of time.
    ///
    /// A tool that has to end first sees its jobs end, so that it can report their results; if it does not
    /// end then, it is terminated.
    async fn invoke_within_limits(
        &self,
        tool: &ToolPre,
        scope: &Arc<CallScope>,
        bounds: &mut CallBounds,
    ) -> Invoked {
        let working = tool.invoke(&self.engine, scope, &scope.context.config);
        tokio::pin!(working);
        let reason = tokio::select! {
            biased;
            invocation = &mut working => return Invoked::Ended(invocation),
            reason = bounds.end() => reason,
        };
        scope.cancel.cancel();
        scope.cancel_jobs();
        match timeout(self.limits.cancel_grace, working).await {
            Ok(invocation) if reason == Reason::Cancelled => Invoked::Ended(invocation),
            Ok(_) | Err(_) => Invoked::Stopped(reason),
        }
    }
}

/// The outcome of a call whose tool was not started.
fn not_started(
    interruption: Interruption,
    stage: Stage,
    tool: &LoadedTool,
    scope: &CallScope,
) -> Result<Outcome, CallError> {
    match interruption {
        Interruption::Ended(reason) => conclude(Invoked::NotStarted(reason, stage), tool, scope),
        Interruption::ShuttingDown => Err(CallError::ShuttingDown),
    }
}
