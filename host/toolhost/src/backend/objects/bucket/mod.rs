//! Objects in buckets: Amazon S3 and compatible servers, and Google Cloud Storage.
//!
//! A store of `object_store` creates the request, signs it, and reads the answer. It is wrapped on both sides: its
//! requests go through [`transport`], so that the policy of addresses, TLS and the release of credentials are the same
//! as everywhere; its errors are explained in [`explain`] by the server's answer; and [`transfer`](super::transfer)
//! decides what is retried, and from where. ADR 6 states what the store is not used for, and why.

mod answer;
mod endpoint;
mod explain;
mod gcs;
mod name;
mod opener;
mod protocol;
mod s3;
mod source;
mod transport;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use async_trait::async_trait;

use self::gcs::Gcs;
use self::name::ObjectName;
use self::opener::BucketOpener;
use self::protocol::Protocol;
use self::s3::S3;
use self::source::BucketSource;
use super::transfer::{DEFAULT_TIMEOUT, TransferLimits, transfer};
use crate::capability::{
    AccessSource, CapabilityError, FetchOptions, FetchPermit, FetchRequest, Object, ObjectSource,
};
use crate::http::{AddressPolicy, HttpClient};

/// Objects of Amazon S3 and compatible servers: `s3://BUCKET/KEY`.
///
/// The region is [`region`](crate::capability::FetchOptions::region), else the credential's, else `us-east-1`; the
/// server is [`endpoint`](crate::capability::FetchOptions::endpoint), else the credential's, else AWS. Where a server
/// is named, the bucket is in the path unless the credential is configured otherwise.
#[derive(Debug, Clone)]
pub struct S3Source(BucketSource<S3>);

/// Objects of Google Cloud Storage: `gs://BUCKET/NAME`.
///
/// The server is [`endpoint`](crate::capability::FetchOptions::endpoint), else the credential's, else Google.
#[derive(Debug, Clone)]
pub struct GcsSource(BucketSource<Gcs>);

impl S3Source {
    /// Creates a source that sends requests through `client`, without credentials.
    #[must_use]
    pub fn new(client: HttpClient) -> Self {
        Self(BucketSource {
            protocol: S3,
            client,
            access: None,
        })
    }

    /// Sets the source of the credentials of `source.auth`, and of those of the machine.
    #[must_use]
    pub fn with_access(mut self, access: Arc<dyn AccessSource>) -> Self {
        self.0.access = Some(access);
        self
    }
}

impl GcsSource {
    /// Creates a source that sends requests through `client`, without credentials.
    #[must_use]
    pub fn new(client: HttpClient) -> Self {
        Self(BucketSource {
            protocol: Gcs,
            client,
            access: None,
        })
    }

    /// Sets the source of the credentials of `source.auth`, and of those of the machine.
    #[must_use]
    pub fn with_access(mut self, access: Arc<dyn AccessSource>) -> Self {
        self.0.access = Some(access);
        self
    }
}

#[async_trait]
impl ObjectSource for S3Source {
    async fn fetch(&self, request: FetchRequest) -> Result<Object, CapabilityError> {
        fetch(&self.0, request).await
    }
}

#[async_trait]
impl ObjectSource for GcsSource {
    async fn fetch(&self, request: FetchRequest) -> Result<Object, CapabilityError> {
        fetch(&self.0, request).await
    }
}

/// Reads one object of a bucket.
async fn fetch<P: Protocol>(
    source: &BucketSource<P>,
    request: FetchRequest,
) -> Result<Object, CapabilityError> {
    let name = ObjectName::parse(&request.uri, P::SCHEME)?;
    source.protocol.check(&request.options)?;
    let permit = request.options.policy.check_request(&request)?;
    let options = request.options;
    let limits = TransferLimits {
        max_bytes: options.max_bytes,
        timeout: options.timeout.unwrap_or(DEFAULT_TIMEOUT),
        retry: source.client.retry_policy(),
    };
    let addresses = addresses(&options, permit);
    let opener = BucketOpener::new(source, &name, options, addresses);
    transfer(&opener, &name.uri(), limits).await
}

/// Returns the allowed addresses: a server from the credentials or of this program may be anywhere, such as an endpoint
/// of a private cloud; one from a playbook is restricted by the policy.
fn addresses(options: &FetchOptions, permit: FetchPermit) -> AddressPolicy {
    if options.endpoint.is_none() || permit.private_addresses {
        AddressPolicy::Any
    } else {
        AddressPolicy::Public
    }
}
