use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use secrecy::SecretString;
use url::Url;

use super::{Access, Authorization, CapabilityError, FetchPolicy, OpenedSecrets};

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

    /// The object as it is now, if it can be had without asking anybody: a file of this machine. No credential is
    /// opened for it.
    async fn at_hand(&self, _request: &FetchRequest) -> Option<Object> {
        None
    }
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
///
/// A source that shows anybody who asks calls [`release`](Self::release) first.
#[derive(Clone)]
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
    /// Whether a header holds what the configuration keeps sealed from the tool. Such headers go only to servers
    /// that [`FetchPolicy::is_named`] knows.
    pub has_sealed_headers: bool,
    /// The most that the whole transfer may take.
    pub timeout: Option<Duration>,
    /// The most bytes that are taken.
    pub max_bytes: u64,
    /// What may be fetched, and from which addresses. The host sets it; a tool has no way to.
    pub policy: Arc<FetchPolicy>,
    /// Hears of what is opened. The host sets it, as above.
    pub opened: Option<Arc<dyn OpenedSecrets>>,
}

impl FetchOptions {
    /// The largest script that is accepted: etcd, where Kubernetes would keep it, is no file store
    /// (design §4).
    pub const DEFAULT_MAX_BYTES: u64 = 16 << 20;

    /// Lets `access` be shown to the server at `url`, and has what is secret about it redacted from then on.
    ///
    /// This is asked of each address anew, such as that of a redirect, before anything is sent there.
    ///
    /// # Errors
    ///
    /// [`Reason::Denied`](super::Reason::Denied) where the credential is not for that server.
    pub fn release(&self, access: &Access, url: &Url) -> Result<(), CapabilityError> {
        if matches!(access.authorization, Authorization::Anonymous) {
            return Ok(());
        }
        self.policy
            .check_access(access, url, self.endpoint.is_some())?;
        if let Some(opened) = &self.opened {
            access.tell_secrets(opened.as_ref());
        }
        Ok(())
    }

    /// Whether the headers of the configuration may be shown to the server at `url`.
    #[must_use]
    pub fn may_send_headers(&self, url: &Url) -> bool {
        !self.has_sealed_headers || self.policy.is_named(url)
    }
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
            has_sealed_headers: false,
            timeout: None,
            max_bytes: Self::DEFAULT_MAX_BYTES,
            policy: Arc::default(),
            opened: None,
        }
    }
}

impl fmt::Debug for FetchOptions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("FetchOptions")
            .field("source_type", &self.source_type)
            .field("credential", &self.credential)
            .field("region", &self.region)
            .field("endpoint", &self.endpoint)
            .field("method", &self.method)
            .field("headers", &self.headers)
            .field("timeout", &self.timeout)
            .field("max_bytes", &self.max_bytes)
            .field("policy", &self.policy)
            .finish_non_exhaustive()
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
