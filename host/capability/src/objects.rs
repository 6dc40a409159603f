use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use secrecy::SecretString;
use url::Url;

use super::{Access, Authorization, CapabilityError, FetchPolicy, OpenedSecrets};

/// A source of objects.
#[async_trait]
pub trait ObjectSource: Send + Sync + 'static {
    /// Fetches the whole object.
    ///
    /// An implementation checks the size while it reads, never after, and stops at [`FetchOptions::max_bytes`]. The
    /// caller checks the digest.
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

    /// Returns the current object, if that is possible without a request: a file of this machine. No credential is
    /// opened for it.
    async fn at_hand(&self, _request: &FetchRequest) -> Option<Object> {
        None
    }
}

/// What to fetch.
#[derive(Debug, Clone)]
pub struct FetchRequest {
    /// The URI or path as in the configuration.
    pub uri: String,
    /// How to fetch it.
    pub options: FetchOptions,
}

/// How to fetch an object. A source refuses fields that it does not support, and does not ignore them.
///
/// A source calls [`release`](Self::release) before it sends any credentials.
#[derive(Clone)]
#[non_exhaustive]
pub struct FetchOptions {
    /// The kind of source (`file`, `gcs`, `s3`, `http`); derived from the URI where it is absent.
    pub source_type: Option<String>,
    /// The name of a credential.
    pub credential: Option<String>,
    /// The region of an object store.
    pub region: Option<String>,
    /// The base of a relative URI, or the object store.
    pub endpoint: Option<String>,
    /// The HTTP method.
    pub method: Option<String>,
    /// HTTP headers; values may be secret.
    pub headers: Vec<(String, SecretString)>,
    /// Whether a header contains something that the configuration keeps sealed from the tool. Such headers are sent
    /// only to servers for which [`FetchPolicy::is_named`] is true.
    pub has_sealed_headers: bool,
    /// Time limit of the whole transfer.
    pub timeout: Option<Duration>,
    /// Maximum size in bytes.
    pub max_bytes: u64,
    /// What may be fetched, and from which addresses. The host sets it; a tool cannot.
    pub policy: Arc<FetchPolicy>,
    /// Receives the opened secrets. The host sets it, as above.
    pub opened: Option<Arc<dyn OpenedSecrets>>,
}

impl FetchOptions {
    /// Maximum size of a script: etcd, where Kubernetes would store it, is not a file store (design §4).
    pub const DEFAULT_MAX_BYTES: u64 = 16 << 20;

    /// Checks that `access` may be sent to the server at `url`, and redacts its secrets from then on.
    ///
    /// This is called for each address, such as that of a redirect, before anything is sent there.
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

    /// Whether the headers of the configuration may be sent to the server at `url`.
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

/// An object's bytes and its metadata.
#[derive(Debug, Clone)]
pub struct Object {
    /// The content.
    pub bytes: Bytes,
    /// Its metadata.
    pub metadata: ObjectMetadata,
}

/// Metadata of an object.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ObjectMetadata {
    /// The absolute URI that was read, without credentials.
    pub uri: Option<String>,
    /// The entity tag from the server.
    pub etag: Option<String>,
    /// The version or generation from the server.
    pub version: Option<String>,
}
