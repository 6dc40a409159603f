//! Objects in buckets: Amazon S3, and what speaks its protocol, and Google Cloud Storage.
//!
//! A fetch is one `GET`, which is sent by [`crate::http`] like every other request, so that the policy of
//! addresses, TLS and the repetitions of [`transfer`](super::transfer) are the same for every source. Of
//! `object_store` the signer is used, and not its stores: their paths have no empty parts, which keys have
//! (`a//b`, `a/`), they read an error's body without a bound, and hide the headers that say which region a bucket
//! is in.

mod answer;
mod endpoint;
mod explain;
mod gcs;
mod name;
mod opener;
mod protocol;
mod s3;

use std::sync::Arc;

use async_trait::async_trait;

use self::gcs::Gcs;
use self::name::ObjectName;
use self::opener::BucketOpener;
use self::protocol::Protocol;
use self::s3::S3;
use super::transfer::{DEFAULT_TIMEOUT, TransferLimits, transfer};
use crate::capability::{
    AccessSource, CapabilityError, FetchRequest, Object, ObjectSource,
};
use crate::http::{AddressPolicy, HttpClient};

/// Objects of Amazon S3, and of servers that speak its protocol: `s3://BUCKET/KEY`.
///
/// The region is [`region`](crate::capability::FetchOptions::region), else the credential's, else `us-east-1`; the server is
/// [`endpoint`](crate::capability::FetchOptions::endpoint), else the credential's, else AWS. Where a server is named, the bucket stands in the path
/// unless the credential says otherwise.
#[derive(Debug, Clone)]
pub struct S3Source(BucketSource<S3>);

/// Objects of Google Cloud Storage: `gs://BUCKET/NAME`.
///
/// The server is [`endpoint`](crate::capability::FetchOptions::endpoint), else the credential's, else Google.
#[derive(Debug, Clone)]
pub struct GcsSource(BucketSource<Gcs>);

impl S3Source {
    /// Asks by `client`, with what `access` gives for [`Service::S3`](crate::capability::Service::S3).
    /// `addresses` bounds where a server that a request names may be.
    #[must_use]
    pub fn new(
        client: HttpClient,
        access: Arc<dyn AccessSource>,
        addresses: AddressPolicy,
    ) -> Self {
        Self(BucketSource::new(S3, client, access, addresses))
    }
}

impl GcsSource {
    /// Asks by `client`, with what `access` gives for [`Service::Gcs`](crate::capability::Service::Gcs).
    /// `addresses` bounds where a server that a request names may be.
    #[must_use]
    pub fn new(
        client: HttpClient,
        access: Arc<dyn AccessSource>,
        addresses: AddressPolicy,
    ) -> Self {
        Self(BucketSource::new(Gcs, client, access, addresses))
    }
}

#[async_trait]
impl ObjectSource for S3Source {
    async fn fetch(&self, request: FetchRequest) -> Result<Object, CapabilityError> {
        self.0.fetch(request).await
    }
}

#[async_trait]
impl ObjectSource for GcsSource {
    async fn fetch(&self, request: FetchRequest) -> Result<Object, CapabilityError> {
        self.0.fetch(request).await
    }
}

#[derive(Clone)]
struct BucketSource<P> {
    protocol: P,
    client: HttpClient,
    access: Arc<dyn AccessSource>,
    addresses: AddressPolicy,
}

impl<P: Protocol> BucketSource<P> {
    fn new(
        protocol: P,
        client: HttpClient,
        access: Arc<dyn AccessSource>,
        addresses: AddressPolicy,
    ) -> Self {
        Self {
            protocol,
            client,
            access,
            addresses,
        }
    }

    async fn fetch(&self, request: FetchRequest) -> Result<Object, CapabilityError> {
        let FetchRequest { uri, options } = request;
        self.protocol.check(&options)?;
        let name = ObjectName::parse(&uri, P::SCHEME)?;
        let limits = TransferLimits {
            max_bytes: options.max_bytes,
            timeout: options.timeout.unwrap_or(DEFAULT_TIMEOUT),
            retry: self.client.retry_policy(),
        };
        let opener = BucketOpener {
            source: self,
            name: &name,
            options: &options,
        };
        transfer(&opener, &name.uri(), limits).await
    }
}

impl<P: Protocol> std::fmt::Debug for BucketSource<P> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct(P::SCHEME)
            .field("addresses", &self.addresses)
            .finish_non_exhaustive()
    }
}
