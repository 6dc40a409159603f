//! Implementation of the `noetl:tool/progress` interface.

use super::CallState;
use super::bindings::noetl::tool::progress::Host;
use super::shown::{GUEST_TARGET, shown};
use crate::progress::ProgressEvent;

/// The maximum number of details that are passed on.
const MAX_DETAILS: usize = 32;

/// The stages of the built-in tools. They are not redacted, even if a secret equals one of them.
const KNOWN_STAGES: [&str; 3] = ["creating", "fetching", "marks"];

impl Host for CallState {
    fn report(
        &mut self,
        stage: String,
        message: String,
        details: Vec<(String, String)>,
    ) -> wasmtime::Result<()> {
        self.scope.report(|| {
            let details = details.into_iter().take(MAX_DETAILS);
            ProgressEvent::Stage {
                stage: if KNOWN_STAGES.contains(&stage.as_str()) {
                    stage
                } else {
                    self.shown(stage)
                },
                message: self.shown(message),
                details: details
                    .map(|(name, value)| (self.shown(name), self.shown(value)))
                    .collect(),
            }
        });
        Ok(())
    }

    fn log(&mut self, level: String, message: String) -> wasmtime::Result<()> {
        if self.scope.is_rehearsal() {
            return Ok(());
        }
        let message = self.shown(message);
        let tool = self.scope.context.tool.as_str();
        match level.as_str() {
            "error" => tracing::error!(target: GUEST_TARGET, tool, "{message}"),
            "warn" => tracing::warn!(target: GUEST_TARGET, tool, "{message}"),
            "debug" => tracing::debug!(target: GUEST_TARGET, tool, "{message}"),
            "trace" => tracing::trace!(target: GUEST_TARGET, tool, "{message}"),
            _ => tracing::info!(target: GUEST_TARGET, tool, "{message}"),
        }
        Ok(())
    }
}

impl CallState {
    fn shown(&self, text: String) -> String {
        shown(&self.scope, text)
    }
}
