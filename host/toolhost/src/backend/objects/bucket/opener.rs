use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt as _;
use http::{HeaderMap, HeaderValue, StatusCode, header};

use super::super::transfer::{Failure, Opened, Opener, Position};
use super::answer::{Answer, MAX_ERROR_BYTES};
use super::explain::{Asked, explain};
use super::name::ObjectName;
use super::protocol::{Protocol, Question};
use super::source::{BucketSource, with_auth};
use crate::capability::{
    Access, AccessRequest, Authorization, CapabilityError, FetchOptions, ObjectMetadata, Reason,
};
use crate::http::{AddressPolicy, HttpError, Request, Response, Url, retry_after};

/// How long keys must last from when they are asked for: they are used at once, and each attempt asks anew.
const MIN_REMAINING: Duration = Duration::from_secs(10);

/// The longest entity tag, or version, that is kept; those of S3 and Google have below 100 bytes.
const MAX_FACT_BYTES: usize = 256;

/// What the errors of a fetch say about a request that was not allowed what the machine offers.
const AMBIENT_NOT_GRANTED: &str =
    "no credential: the machine's own are for tools whose grant names the bucket";

/// Opens one object of a bucket.
pub(super) struct BucketOpener<'fetch, P> {
    pub(super) source: &'fetch BucketSource<P>,
    pub(super) name: &'fetch ObjectName,
    pub(super) options: &'fetch FetchOptions,
    pub(super) addresses: AddressPolicy,
}

/// An answer that is not the object.
struct Refusal {
    answer: Answer,
    retry_after: Option<Duration>,
}

#[async_trait]
impl<P: Protocol> Opener for BucketOpener<'_, P> {
    async fn open(&self, at: Position<'_>) -> Result<Opened, Failure> {
        let mut request = AccessRequest::new(P::SERVICE, self.options.credential.as_deref());
        request.min_remaining = MIN_REMAINING;
        let access = self.access(&request).await?;
        let question = self.question(&access, at)?;
        let refusal = match self.ask(&question, &access).await? {
            Ok(response) => return self.opened(response, at),
            Err(refusal) if refusal.answer.refuses_the_access() => refusal,
            Err(refusal) => return Err(self.failure(&refusal, &question, &access)),
        };
        // What was kept may be out of date: once more, with something new.
        self.source.refuse(&request, &access).await;
        let Ok(access_again) = self.access(&request).await else {
            return Err(self.failure(&refusal, &question, &access));
        };
        let question = self.question(&access_again, at)?;
        match self.ask(&question, &access_again).await? {
            Ok(response) => self.opened(response, at),
            Err(refusal) => Err(self.failure(&refusal, &question, &access_again)),
        }
    }
}

