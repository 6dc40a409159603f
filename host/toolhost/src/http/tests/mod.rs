//! The client against faulty servers.

pub(crate) mod server;

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use secrecy::SecretString;
use url::Url;

use self::server::{Answer, Identity, Server, chatter, closed_port};
use super::{
    AddressPolicy, HttpClient, HttpError, HttpSettings, ProxySettings, Request, RetryPolicy,
    RootCertificate,
};
use crate::capability::{CapabilityError, Reason};

/// Long enough for a loaded machine, short enough to wait for.
pub(crate) const STALL: Duration = Duration::from_millis(1500);

/// Settings with short delays.
pub(crate) fn quick() -> HttpSettings {
    HttpSettings {
        stall_timeout: STALL,
        retry: RetryPolicy {
            attempts: 4,
            total_attempts: 100,
            base: Duration::from_millis(1),
            max_delay: Duration::from_millis(5),
        },
        ..HttpSettings::default()
    }
}

/// A whole answer.
#[derive(Debug)]
struct Buffered {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl HttpClient {
    /// Sends a request once, and reads the whole answer.
    async fn request(&self, request: &Request) -> Result<Buffered, HttpError> {
        let mut response = self.send(request).await?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            body.extend_from_slice(&chunk);
        }
        Ok(Buffered {
            status: response.status(),
            headers: response.headers().clone(),
            body: body.into(),
        })
    }
}

fn any(url: Url) -> Request {
    Request::get(url).addresses(AddressPolicy::Any)
}

async fn error_of(settings: HttpSettings, request: Request) -> (HttpError, CapabilityError) {
    let error = HttpClient::new(settings)
        .request(&request)
        .await
        .unwrap_err();
    (error.clone(), error.into())
}

#[tokio::test]
async fn a_request_is_sent_and_its_answer_returned() {
    let server = Server::start(|_, _| Answer::ok("hello").header("X-Mine", "1")).await;
    let secret = SecretString::from("t0ken");
    let request = Request::new(Method::POST, server.url("/a?b=c"))
        .addresses(AddressPolicy::Any)
        .body("application/x-www-form-urlencoded", "grant_type=x+y")
        .bearer(&secret)
        .unwrap();
    let answer = HttpClient::new(quick()).request(&request).await.unwrap();
    assert_eq!(
        (answer.status, &answer.body[..]),
        (StatusCode::OK, &b"hello"[..])
    );
    assert_eq!(answer.headers["x-mine"], "1");
    let received = &server.requests()[0];
    assert_eq!(
        (received.method.as_str(), received.target.as_str()),
        ("POST", "/a?b=c")
    );
    assert_eq!(received.body, b"grant_type=x+y");
    assert_eq!(received.header("authorization"), Some("Bearer t0ken"));
    let agent = concat!("toolhost/", env!("CARGO_PKG_VERSION"));
    assert_eq!(received.header("user-agent"), Some(agent));
}

