use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt as _;
use http::StatusCode;
use object_store::{GetOptions, GetRange, GetResult, ObjectStore as _};

use super::super::transfer::{Failure, Opened, Opener, Position};
use super::answer::Answer;
use super::explain::{Asked, explain};
use super::name::ObjectName;
use super::protocol::{Located, Protocol};
use super::source::BucketSource;
use super::transport::{Problem, Transport, Unmeasured};
use crate::capability::{
    Access, AccessRequest, Authorization, CapabilityError, FetchOptions, ObjectMetadata, Reason,
};
use crate::http::{AddressPolicy, HttpError, Url, text_of};

/// Minimum remaining life of keys: they are used immediately, and each attempt requests them again.
const MIN_REMAINING: Duration = Duration::from_secs(10);
/// Maximum number of characters of a store's message about an answer: it may quote the answer.
const MAX_STORE_CHARS: usize = 200;

/// The note about a request that may not use the machine's own credentials in the errors of a fetch.
const AMBIENT_NOT_GRANTED: &str =
    "no credential: the machine's own are only for tools whose grant names the bucket";

/// Opens one object of a bucket.
pub(super) struct BucketOpener<'fetch, P> {
    source: &'fetch BucketSource<P>,
    name: &'fetch ObjectName,
    options: Arc<FetchOptions>,
    addresses: AddressPolicy,
    /// Whether the server returned the whole object for a range, so that ranges are not requested again.
    ignores_ranges: AtomicBool,
}

/// An attempt that returned no object.
struct Unopened {
    failure: Failure,
    /// Whether new credentials may help.
    refuses_the_access: bool,
}

#[async_trait]
impl<P: Protocol> Opener for BucketOpener<'_, P> {
    async fn open(&self, at: Position<'_>) -> Result<Opened, Failure> {
        let mut request = AccessRequest::new(P::SERVICE, self.options.credential.as_deref());
        request.min_remaining = MIN_REMAINING;
        let access = self.access(&request).await?;
        let refused = match self.get(&access, at).await {
            Err(unopened) if unopened.refuses_the_access => unopened.failure,
            other => return other.map_err(|unopened| unopened.failure),
        };
        // Cached credentials may be out of date: retry once, with new ones.
        self.source.refuse(&request, &access).await;
        let Ok(access_again) = self.access(&request).await else {
            return Err(refused);
        };
        let again = self.get(&access_again, at).await;
        again.map_err(|unopened| unopened.failure)
    }
}

impl<'fetch, P: Protocol> BucketOpener<'fetch, P> {
    pub(super) fn new(
        source: &'fetch BucketSource<P>,
        name: &'fetch ObjectName,
        options: FetchOptions,
        addresses: AddressPolicy,
    ) -> Self {
        Self {
            source,
            name,
            options: Arc::new(options),
            addresses,
            ignores_ranges: AtomicBool::new(false),
        }
    }

    /// Returns access to the bucket. The machine's own credentials are only for tools that were granted the bucket by
    /// name.
    async fn access(&self, request: &AccessRequest) -> Result<Access, CapabilityError> {
        let ObjectName { bucket, key, .. } = self.name;
        let policy = &self.options.policy;
        if request.credential.is_none() && !policy.allows_ambient_access(P::SCHEME, bucket, key) {
            return Ok(Access::new(Authorization::Anonymous, AMBIENT_NOT_GRANTED));
        }
        self.source.access(request).await
    }

    /// Requests the object through a store.
    async fn get(&self, access: &Access, at: Position<'_>) -> Result<Opened, Unopened> {
        let transport = Transport {
            client: self.source.client.clone(),
            options: Arc::clone(&self.options),
            access: access.clone(),
            addresses: self.addresses,
        };
        let located = self
            .source
            .protocol
            .locate(self.name, &self.options, access, transport)?;
        let mut options = GetOptions::default();
        if let Some(version) = at.version {
            options.range = Some(GetRange::Offset(at.offset));
            options.if_match = Some(version.to_owned());
        }
        match located.store.get_opts(&located.path, options).await {
            Ok(result) => Ok(self.opened(result)),
            Err(error) => Err(self.unopened(&error, &located, access)),
        }
    }

