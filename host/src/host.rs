//! The host itself: what a worker embeds.

mod builder;
mod conclusion;
mod diagnose;
mod error;
mod request;

use std::fmt::Write as _;
use std::sync::Arc;

use serde_json::Value;
use tracing::Instrument as _;

pub use builder::{BuildError, ToolHostBuilder};
pub use diagnose::Finding;
pub use error::CallError;
pub use request::CallRequest;

use self::conclusion::{Invoked, conclude};
use crate::capability::Reason;
use crate::engine::ToolEngine;
use crate::grant::Grants;
use crate::invocation;
use crate::limits::Limits;
use crate::outcome::Outcome;
use crate::progress::ProgressEvent;
use crate::registry::{EMBEDDED_TOOLS, LoadError, LoadedTool, Registry, ToolLoader};
use crate::scope::{Backends, CallContext, CallScope};
use crate::sealing::Vault;
use crate::template::{EnvironmentOf, Renderer};

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
