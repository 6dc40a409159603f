use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use secrecy::SecretString;

use super::{CapabilityError, FetchPolicy};

/// A place that objects are fetched from.
#[async_trait]
pub trait ObjectSource: Send + Sync + 'static {
    /// Fetches the object whole.
    ///
    /// An implementation checks the size while it reads, never after, and stops at
    /// [`FetchOptions::max_bytes`]. The caller checks the digest.
    ///
    /// # Errors
    ///
    /// [`Reason::FetchNotFound`](super::Reason::FetchNotFound),
    /// [`FetchDenied`](super::Reason::FetchDenied), [`FetchFailed`](super::Reason::FetchFailed),
    /// [`TooLarge`](super::Reason::TooLarge), [`Timeout`](super::Reason::Timeout),
    /// [`Unsupported`](super::Reason::Unsupported) and
    /// [`InvalidRequest`](super::Reason::InvalidRequest).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future stops the transfer; nothing is kept.
    async fn fetch(&self, request: FetchRequest) -> Result<Object, CapabilityError>;
}

/// What to fetch.
#[derive(Debug, Clone)]
pub struct FetchRequest {
    /// The URI or path as the configuration has it.
    pub uri: String,
    /// How to fetch it.
    pub options: FetchOptions,
}

/// How to fetch an object. A field that a source has no use for is refused by it, not ignored.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct FetchOptions {
    /// The kind of source (`file`, `gcs`, `s3`, `http`); derived from the URI where it is absent.
    pub source_type: Option<String>,
    /// The name of a credential.
    pub credential: Option<String>,
    /// The region of an object store.
    pub region: Option<String>,
    /// What a relative URI is relative to, or the object store to ask.
    pub endpoint: Option<String>,
    /// The HTTP method.
    pub method: Option<String>,
    /// HTTP headers; values may hold secrets.
    pub headers: Vec<(String, SecretString)>,
    /// The most that the whole transfer may take.
    pub timeout: Option<Duration>,
    /// The most bytes that are taken.
    pub max_bytes: u64,
    /// What may be fetched, and from which addresses. The host sets it; a tool has no way to.
    pub policy: Arc<FetchPolicy>,
}

impl FetchOptions {
    /// The largest script that is accepted: etcd, where Kubernetes would keep it, is no file store
    /// (design §4).
    pub const DEFAULT_MAX_BYTES: u64 = 16 << 20;
}

impl Default for FetchOptions {
    fn default() -> Self {
        Self {
            source_type: None,
            credential: None,
            region: None,
            endpoint: None,
            method: None,
            headers: Vec::new(),
            timeout: None,
            max_bytes: Self::DEFAULT_MAX_BYTES,
            policy: Arc::default(),
        }
    }
}

/// An object's bytes and what is known about them.
#[derive(Debug, Clone)]
pub struct Object {
    /// The content.
    pub bytes: Bytes,
    /// Where it came from.
    pub metadata: ObjectMetadata,
}

/// What is known about an object.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ObjectMetadata {
    /// The absolute URI that was read, without credentials.
    pub uri: Option<String>,
    /// The entity tag that the server gave.
    pub etag: Option<String>,
    /// The version or generation that the server gave.
    pub version: Option<String>,
}