    fn opened(&self, result: GetResult) -> Opened {
        let is_measured = result.extensions.get::<Unmeasured>().is_none();
        let etag = result.meta.e_tag.clone().filter(|etag| !etag.is_empty());
        // Without a length the client may have decompressed it, and a weak tag (RFC 9110 §8.8.1) identifies more than
        // one sequence of bytes.
        let can_resume = is_measured && !self.ignores_ranges.load(Ordering::Relaxed);
        let is_exact = |etag: &String| can_resume && etag.starts_with('"');
        let uri = self.name.uri();
        let mut metadata = ObjectMetadata::default();
        metadata.uri = Some(uri.clone());
        metadata.etag.clone_from(&etag);
        // S3 returns the version `null` where a bucket keeps none.
        let version = result.meta.version.clone();
        metadata.version = version.filter(|version| version != "null");
        Opened {
            start: result.range.start,
            total: is_measured.then_some(result.meta.size),
            version: etag.filter(is_exact),
            metadata,
            bytes: Box::pin(result.into_stream().map(move |chunk| {
                chunk.map_err(|error| match Problem::behind(&error) {
                    Some(Problem::Cut(error)) => unread(&uri, error.clone(), "uri").into(),
                    _ => refused_by_store(&uri, &error).into(),
                })
            })),
        }
    }

    fn unopened(
        &self,
        error: &object_store::Error,
        located: &Located,
        access: &Access,
    ) -> Unopened {
        let failure = match Problem::behind(error) {
            Some(Problem::Refused(answer)) => {
                return Unopened {
                    failure: self.refused(answer, located, access),
                    refuses_the_access: answer.refuses_the_access(),
                };
            }
            Some(Problem::NotSent(error)) => error.clone().into(),
            Some(Problem::Unanswered { url, error }) => {
                self.unanswered(located, url, error.clone())
            }
            Some(Problem::Whole) => {
                self.ignores_ranges.store(true, Ordering::Relaxed);
                Failure {
                    error: self
                        .contradiction("the whole object instead of the requested part")
                        .retryable(),
                    retry_after: None,
                    restart: true,
                }
            }
            Some(Problem::Contradiction(what)) => self.contradiction(what).into(),
            Some(Problem::Cut(error)) => unread(&self.name.uri(), error.clone(), "uri").into(),
            None => refused_by_store(&self.name.uri(), error).into(),
        };
        failure.into()
    }

    fn refused(&self, answer: &Answer, located: &Located, access: &Access) -> Failure {
        let asked = Asked {
            service: P::SERVICE,
            name: self.name,
            access,
            region: located.region.as_deref(),
            endpoint: &located.endpoint,
            place_field: located.place_field,
        };
        let changed = matches!(
            answer.status,
            StatusCode::PRECONDITION_FAILED | StatusCode::RANGE_NOT_SATISFIABLE
        );
        let error = explain(asked, answer);
        Failure {
            error: if changed { error.retryable() } else { error },
            retry_after: answer.retry_after,
            restart: changed,
        }
    }

    fn unanswered(&self, located: &Located, url: &Url, error: HttpError) -> Failure {
        if let HttpError::AddressRefused { .. } | HttpError::ProxyRefused { .. } = error {
            let policy = &self.options.policy;
            return policy
                .denied_address(url, &error.to_string())
                .with_field(located.place_field)
                .into();
        }
        let is_of_region = located.region.is_some() && located.place_field == "uri";
        let field = match &error {
            HttpError::Timeout { .. } => "timeout-ms",
            // A region that does not exist has no server.
            HttpError::NameNotFound { .. } if is_of_region => "region",
            _ => located.place_field,
        };
        unread(&self.name.uri(), error, field).into()
    }

    fn contradiction(&self, what: &str) -> CapabilityError {
        let message = format!("the server of `{}` sends {what}", self.name.uri());
        CapabilityError::new(Reason::FetchFailed, message)
            .with_hint("ask the operator of the server, or of a proxy in between")
            .with_field("uri")
    }
}

impl From<Failure> for Unopened {
    fn from(failure: Failure) -> Self {
        Self {
            failure,
            refuses_the_access: false,
        }
    }
}

impl From<CapabilityError> for Unopened {
    fn from(error: CapabilityError) -> Self {
        Failure::from(error).into()
    }
}

/// Converts the error of a missing or incomplete answer.
fn unread(uri: &str, error: HttpError, field: &'static str) -> CapabilityError {
    let error = CapabilityError::from(error).with_field(field);
    let message = format!("cannot read `{uri}`: {}", error.explanation.message);
    error.with_message(message)
}

/// Converts the error of a store that does not accept the answer, such as another part than the requested one.
fn refused_by_store(uri: &str, error: &object_store::Error) -> CapabilityError {
    let said = text_of(&error.to_string(), MAX_STORE_CHARS);
    let message = format!("cannot read `{uri}`: {said}");
    CapabilityError::new(Reason::FetchFailed, message)
        .with_hint("ask the operator of the server, or of a proxy in between")
        .with_field("uri")
}
