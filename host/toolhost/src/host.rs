//! The host itself: what a worker embeds.

mod advice;
mod bounds;
mod builder;
mod calls;
mod check;
mod conclusion;
mod diagnose;
mod error;
mod rehearsal;
mod request;
mod structure;

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::time::timeout;
use tracing::Instrument as _;

pub use builder::{BuildError, ToolHostBuilder};
pub use diagnose::Finding;
pub use error::{CallError, ShutdownError};
pub use request::CallRequest;

use self::bounds::{CallBounds, Interruption};
use self::calls::Calls;
use self::conclusion::{Invoked, Stage, conclude};
use crate::capability::Reason;
use crate::engine::ToolEngine;
use crate::grant::Grants;
use crate::invocation;
use crate::limits::Limits;
use crate::outcome::Outcome;
use crate::progress::ProgressEvent;
use crate::registry::{EMBEDDED_TOOLS, LoadError, LoadedTool, Registry, ToolIdentity, ToolLoader};
use crate::scope::{Backends, CallContext, CallScope};
use crate::sealing::Vault;
use crate::template::{EnvironmentOf, Renderer};

/// About what a step's configuration takes as JSON; a larger one is moved as it grows.
const USUAL_CONFIG_BYTES: usize = 512;
/// What a shutdown waits besides for calls that end at the last moment that they may.
const SHUTDOWN_MARGIN: Duration = Duration::from_millis(100);

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
    calls: Calls,
}

impl ToolHost {
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

    /// As above, with what `grants` gives to each tool.
    ///
    /// # Errors
    ///
    /// As above.
    pub async fn load_embedded_tools_with(
        &self,
        grants: impl Fn(&ToolIdentity) -> Grants,
    ) -> Result<(), LoadError> {
        for (origin, component) in EMBEDDED_TOOLS {
            // Their code is this build's own: it asks what the configuration says.
            let grants = |tool: &ToolIdentity| grants(tool).trusted();
            let loading = self.loader.load_embedded(component.into(), origin, grants);
            let tool = loading.await?;
            self.registry.activate(Arc::new(tool));
        }
        Ok(())
    }

    /// Calls a tool and waits until everything that it started is over.
    ///
    /// The tool is chosen now: if another version is put into use while the call goes on, the call ends
    /// on the one that it began with.
    ///
    /// [`CallRequest::cancel`] and [`Limits::wall_time`] hold from the beginning, also while templates are
    /// rendered, which may ask servers for secrets, and while there is no room for one more call. A call
    /// that ends then has an outcome like any other.
    ///
    /// # Errors
    ///
    /// [`CallError`], before the tool was started.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future ends the tool at once and asks the engine to end its jobs, but does not wait
    /// for them. To wait, and to get an outcome, cancel [`CallRequest::cancel`] instead.
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

    /// Ends the host's calls: none is started from now on, and those that are going on are waited for.
    ///
    /// A call that has not started its tool yet ends at once with [`CallError::ShuttingDown`]. One whose tool
    /// runs has `grace` to come to its end, and is cancelled then: its jobs are ended, and its outcome says so.
    /// A second shutdown waits like the first; the shortest grace counts.
    ///
    /// # Errors
    ///
    /// [`ShutdownError`] where calls are still there when [`Limits::cancel_grace`] and [`Limits::cleanup_time`]
    /// are over as well, as those are whose futures nobody polls.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future keeps the host closed, and cancels no call that was not cancelled before.
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

    /// The configuration as the tool gets it, with its templates rendered.
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

    fn scope(
        &self,
        request: CallRequest,
        tool: &LoadedTool,
        vault: Vault,
        config: String,
        bounds: &CallBounds,
    ) -> CallScope {
        let context = CallContext {
            execution_id: request.execution_id,
            step: request.step,
            tool: tool.to_string(),
            fetch_policy: Arc::clone(tool.grants().fetch()),
            config,
        };
        CallScope::new(
            context,
            Arc::clone(&self.limits),
            vault,
            bounds.cancel().clone(),
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
        bounds: &mut CallBounds,
    ) -> Invoked {
        let working = invocation::invoke(&self.engine, tool, scope, &scope.context.config);
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

/// What becomes of a call whose tool was not started.
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
