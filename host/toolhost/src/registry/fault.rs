use std::error::Error;

/// What the WebAssembly engine, or a component under it, reports.
///
/// A text with sources, for people. The types of the engine are not part of this interface.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct ComponentFault(Box<dyn Error + Send + Sync>);

impl ComponentFault {
    pub(super) fn new(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(source.into())
    }
}
