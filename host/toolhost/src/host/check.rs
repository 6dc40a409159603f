//! Checking a call before it is made.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::bounds::{CallBounds, Interruption};
use super::rehearsal::Rehearsal;
use super::rejection::rejection;
use super::{CallError, CallRequest, ToolHost};
use crate::abi::{GuestFault, ToolPre};
use crate::capability::{FieldPath, Reason};
use crate::grant::Capability;
use crate::registry::LoadedTool;
use crate::scope::{Backends, CallScope};
use crate::sealing::Vault;
use crate::template::Renderer;

/// The time limit until a tool requests its job, in which it only waits for other calls: the built-in tools
/// take less than a millisecond.
const MAX_REHEARSAL: Duration = Duration::from_secs(2);

impl ToolHost {
    /// Checks a call without making it: nothing is created, fetched or reported, and no credential is
    /// opened.
    ///
    /// It finds an unknown tool or version, a missing grant, and violations of the tool's schema; a string
    /// with a template may become anything. A tool that creates jobs is then called with backends that do
    /// nothing, up to its first job, and the engine checks that job: this finds a program that is not
    /// installed, and what a policy does not allow. What depends on a template is left out. Of an object that
    /// is not a file on this machine only the name is known.
    ///
    /// # Errors
    ///
    /// Those that [`call`](Self::call) would return, and [`CallError::Refused`] for failures of the call.
    pub async fn check(&self, request: &CallRequest) -> Result<(), CallError> {
        let guard = self.calls.enter().ok_or(CallError::ShuttingDown)?;
        let bounds = CallBounds::new(&request.cancel, MAX_REHEARSAL, guard);
        let tool = self.registry.resolve(&request.tool)?;
        let callable = tool.callable()?;
        let problems = tool.check_known(&request.config, &Renderer::has_template);
        if !problems.is_empty() {
            return Err(CallError::Config {
                tool: tool.to_string(),
                problems,
            });
        }
        if !tool.imports().capabilities.contains(&Capability::Jobs) {
            return Ok(());
        }
        let Some(config) = with_numbers(&tool, &request.config) else {
            return Ok(());
        };
        let Ok(text) = self.accept(&tool, &config) else {
            return Ok(());
        };
        self.rehearse(request, &tool, callable, text, bounds).await
    }

    async fn rehearse(
        &self,
        request: &CallRequest,
        tool: &LoadedTool,
        callable: &ToolPre,
        config: String,
        mut bounds: CallBounds,
    ) -> Result<(), CallError> {
        let rehearsal = Arc::new(Rehearsal::new(Arc::clone(&self.backends)));
        let backends = Backends {
            objects: Arc::clone(&rehearsal) as _,
            runner: Arc::clone(&rehearsal) as _,
            logs: Arc::clone(&self.backends.logs),
        };
        let (execution_id, step) = (request.execution_id.to_string(), request.step.to_string());
        let context = self.context(tool, execution_id, step, config);
        let scope = CallScope::new(
            context,
            Arc::clone(&self.limits),
            Vault::new(),
            bounds.cancel().clone(),
            Arc::new(backends),
            None,
        );
        let scope = Arc::new(scope.in_rehearsal());
        let rehearsing = async {
            let _permit = self.engine.admit().await?;
            let config = &scope.context.config;
            Some(callable.invoke(&self.engine, &scope, config).await)
        };
        let invocation = match bounds.before_start(rehearsing).await {
            Ok(invocation) => invocation.ok_or(CallError::ShuttingDown)?,
            Err(Interruption::ShuttingDown) => return Err(CallError::ShuttingDown),
            // The call itself will report it.
            Err(Interruption::Ended(_)) => return Ok(()),
        };
        match (rehearsal.refusal(), invocation.result) {
            (Some(refusal), _) => {
                let refusal = refusal.map(|why| tool.fields().explain_job(why));
                let is_certain = match refusal.reason() {
                    Reason::InterpreterMissing => rehearsal.is_program_searched(),
                    _ => is_known(refusal.explanation.field.as_ref(), &request.config),
                };
                if is_certain {
                    Err(CallError::Refused(refusal))
                } else {
                    Ok(())
                }
            }
            (None, Err(GuestFault::Refused(error))) if !rehearsal.has_guessed() => {
                match rejection(error) {
                    Ok(why) if is_known(why.field.as_ref(), &request.config) => {
                        Err(CallError::Rejected(why))
                    }
                    _ => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }
}

/// The configuration with a number instead of each template where the schema does not accept a string; `None`
/// if it requires something else there.
fn with_numbers(tool: &LoadedTool, config: &Value) -> Option<Value> {
    let misfits = tool.check(config);
    let mut fitting = config.clone();
    for problem in &misfits {
        let node = problem
            .path
            .iter()
            .try_fold(&mut fitting, |node, key| match node {
                Value::Array(items) => items.get_mut(key.parse::<usize>().ok()?),
                _ => node.get_mut(key),
            })?;
        if !node.is_string() {
            return None;
        }
        *node = Value::from(1);
    }
    (misfits.is_empty() || tool.check(&fitting).is_empty()).then_some(fitting)
}

/// Whether the value at the field, or its closest existing ancestor, does not depend on a template.
fn is_known(field: Option<&FieldPath>, config: &Value) -> bool {
    let nearest = field.map_or(config, |field| field.nearest(config));
    !Renderer::has_template(nearest)
}
