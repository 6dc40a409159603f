//! Implementation of the `noetl:tool/progress` interface.

use super::CallState;
use super::bindings::noetl::tool::progress::Host;
use crate::progress::ProgressEvent;

/// The maximum length of a message that is passed on; what a person reads at a glance is much shorter.
const MAX_MESSAGE_BYTES: usize = 4 << 10;
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
        let message = self.shown(message);
        let tool = self.scope.context.tool.as_str();
        match level.as_str() {
            "error" => tracing::error!(tool, "{message}"),
            "warn" => tracing::warn!(tool, "{message}"),
            "debug" => tracing::debug!(tool, "{message}"),
            "trace" => tracing::trace!(tool, "{message}"),
            _ => tracing::info!(tool, "{message}"),
        }
        Ok(())
    }
}

impl CallState {
    /// The part of a guest's text that is safe to show: without secrets, and of limited length.
    fn shown(&self, text: String) -> String {
        let mut text = self.scope.redact(text);
        if text.len() > MAX_MESSAGE_BYTES {
            text.truncate(text.floor_char_boundary(MAX_MESSAGE_BYTES));
            text.push('…');
        }
        text
    }
}
