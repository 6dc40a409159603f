use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;

use crate::capability::{CapabilityError, FetchRequest, Object, ObjectSource, Reason};

/// Passes each request to the source of its type.
///
/// The type is `source.type`, or follows from the scheme of the URI; a URI without a scheme is a file.
#[derive(Default)]
pub struct SourceRouter {
    sources: BTreeMap<&'static str, Arc<dyn ObjectSource>>,
}

impl SourceRouter {
    /// Creates a router without sources.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the source for a type: `file`, `gcs`, `s3` or `http`.
    #[must_use]
    pub fn with(mut self, source_type: &'static str, source: Arc<dyn ObjectSource>) -> Self {
        self.sources.insert(source_type, source);
        self
    }
}

#[async_trait]
impl ObjectSource for SourceRouter {
    async fn fetch(&self, request: FetchRequest) -> Result<Object, CapabilityError> {
        let source_type = request.source_type()?;
        let source = self.sources.get(source_type).ok_or_else(|| {
            let known: Vec<_> = self
                .sources
                .keys()
                .map(|known| format!("`{known}`"))
                .collect();
            let message = format!("this host has no source of type `{source_type}`");
            CapabilityError::new(Reason::Unsupported, message)
                .with_hint(format!("use one of: {}", known.join(", ")))
                .with_field("type")
        })?;
        source.fetch(request).await
    }

    async fn at_hand(&self, request: &FetchRequest) -> Option<Object> {
        let source = self.sources.get(request.source_type().ok()?)?;
        source.at_hand(request).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capability::FetchOptions;

    #[tokio::test]
    async fn a_missing_source_is_named() {
        let router = SourceRouter::new();
        for (uri, culprit) in [
            ("gs://bucket/a.py", "`gcs`"),
            ("a.py", "`file`"),
            ("ftp://x/a", "`ftp`"),
        ] {
            let options = FetchOptions::default();
            let request = FetchRequest {
                uri: uri.to_owned(),
                options,
            };
            let error = router.fetch(request).await.unwrap_err();
            assert_eq!(error.explanation.reason, Reason::Unsupported);
            assert!(error.explanation.message.contains(culprit), "{error}");
        }
    }
}
