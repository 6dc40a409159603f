use std::sync::Arc;

use async_trait::async_trait;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};

use super::super::transfer::{Failure, Opened, Opener, Position};
use super::answer::{Answer, opened};
use super::question::Question;
use super::refusal::{Refused, refusal};
use crate::capability::{
    Access, AccessRequest, AccessSource, Authorization, CapabilityError, FetchOptions, Reason,
};
use crate::http::{
    AddressPolicy, HttpClient, HttpError, Request, Response, Url, is_retryable, retry_after, shown,
};

/// Opens one object of an HTTP server, following redirects.
pub(super) struct HttpOpener<'fetch> {
    pub(super) client: &'fetch HttpClient,
    pub(super) question: Question,
    pub(super) options: &'fetch FetchOptions,
    pub(super) credential: Option<Credential>,
}

/// The name of a credential, and its provider.
pub(super) struct Credential {
    pub(super) source: Arc<dyn AccessSource>,
    pub(super) request: AccessRequest,
}

/// Maximum number of redirects; browsers follow twenty, curl's users rarely more than five.
const MAX_REDIRECTS: usize = 10;

#[async_trait]
impl Opener for HttpOpener<'_> {
    async fn open(&self, at: Position<'_>) -> Result<Opened, Failure> {
        let Some(Credential { source, request }) = &self.credential else {
            let answer = self.follow(at, None).await?;
            return self.judge(answer, at, None).await;
        };
        let access = source.access(request).await.map_err(with_auth)?;
        let answer = self.follow(at, Some(&access)).await?;
        if answer.response.status() != StatusCode::UNAUTHORIZED || !answer.is_trusted {
            return self.judge(answer, at, Some(&access)).await;
        }
        // It may have expired between two checks of the clock, or have been revoked: retry once, with another.
        source.refuse(request, &access).await;
        let access = source.access(request).await.map_err(with_auth)?;
        let answer = self.follow(at, Some(&access)).await?;
        self.judge(answer, at, Some(&access)).await
    }
}

impl HttpOpener<'_> {
    /// Sends the request, and follows redirects.
    async fn follow(&self, at: Position<'_>, access: Option<&Access>) -> Result<Answer, Failure> {
        let mut url = self.question.url.clone();
        let mut method = self.question.method.clone();
        // A credential that was left out once is not sent later either: the redirect back to the first server was
        // chosen by another one.
        let mut is_trusted = self.options.may_send_headers(&url);
        let mut seen = Vec::new();
        loop {
            let response = self.ask(&method, &url, is_trusted, at, access).await?;
            let Some(target) = redirect_target(&response, &url) else {
                return Ok(Answer {
                    response,
                    url,
                    is_trusted,
                });
            };
            let status = response.status();
            seen.push((method.clone(), url.clone()));
            let mut target = target.map_err(|why| self.misled(&url, &why))?;
            if url.scheme() == "https" && target.scheme() != "https" {
                let why = format!("it would lead from `https` to `{}`", shown(&target));
                return Err(self.misled(&url, &why));
            }
            is_trusted &=
                same_origin(&target, &self.question.url) && self.options.may_send_headers(&target);
            if !is_trusted {
                // Both cannot fail for a URL that has a host.
                let _ = target.set_username("");
                let _ = target.set_password(None);
            }
            // RFC 9110 §15.4: the effect of a `POST` has happened, and the result is elsewhere.
            if !matches!(
                status,
                StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT
            ) {
                method = Method::GET;
            }
            tracing::debug!(from = shown(&url), to = shown(&target), "redirected");
            url = target;
            let is_circle = seen.contains(&(method.clone(), url.clone()));
            if is_circle || seen.len() > MAX_REDIRECTS {
                let place = shown(&self.question.url);
                let count = seen.len();
                return Err(self.failed(HttpError::Redirects { place, count }, &url));
            }
        }
    }

    async fn ask(
        &self,
        method: &Method,
        url: &Url,
        is_trusted: bool,
        at: Position<'_>,
        access: Option<&Access>,
    ) -> Result<Response, Failure> {
        let permit = self.options.policy.check_url(url).map_err(|error| {
            let first = &self.question.url;
            if url == first {
                return error;
            }
            let message = format!(
                "{}; `{}` redirects there",
                error.explanation.message,
                shown(first)
            );
            error.with_message(message)
        })?;
        let addresses = if permit.private_addresses {
            AddressPolicy::Any
        } else {
            AddressPolicy::Public
        };
        let mut request = Request::new(method.clone(), url.clone())
            .addresses(addresses)
            .headers(if is_trusted {
                self.question.headers.clone()
            } else {
                self.question.harmless_headers()
            })
            .headers(position_headers(at));
        if let Some(access) = access.filter(|_| is_trusted) {
            self.options.release(access, url).map_err(with_auth)?;
            request = authorize(request, access)?;
        }
        let sent = self.client.send(&request).await;
        sent.map_err(|error| self.failed(error, url))
    }

    /// Converts an answer into its content, or into an error.
    async fn judge(
        &self,
        answer: Answer,
        at: Position<'_>,
        access: Option<&Access>,
    ) -> Result<Opened, Failure> {
        let status = answer.response.status();
        let is_content = matches!(
            status,
            StatusCode::OK
                | StatusCode::CREATED
                | StatusCode::NON_AUTHORITATIVE_INFORMATION
                | StatusCode::PARTIAL_CONTENT
        );
        if is_content || (status == StatusCode::RANGE_NOT_SATISFIABLE && at.offset > 0) {
            let can_resume = self.question.method == Method::GET;
            let field = self.question.place_field;
            return opened(answer, at, can_resume, field);
        }
        let retry_after = retry_after(answer.response.headers());
        let error = refusal(Refused {
            question: &self.question,
            access,
            answer,
        });
        Err(Failure {
            error: error.await,
            retry_after: retry_after.filter(|_| is_retryable(status)),
            restart: false,
        })
    }

    /// Converts the error of a missing answer.
    fn failed(&self, error: HttpError, url: &Url) -> Failure {
        let first = &self.question.url;
        if matches!(
            error,
            HttpError::AddressRefused { .. } | HttpError::ProxyRefused { .. }
        ) {
            let why = if url == first {
                error.to_string()
            } else {
                format!("{error}; `{}` redirects there", shown(first))
            };
            return self.options.policy.denied_address(url, &why).into();
        }
        let field = match error {
            HttpError::Timeout { .. } => "timeout-ms",
            HttpError::Redirects { .. } => "uri",
            _ => self.question.place_field,
        };
        CapabilityError::from(error).with_field(field).into()
    }

    /// Converts a redirect that is not followed into an error.
    fn misled(&self, from: &Url, why: &str) -> Failure {
        let message = format!("invalid redirect of `{}`: {why}", shown(from));
        CapabilityError::new(Reason::FetchDenied, message)
            .with_hint("use the final address")
            .with_field(self.question.place_field)
            .into()
    }
}