impl<P: Protocol> BucketOpener<'_, P> {
    /// What opens the bucket. What the machine offers by itself is for who was granted the bucket by name.
    async fn access(&self, request: &AccessRequest) -> Result<Access, CapabilityError> {
        let ObjectName { bucket, key, .. } = self.name;
        let policy = &self.options.policy;
        if request.credential.is_none() && !policy.allows_ambient_access(P::SCHEME, bucket, key) {
            return Ok(Access::new(Authorization::Anonymous, AMBIENT_NOT_GRANTED));
        }
        self.source.access(request).await
    }

    fn question(&self, access: &Access, at: Position<'_>) -> Result<Question, CapabilityError> {
        let protocol = &self.source.protocol;
        let mut question = protocol.question(self.name, self.options, access)?;
        if let Some(version) = at.version {
            // The version was a header of an answer, so that it can be one of a request.
            let range = HeaderValue::try_from(format!("bytes={}-", at.offset));
            if let (Ok(range), Ok(version)) = (range, HeaderValue::from_str(version)) {
                question.headers.insert(header::RANGE, range);
                question.headers.insert(header::IF_MATCH, version);
            }
        }
        let url = Url::parse(&question.url).map_err(|error| wrong_url(&question, &error))?;
        self.options.release(access, &url).map_err(with_auth)?;
        protocol.authorize(&mut question, access)?;
        // After it was signed, since proxies change it. Without it, what is sent could not be resumed.
        let identity = HeaderValue::from_static("identity");
        question.headers.insert(header::ACCEPT_ENCODING, identity);
        Ok(question)
    }

    /// The object as it begins to arrive, or what the server says instead.
    async fn ask(
        &self,
        question: &Question,
        access: &Access,
    ) -> Result<Result<Response, Refusal>, Failure> {
        let url = Url::parse(&question.url).map_err(|error| wrong_url(question, &error))?;
        let request = Request::get(url)
            .addresses(self.addresses)
            .headers(question.headers.clone());
        let response = self.source.client.send(&request).await;
        let mut response = response.map_err(|error| self.unreachable(question, &request, error))?;
        if matches!(
            response.status(),
            StatusCode::OK | StatusCode::PARTIAL_CONTENT
        ) {
            return Ok(Ok(response));
        }
        let mut body = Vec::new();
        // An error that is cut off is still one.
        while let Ok(Some(chunk)) = response.chunk().await {
            let room = MAX_ERROR_BYTES - body.len();
            body.extend_from_slice(chunk.get(..room).unwrap_or(&chunk));
            if body.len() == MAX_ERROR_BYTES {
                break;
            }
        }
        Ok(Err(Refusal {
            answer: Answer::read(response.status(), response.headers(), &body, access),
            retry_after: retry_after(response.headers()),
        }))
    }

    fn opened(&self, response: Response, at: Position<'_>) -> Result<Opened, Failure> {
        let headers = response.headers();
        let length = response.content_length();
        let (start, total) = match response.status() {
            StatusCode::PARTIAL_CONTENT => content_range(headers)
                .ok_or_else(|| self.odd_answer("a part of the object, and not which"))?,
            _ => (0, length),
        };
        if start != 0 && start != at.offset {
            return Err(self.odd_answer("another part of the object than the one asked for"));
        }
        let text = |name: &str| {
            let value = headers.get(name)?.to_str().ok()?;
            (value.len() <= MAX_FACT_BYTES).then_some(value)
        };
        let etag = text(header::ETAG.as_str());
        // Without a length the client may have unpacked it, and a weak tag (RFC 9110 §8.8.1) stands for more
        // than one sequence of bytes.
        let is_exact = |etag: &&str| length.is_some() && etag.starts_with('"');
        let mut metadata = ObjectMetadata::default();
        metadata.uri = Some(self.name.uri());
        metadata.etag = etag.map(str::to_owned);
        // S3 calls the version `null` where a bucket keeps none.
        metadata.version = text(P::VERSION_HEADER)
            .filter(|version| *version != "null")
            .map(str::to_owned);
        let uri = self.name.uri();
        Ok(Opened {
            start,
            total,
            version: etag.filter(is_exact).map(str::to_owned),
            metadata,
            bytes: Box::pin(
                futures_util::stream::unfold(response, |mut response| async move {
                    let chunk = response.chunk().await.transpose()?;
                    Some((chunk, response))
                })
                .map(move |chunk| chunk.map_err(|error| unread(&uri, error, "script.uri").into())),
            ),
        })
    }

    fn failure(&self, refusal: &Refusal, question: &Question, access: &Access) -> Failure {
        let asked = Asked {
            service: P::SERVICE,
            name: self.name,
            access,
            region: question.region.as_deref(),
            endpoint: &question.endpoint,
            place_field: question.place_field,
        };
        let changed = matches!(
            refusal.answer.status,
            StatusCode::PRECONDITION_FAILED | StatusCode::RANGE_NOT_SATISFIABLE
        );
        let error = explain(asked, &refusal.answer);
        Failure {
            error: if changed { error.retryable() } else { error },
            retry_after: refusal.retry_after,
            restart: changed,
        }
    }

    fn unreachable(&self, question: &Question, request: &Request, error: HttpError) -> Failure {
        if let HttpError::AddressRefused { .. } | HttpError::ProxyRefused { .. } = error {
            let policy = &self.options.policy;
            return policy
                .denied_address(request.url(), &error.to_string())
                .with_field(question.place_field)
                .into();
        }
        let is_of_region = question.region.is_some() && question.place_field == "script.uri";
        let field = match &error {
            HttpError::Timeout { .. } => "script.source.timeout",
            // A region that there is not has no server.
            HttpError::NameNotFound { .. } if is_of_region => "script.source.region",
            _ => question.place_field,
        };
        unread(&self.name.uri(), error, field).into()
    }

    fn odd_answer(&self, what: &str) -> Failure {
        let message = format!("the server of `{}` sends {what}", self.name.uri());
        CapabilityError::new(Reason::FetchFailed, message)
            .with_hint("ask whoever runs the server, or a proxy on the way")
            .with_field("script.uri")
            .into()
    }
}

fn wrong_url(question: &Question, error: &dyn std::fmt::Display) -> CapabilityError {
    let message = format!("`{}` is no URL: {error}", question.url);
    CapabilityError::new(Reason::InvalidRequest, message)
        .with_hint("check the endpoint")
        .with_field(question.place_field)
}

/// There was no answer, or not all of it.
fn unread(uri: &str, error: HttpError, field: &str) -> CapabilityError {
    let error = CapabilityError::from(error).with_field(field);
    let message = format!("`{uri}` could not be read: {}", error.message);
    CapabilityError { message, ..error }
}

/// The first byte and the length of the whole of `Content-Range: bytes 5-9/10` (RFC 9110 §14.4).
fn content_range(headers: &HeaderMap) -> Option<(u64, Option<u64>)> {
    let range = headers.get(header::CONTENT_RANGE)?.to_str().ok()?;
    let (range, total) = range.strip_prefix("bytes ")?.split_once('/')?;
    let (start, _) = range.split_once('-')?;
    Some((start.parse().ok()?, total.parse().ok()))
}