#[tokio::test]
async fn name_and_password_of_a_url_are_sent_as_basic_authorization() {
    let server = Server::start(|_, _| Answer::ok("")).await;
    let url = server.url_as("me:p%40ss@127.0.0.1", "/");
    HttpClient::new(quick()).request(&any(url)).await.unwrap();
    let received = &server.requests()[0];
    assert_eq!(received.header("authorization"), Some("Basic bWU6cEBzcw=="));
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let server = Server::start(|_, _| Answer::redirect(302, "/elsewhere")).await;
    let answer = HttpClient::new(quick())
        .request(&any(server.url("/")))
        .await
        .unwrap();
    assert_eq!(answer.status, StatusCode::FOUND);
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn addresses_of_this_machine_are_refused_where_only_public_ones_are_allowed() {
    let server = Server::start(|_, _| Answer::ok("secret")).await;
    for host in [
        "127.0.0.1",
        "localhost",
        "0x7f.1",
        "2130706433",
        "[::ffff:127.0.0.1]",
        "0",
    ] {
        let request = Request::get(server.url_as(host, "/"));
        let (error, converted) = error_of(quick(), request).await;
        assert!(
            matches!(error, HttpError::AddressRefused { .. }),
            "{host}: {error:?}"
        );
        assert_eq!(converted.explanation.reason, Reason::Denied, "{host}");
    }
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn a_connection_of_one_policy_is_not_used_for_the_other() {
    let server = Server::start(|_, _| Answer::ok("")).await;
    let client = HttpClient::new(quick());
    let url = server.url_as("localhost", "/");
    client.request(&any(url.clone())).await.unwrap();
    let error = client.request(&Request::get(url)).await.unwrap_err();
    assert!(
        matches!(error, HttpError::AddressRefused { .. }),
        "{error:?}"
    );
}

#[tokio::test]
async fn the_cause_of_a_failure_is_named() {
    let closed = closed_port().await;
    let (odd, _task) = chatter(b"SSH-2.0-OpenSSH_9.6\r\n").await;
    let silent = Server::start(|_, _| Answer::nothing()).await;
    let cutting = Server::start(|_, _| Answer::ok("12345").cut_after(2)).await;
    let resetting = Server::start(|_, _| Answer::ok("12345").reset_after(2)).await;
    let cases = [
        (
            "http://no-such-host.invalid/a?sig=s3cret".to_owned(),
            Reason::HostNotFound,
            false,
        ),
        (
            format!("http://127.0.0.1:{closed}/a?sig=s3cret"),
            Reason::FetchFailed,
            true,
        ),
        (
            format!("http://127.0.0.1:{odd}/a?sig=s3cret"),
            Reason::FetchFailed,
            false,
        ),
        (
            format!("https://127.0.0.1:{odd}/a?sig=s3cret"),
            Reason::TlsFailed,
            false,
        ),
        (
            silent.url("/a?sig=s3cret").to_string(),
            Reason::FetchFailed,
            true,
        ),
        (
            cutting.url("/a?sig=s3cret").to_string(),
            Reason::FetchFailed,
            true,
        ),
        (
            resetting.url("/a?sig=s3cret").to_string(),
            Reason::FetchFailed,
            true,
        ),
        (
            "ftp://127.0.0.1/a?sig=s3cret".to_owned(),
            Reason::InvalidRequest,
            false,
        ),
    ];
    for (url, reason, is_retryable) in cases {
        let request = any(Url::parse(&url).unwrap());
        let (error, converted) = error_of(quick(), request).await;
        assert_eq!(
            (converted.explanation.reason, converted.retryable),
            (reason, is_retryable),
            "{url}: {error:?}"
        );
        let printed = format!("{error} {error:?} {converted:?}");
        assert!(!printed.contains("s3cret"), "{printed}");
    }
    for server in [&silent, &cutting, &resetting] {
        assert_eq!(
            server.requests().len(),
            1,
            "the client itself never retries"
        );
    }
}

#[tokio::test]
async fn a_silent_server_is_given_up() {
    let server = Server::start(|_, _| Answer::ok("12345").stall_after(2)).await;
    let mut settings = quick();
    settings.retry.attempts = 1;
    let (error, converted) = error_of(settings, any(server.url("/a"))).await;
    assert!(matches!(error, HttpError::Timeout { .. }), "{error:?}");
    assert_eq!(
        (converted.explanation.reason, converted.retryable),
        (Reason::Timeout, true)
    );
}

#[tokio::test]
async fn a_private_certificate_is_trusted_only_where_it_is_configured() {
    let identity = Identity::for_names(&["localhost"]);
    let server = Server::start_tls(&identity, |_, _| Answer::ok("hello")).await;
    let (error, converted) = error_of(quick(), any(server.url_as("localhost", "/"))).await;
    assert_eq!(converted.explanation.reason, Reason::TlsFailed);
    let why = error.to_string();
    let is_explained = why.ends_with("its certificate has an unknown issuer")
        || why.contains("this machine trusts no certificate");
    assert!(is_explained, "{why}");

    let trusting = HttpSettings {
        extra_roots: vec![RootCertificate::from_der(identity.certificate.to_vec())],
        ..quick()
    };
    let request = any(server.url_as("localhost", "/"));
    let answer = HttpClient::new(trusting.clone())
        .request(&request)
        .await
        .unwrap();
    assert_eq!(answer.body, "hello");

    let (error, _) = error_of(trusting, any(server.url("/"))).await;
    let why = error.to_string();
    assert!(
        why.ends_with("its certificate is for another name"),
        "{why}"
    );
}

#[tokio::test]
async fn an_unreachable_proxy_is_named() {
    let settings = HttpSettings {
        proxy: Some(ProxySettings {
            http: Some(SecretString::from("http://me:s3cret@127.0.0.1:1")),
            ..ProxySettings::default()
        }),
        ..quick()
    };
    let request = Request::get(Url::parse("http://far.invalid/a").unwrap());
    let error = HttpClient::new(settings).send(&request).await.unwrap_err();
    let said = error.to_string();
    assert!(
        said.starts_with("cannot connect to http://far.invalid/a"),
        "{said}"
    );
    assert!(
        said.ends_with("are reached through the proxy for `http`, `127.0.0.1`"),
        "{said}"
    );
    assert!(!format!("{error:?}").contains("s3cret"), "{error:?}");
}

#[tokio::test]
async fn a_proxy_is_used_only_where_it_is_configured() {
    let proxy = Server::start(|_, _| Answer::ok("from the proxy")).await;
    let settings = HttpSettings {
        proxy: Some(ProxySettings {
            http: Some(SecretString::from(
                proxy.url_as("me:pass@localhost", "").as_str(),
            )),
            except: Some("direct.invalid".to_owned()),
            ..ProxySettings::default()
        }),
        ..quick()
    };
    let client = HttpClient::new(settings);
    let get = |url: &str| Request::get(Url::parse(url).unwrap());
    // Public addresses only: the proxy itself is configured by the user.
    let answer = client.request(&get("http://far.invalid/a")).await.unwrap();
    assert_eq!(answer.body, "from the proxy");
    let received = &proxy.requests()[0];
    assert_eq!(received.target, "http://far.invalid/a");
    assert_eq!(
        received.header("proxy-authorization"),
        Some("Basic bWU6cGFzcw==")
    );

    let direct = client
        .request(&get("http://direct.invalid/a"))
        .await
        .unwrap_err();
    assert!(
        matches!(direct, HttpError::NameNotFound { .. }),
        "{direct:?}"
    );
    let refused = client
        .request(&get("http://localhost/a"))
        .await
        .unwrap_err();
    assert!(
        matches!(refused, HttpError::ProxyRefused { .. }),
        "{refused:?}"
    );
    assert!(!format!("{client:?}").contains("pass"));
}