/// Returns the target of a redirect, if the answer is one; an error where it is invalid.
fn redirect_target(response: &Response, from: &Url) -> Option<Result<Url, String>> {
    let leads_on = matches!(
        response.status(),
        StatusCode::MOVED_PERMANENTLY
            | StatusCode::FOUND
            | StatusCode::SEE_OTHER
            | StatusCode::TEMPORARY_REDIRECT
            | StatusCode::PERMANENT_REDIRECT
    );
    let location = response
        .headers()
        .get(header::LOCATION)
        .filter(|_| leads_on)?;
    let target = std::str::from_utf8(location.as_bytes())
        .ok()
        .and_then(|location| from.join(location).ok());
    Some(match target {
        None => Err("its target is not a URL".to_owned()),
        Some(target) if !matches!(target.scheme(), "http" | "https") => {
            Err(format!("its target has the scheme `{}:`", target.scheme()))
        }
        Some(target) => Ok(target),
    })
}

fn position_headers(at: Position<'_>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let mut set = |name: HeaderName, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    };
    match at.version {
        Some(version) if at.offset > 0 => {
            set(header::RANGE, &format!("bytes={}-", at.offset));
            set(header::IF_RANGE, version);
            set(header::ACCEPT_ENCODING, "identity");
        }
        _ if at.is_repeated => set(header::ACCEPT_ENCODING, "identity"),
        _ => set(header::ACCEPT_ENCODING, "gzip"),
    }
    headers
}

fn authorize(request: Request, access: &Access) -> Result<Request, Failure> {
    let authorized = match &access.authorization {
        Authorization::Anonymous => return Ok(request),
        Authorization::Bearer(token) => request.bearer(token),
        Authorization::Basic { username, password } => request.basic(username, password),
        Authorization::Aws(_) => {
            let message = format!(
                "{} is for Amazon Web Services, and not for HTTP servers",
                access.origin
            );
            return Err(CapabilityError::new(Reason::InvalidRequest, message)
                .with_hint("name a credential of the type `bearer`, `basic` or `oauth2`")
                .with_field("auth")
                .into());
        }
    };
    authorized.map_err(|error| with_auth(error.into()).into())
}

fn with_auth(error: CapabilityError) -> CapabilityError {
    match error.explanation.field {
        Some(_) => error,
        None => error.with_field("auth"),
    }
}

fn same_origin(one: &Url, other: &Url) -> bool {
    one.scheme() == other.scheme()
        && one.host() == other.host()
        && one.port_or_known_default() == other.port_or_known_default()
}
