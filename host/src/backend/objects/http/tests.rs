//! The source against servers of bad days.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};

use super::HttpSource;
use crate::capability::{
    Access, AccessRequest, AccessSource, Authorization, AwsKeys, CapabilityError, FetchOptions,
    FetchPolicy, FetchRequest, FetchRule, Object, ObjectSource as _, Reason,
};
use crate::http::tests::server::{Answer, Identity, Received, Server, closed_port};
use crate::http::tests::{STALL, quick};
use crate::http::{HttpClient, HttpSettings};

fn source() -> HttpSource {
    HttpSource::new(HttpClient::new(quick()))
}

fn options() -> FetchOptions {
    FetchOptions {
        policy: Arc::new(FetchPolicy::everything()),
        ..FetchOptions::default()
    }
}

fn request(uri: impl AsRef<str>, options: FetchOptions) -> FetchRequest {
    FetchRequest {
        uri: uri.as_ref().to_owned(),
        options,
    }
}

async fn fetch(uri: impl AsRef<str>) -> Result<Object, CapabilityError> {
    source().fetch(request(uri, options())).await
}

/// Tokens one after the other: `t0ken-1`, `t0ken-2`, …; refusing one makes the next.
#[derive(Default)]
struct Tokens {
    refused: AtomicUsize,
}

#[async_trait]
impl AccessSource for Tokens {
    async fn access(&self, request: &AccessRequest) -> Result<Access, CapabilityError> {
        let name = request.credential.as_deref().unwrap();
        let token = format!("t0ken-{}", self.refused.load(Ordering::SeqCst) + 1);
        let password = SecretString::from("p4ssword");
        let authorization = match name {
            "basic" => Authorization::Basic {
                username: "me".to_owned(),
                password,
            },
            "aws" => Authorization::Aws(AwsKeys {
                access_key_id: "id".to_owned(),
                secret_access_key: password,
                session_token: None,
            }),
            "none" => return Err(CapabilityError::new(Reason::CredentialMissing, "not there")),
            _ => Authorization::Bearer(SecretString::from(token)),
        };
        Ok(Access::new(
            authorization,
            format!("the credential `{name}`"),
        ))
    }

    async fn refuse(&self, _: &AccessRequest, refused: &Access) {
        let Authorization::Bearer(token) = &refused.authorization else {
            return;
        };
        assert!(token.expose_secret().starts_with("t0ken-"));
        self.refused.fetch_add(1, Ordering::SeqCst);
    }
}

async fn fetch_with(
    credential: &str,
    uri: impl AsRef<str>,
    mut options: FetchOptions,
) -> Result<Object, CapabilityError> {
    options.credential = Some(credential.to_owned());
    let source = source().with_access(Arc::new(Tokens::default()));
    source.fetch(request(uri, options)).await
}

fn headers(given: &[(&str, &str)]) -> Vec<(String, SecretString)> {
    let given = given.iter();
    given
        .map(|(name, value)| ((*name).to_owned(), SecretString::from(*value)))
        .collect()
}

/// Pseudo-random numbers (Knuth's MMIX generator), the same in each run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % bound
    }
}

fn random_bytes(count: usize) -> Bytes {
    let mut random = Random(7);
    (0..count)
        .map(|_| u8::try_from(random.below(256)).unwrap())
        .collect()
}

#[tokio::test]
async fn five_megabytes_arrive_unharmed_after_cuts_at_random_bytes() {
    let body = random_bytes(5 << 20);
    let digest = Sha256::digest(&body);
    let content = body.clone();
    let random = Mutex::new(Random(42));
    let server = Server::start(move |before, request| {
        let answer = Answer::ranged(request, &content, "\"v1\"");
        let left = content.len() - request.range_start().unwrap_or(0);
        let at = random.lock().unwrap().below(left.min(600_000)) + 1;
        match before {
            40.. => answer,
            _ if before % 3 == 0 => answer.reset_after(at),
            _ => answer.cut_after(at),
        }
    })
    .await;
    let object = fetch(server.url("/big.bin")).await.unwrap();
    assert_eq!(Sha256::digest(&object.bytes), digest);
    let requests = server.requests();
    assert!(requests.len() > 10, "{} cuts are too few", requests.len());
    for resumed in &requests[1..] {
        // What is reset may be lost before it is read, so that the first may come twice.
        let range = resumed.range_start();
        assert!(range.is_none() || resumed.header("if-range") == Some("\"v1\""));
        assert_eq!(resumed.header("accept-encoding"), Some("identity"));
    }
    let resumed = requests.iter().filter(|one| one.range_start().is_some());
    assert!(resumed.count() > 10);
}

#[tokio::test]
async fn reads_answers_of_every_shape() {
    for answer in [
        Answer::ok("hello"),
        Answer::new(203).body("hello"),
        Answer::ok("hello").chunked(),
        Answer::ok("hello").without_length(),
        Answer::ok("hello").throttled(1, Duration::from_millis(1)),
    ] {
        let server = Server::start(move |_, _| answer.clone()).await;
        assert_eq!(fetch(server.url("/a")).await.unwrap().bytes, "hello");
    }
    let server = Server::start(|_, _| Answer::ok("")).await;
    assert!(fetch(server.url("/a")).await.unwrap().bytes.is_empty());
}

/// Why a server cannot go on, the headers of its first answer, its later answers, and whether it is asked to.
type Restart = (
    &'static str,
    &'static [(&'static str, &'static str)],
    fn(&Received, &Bytes) -> Answer,
    bool,
);

#[tokio::test]
async fn begins_again_where_a_server_cannot_go_on() {
    let old = Bytes::from_static(b"old content, which is longer");
    let new = Bytes::from_static(b"new content");
    let cases: [Restart; 7] = [
        (
            "ranges are ignored",
            &[("ETag", "\"1\"")],
            |_, new| Answer::ok(new.clone()),
            true,
        ),
        (
            "the object changed",
            &[("ETag", "\"1\"")],
            |request, new| Answer::ranged(request, new, "\"2\""),
            true,
        ),
        (
            "another tag is sent in spite of the condition",
            &[("ETag", "\"1\"")],
            |request, new| match request.range_start() {
                Some(start) => Answer::new(206)
                    .header("ETag", "\"2\"")
                    .header("Content-Range", format!("bytes {start}-10/11"))
                    .body(new.slice(start..)),
                None => Answer::ok(new.clone()),
            },
            true,
        ),
        (
            "the object is shorter by now",
            &[("ETag", "\"1\"")],
            |request, new| match request.range_start() {
                Some(_) => Answer::new(416).header("Content-Range", "bytes */2"),
                None => Answer::ok(new.clone()),
            },
            true,
        ),
        (
            "the tag is weak",
            &[("ETag", "W/\"1\"")],
            |_, new| Answer::ok(new.clone()),
            false,
        ),
        (
            "the date is as young as the answer",
            &[
                ("Date", "Tue, 24 Nov 2026 10:00:00 GMT"),
                ("Last-Modified", "Tue, 24 Nov 2026 10:00:00 GMT"),
            ],
            |_, new| Answer::ok(new.clone()),
            false,
        ),
        (
            "the server says that it takes no ranges",
            &[("ETag", "\"1\""), ("Accept-Ranges", "none")],
            |_, new| Answer::ok(new.clone()),
            false,
        ),
    ];
    for (name, first_headers, then, asks_for_a_range) in cases {
        let (old, new_content) = (old.clone(), new.clone());
        let server = Server::start(move |before, request| {
            if before > 0 {
                return then(request, &new_content);
            }
            let answer = Answer::ok(old.clone()).cut_after(4);
            first_headers
                .iter()
                .fold(answer, |answer, (name, value)| answer.header(name, *value))
        })
        .await;
        let object = fetch(server.url("/a")).await;
        assert_eq!(object.unwrap().bytes, new, "{name}");
        let asked = server.requests()[1].range_start().is_some();
        assert_eq!(asked, asks_for_a_range, "{name}");
    }
}

#[tokio::test]
async fn goes_on_by_a_date_and_where_only_the_end_is_missing() {
    let body = Bytes::from_static(b"0123456789");
    let modified = "Mon, 23 Nov 2026 10:00:00 GMT";
    let content = body.clone();
    let server = Server::start(move |before, request| {
        let rest = content.slice(request.range_start().unwrap_or(0)..);
        let status = if before == 0 { 200 } else { 206 };
        let answer = Answer::new(status)
            .body(rest)
            .header("Last-Modified", modified)
            .header("Date", "Tue, 24 Nov 2026 10:00:00 GMT");
        match before {
            0 => answer.cut_after(4),
            _ => answer.header("Content-Range", "bytes 4-9/10"),
        }
    })
    .await;
    assert_eq!(fetch(server.url("/a")).await.unwrap().bytes, body);
    let resumed = &server.requests()[1];
    assert_eq!(resumed.header("if-range"), Some(modified));
    assert_eq!(resumed.header("range"), Some("bytes=4-"));

    // It announces one byte more than there is, and says so when it is asked for that one.
    let content = body.clone();
    let server = Server::start(move |before, _| match before {
        0 => Answer::ok(content.clone()).lie(11).header("ETag", "\"1\""),
        _ => Answer::new(416).header("Content-Range", "bytes */10"),
    })
    .await;
    assert_eq!(fetch(server.url("/a")).await.unwrap().bytes, body);
}

#[tokio::test]
async fn believes_no_announced_length() {
    let huge = Server::start(|_, _| Answer::ok("x").lie(1 << 40).stall_after(0)).await;
    let error = fetch(huge.url("/a")).await.unwrap_err();
    assert_eq!(error.reason, Reason::TooLarge, "{error}");
    assert!(error.message.contains("1099511627776 bytes"), "{error}");

    let endless = Server::start(|_, _| Answer::ok(vec![0; 2000]).chunked()).await;
    let limited = FetchOptions {
        max_bytes: 1999,
        ..options()
    };
    let error = source()
        .fetch(request(endless.url("/a"), limited))
        .await
        .unwrap_err();
    assert_eq!(error.reason, Reason::TooLarge, "{error}");
    assert_eq!(endless.requests().len(), 1);

    let short = Server::start(|_, _| Answer::ok("12345").lie(9)).await;
    let error = fetch(short.url("/a")).await.unwrap_err();
    assert_eq!(
        (error.reason, error.retryable),
        (Reason::FetchFailed, true),
        "{error}"
    );
    assert!(error.message.ends_with("(after 4 attempts)"), "{error}");

    let odd = Server::start(|before, _| match before {
        0 => Answer::ok("12345").header("ETag", "\"1\"").cut_after(2),
        _ => Answer::new(206)
            .header("ETag", "\"1\"")
            .header("Content-Range", "bytes 2-4/5")
            .body("345678"),
    })
    .await;
    let error = fetch(odd.url("/a")).await.unwrap_err();
    assert!(error.message.contains("more than it announced"), "{error}");
}

/// 65,536 zeros.
const ZEROS: &str = "H4sIAAAAAAACA+3BAQEAAACAkP6v7ggKAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAauuOl9cAAAEA";
/// `print('hello')` and a line break.
const HELLO: &str = "H4sIAAAAAAACAysoyswr0VDPSM3JyVfX5AIA2ADKZQ8AAAA=";

#[tokio::test]
async fn takes_compressed_answers_and_limits_what_comes_of_them() {
    let compressed = BASE64.decode(HELLO).unwrap();
    let server = Server::start(move |_, _| {
        Answer::ok(compressed.clone()).header("Content-Encoding", "gzip")
    })
    .await;
    let object = fetch(server.url("/a")).await.unwrap();
    assert_eq!(object.bytes, "print('hello')\n");
    assert_eq!(server.requests()[0].header("accept-encoding"), Some("gzip"));

    let server = Server::start(|_, _| Answer::ok("x").header("Content-Encoding", "br")).await;
    let error = fetch(server.url("/a")).await.unwrap_err();
    assert!(error.message.contains("not asked for"), "{error}");

    let zeros = BASE64.decode(ZEROS).unwrap();
    assert!(zeros.len() < 1000);
    let server =
        Server::start(move |_, _| Answer::ok(zeros.clone()).header("Content-Encoding", "gzip"))
            .await;
    let limited = FetchOptions {
        max_bytes: 1000,
        ..options()
    };
    let error = source()
        .fetch(request(server.url("/a"), limited))
        .await
        .unwrap_err();
    assert_eq!(error.reason, Reason::TooLarge, "{error}");
}

#[tokio::test]
async fn a_compressed_answer_that_is_cut_is_asked_for_again_uncompressed() {
    let compressed = BASE64.decode(HELLO).unwrap();
    let server = Server::start(move |before, request| {
        assert_eq!(request.range_start(), None);
        match before {
            0 => Answer::ok(compressed.clone())
                .header("Content-Encoding", "gzip")
                .header("ETag", "\"1\"")
                .cut_after(20),
            _ => Answer::ok("print('hello')\n").header("ETag", "\"1\""),
        }
    })
    .await;
    let object = fetch(server.url("/a")).await.unwrap();
    assert_eq!(object.bytes, "print('hello')\n");
    let encodings: Vec<_> = server
        .requests()
        .iter()
        .map(|request| request.header("accept-encoding").unwrap().to_owned())
        .collect();
    assert_eq!(encodings, ["gzip", "identity"]);
}

#[tokio::test]
async fn asks_as_the_configuration_says() {
    let server = Server::start(|_, _| {
        Answer::ok("x")
            .header("ETag", "\"1\"")
            .header("Last-Modified", "Mon, 23 Nov 2026 10:00:00 GMT")
    })
    .await;
    let configured = FetchOptions {
        endpoint: Some(format!("{}v1/", server.url("/"))),
        method: Some("post".to_owned()),
        headers: headers(&[("X-Mine", "1"), ("Authorization", "Bearer t0ken")]),
        ..options()
    };
    let object = source()
        .fetch(request("scripts/a.py?ref=b", configured))
        .await
        .unwrap();
    let received = &server.requests()[0];
    assert_eq!(received.method, "POST");
    assert_eq!(received.target, "/v1/scripts/a.py?ref=b");
    assert_eq!(received.header("x-mine"), Some("1"));
    assert_eq!(received.header("authorization"), Some("Bearer t0ken"));
    let metadata = object.metadata;
    assert_eq!(
        metadata.uri,
        Some(server.url("/v1/scripts/a.py").to_string())
    );
    assert_eq!(metadata.etag.as_deref(), Some("\"1\""));
    assert_eq!(
        metadata.version.as_deref(),
        Some("Mon, 23 Nov 2026 10:00:00 GMT")
    );
}

#[tokio::test]
async fn shows_what_opens_the_server() {
    for (credential, expected) in [
        ("bearer", "Bearer t0ken-1"),
        ("basic", "Basic bWU6cDRzc3dvcmQ="),
    ] {
        let server = Server::start(|_, _| Answer::ok("x")).await;
        fetch_with(credential, server.url("/a"), options())
            .await
            .unwrap();
        assert_eq!(server.requests()[0].header("authorization"), Some(expected));
    }
    let server = Server::start(|_, _| Answer::ok("x")).await;
    let url = server.url_as("me:p%40ss@127.0.0.1", "/a");
    let object = fetch(url).await.unwrap();
    assert_eq!(
        server.requests()[0].header("authorization"),
        Some("Basic bWU6cEBzcw==")
    );
    assert_eq!(object.metadata.uri, Some(server.url("/a").to_string()));
}

#[tokio::test]
async fn a_refused_token_is_made_anew_once() {
    let server = Server::start(|_, request| match request.header("authorization") {
        Some("Bearer t0ken-2") => Answer::ok("x"),
        _ => Answer::new(401),
    })
    .await;
    fetch_with("oauth", server.url("/a"), options())
        .await
        .unwrap();
    assert_eq!(server.requests().len(), 2);

    let server = Server::start(|_, _| Answer::new(401)).await;
    let error = fetch_with("oauth", server.url("/a"), options())
        .await
        .unwrap_err();
    assert_eq!(error.reason, Reason::FetchDenied);
    assert_eq!(server.requests().len(), 2);
}

const SECRET_HEADERS: [(&str, &str); 4] = [
    ("Authorization", "Bearer t0ken"),
    ("Cookie", "session=c00kie"),
    ("X-Api-Key", "k3y"),
    ("Accept", "text/plain"),
];

#[tokio::test]
async fn follows_redirects_and_shows_its_secrets_to_no_other_server() {
    let other = Server::start(|_, _| Answer::ok("there").header("ETag", "\"1\"")).await;
    let target = other.url("/b.py?sig=s3cret");
    let server = Server::start(move |_, request| match request.target.as_str() {
        "/a" => Answer::redirect(301, "b?x"),
        "/b?x" => Answer::redirect(307, "//127.0.0.1:0/nowhere"),
        "/c" => Answer::redirect(302, target.to_string()),
        _ => Answer::ok("here"),
    })
    .await;
    let configured = || FetchOptions {
        headers: headers(&SECRET_HEADERS),
        ..options()
    };
    let object = source()
        .fetch(request(server.url("/c"), configured()))
        .await
        .unwrap();
    assert_eq!(object.bytes, "there");
    assert_eq!(object.metadata.uri, Some(other.url("/b.py").to_string()));
    let received = &other.requests()[0];
    assert_eq!(received.target, "/b.py?sig=s3cret");
    assert_eq!(received.header("accept"), Some("text/plain"));
    for name in ["authorization", "cookie", "x-api-key"] {
        assert!(server.requests()[0].header(name).is_some(), "{name}");
        assert_eq!(received.header(name), None, "{name}");
    }
    // A credential by name, and name and password of the URL, stay as well.
    fetch_with("bearer", server.url("/c"), options())
        .await
        .unwrap();
    fetch(server.url_as("me:pass@127.0.0.1", "/c"))
        .await
        .unwrap();
    for received in &other.requests() {
        assert_eq!(received.header("authorization"), None);
    }
    // To the same server they go.
    let _ = source()
        .fetch(request(server.url("/a"), configured()))
        .await;
    let second = &server.requests()[4];
    assert_eq!(second.target, "/b?x");
    for name in ["authorization", "cookie", "x-api-key"] {
        assert!(second.header(name).is_some(), "{name}");
    }
}

#[tokio::test]
async fn a_way_back_does_not_bring_the_secrets_back() {
    let server = Server::start(|before, request| match before {
        0 => {
            let port = request
                .header("host")
                .unwrap()
                .rsplit(':')
                .next()
                .unwrap()
                .to_owned();
            Answer::redirect(302, format!("http://localhost:{port}/b"))
        }
        1 => {
            let port = request
                .header("host")
                .unwrap()
                .rsplit(':')
                .next()
                .unwrap()
                .to_owned();
            Answer::redirect(302, format!("http://127.0.0.1:{port}/secret"))
        }
        _ => Answer::ok("x"),
    })
    .await;
    fetch_with("bearer", server.url("/a"), options())
        .await
        .unwrap();
    let seen = server.requests();
    let seen: Vec<_> = seen
        .iter()
        .map(|one| one.header("authorization").is_some())
        .collect();
    assert_eq!(seen, [true, false, false]);
}

#[tokio::test]
async fn gives_up_on_redirects_without_end() {
    let circle = Server::start(|_, request| match request.target.as_str() {
        "/a" => Answer::redirect(302, "/b"),
        _ => Answer::redirect(302, "/a"),
    })
    .await;
    let error = fetch(circle.url("/a")).await.unwrap_err();
    assert_eq!(error.reason, Reason::RedirectLoop, "{error}");
    assert_eq!(circle.requests().len(), 2);

    let endless = Server::start(|before, _| Answer::redirect(302, format!("/{before}"))).await;
    let error = fetch(endless.url("/a")).await.unwrap_err();
    assert_eq!(error.reason, Reason::RedirectLoop, "{error}");
    assert_eq!(endless.requests().len(), 11);
}

#[tokio::test]
async fn a_redirected_post_becomes_a_get_unless_the_server_says_otherwise() {
    for (status, method) in [
        (301, "GET"),
        (302, "GET"),
        (303, "GET"),
        (307, "POST"),
        (308, "POST"),
    ] {
        let server = Server::start(move |before, _| match before {
            0 => Answer::redirect(status, "/b"),
            _ => Answer::ok("x"),
        })
        .await;
        let posted = FetchOptions {
            method: Some("POST".to_owned()),
            ..options()
        };
        source()
            .fetch(request(server.url("/a"), posted))
            .await
            .unwrap();
        assert_eq!(server.requests()[1].method, method, "{status}");
    }
}

#[tokio::test]
async fn follows_no_redirect_out_of_tls_or_out_of_http() {
    let identity = Identity::for_names(&["localhost"]);
    let plain = Server::start(|_, _| Answer::ok("x")).await;
    let target = plain.url("/a?sig=s3cret");
    let server = Server::start_tls(&identity, move |_, request| match request.target.as_str() {
        "/plain" => Answer::redirect(302, target.to_string()),
        "/file" => Answer::redirect(302, "file:///etc/passwd"),
        _ => Answer::redirect(302, "http://[/"),
    })
    .await;
    let client = HttpClient::new(HttpSettings {
        extra_roots: vec![identity.certificate.clone()],
        ..quick()
    });
    for (path, why) in [
        ("/plain", "leads from `https` to `http://127.0.0.1"),
        ("/file", "leads to `file:`"),
        ("/odd", "no URL"),
    ] {
        let url = server.url_as("localhost", path);
        let error = HttpSource::new(client.clone())
            .fetch(request(url, options()))
            .await
            .unwrap_err();
        assert_eq!(error.reason, Reason::FetchDenied);
        assert!(error.message.contains(why), "{error}");
        assert!(!error.message.contains("s3cret"), "{error}");
    }
    assert!(plain.requests().is_empty());
}

#[tokio::test]
async fn asks_for_nothing_that_the_policy_does_not_allow() {
    let server = Server::start(|_, request| match request.target.as_str() {
        "/open/to-closed" => Answer::redirect(302, "/closed"),
        _ => Answer::ok("x"),
    })
    .await;
    let policy = |allow: Option<&str>, private_addresses| FetchOptions {
        policy: Arc::new(
            FetchPolicy::of([FetchRule {
                allow: allow.map(|path| vec![server.url(path).as_str().parse().unwrap()]),
                private_addresses,
            }])
            .for_kind("mine"),
        ),
        ..FetchOptions::default()
    };
    let denied = async |path: &str, options: FetchOptions| {
        let error = source()
            .fetch(request(server.url(path), options))
            .await
            .unwrap_err();
        assert_eq!(error.reason, Reason::Denied, "{error}");
        assert!(error.message.contains(server.url(path).as_str()), "{error}");
        error
    };
    let error = denied("/closed", policy(Some("/open/"), true)).await;
    let line = format!("- objects: {{allow: [\"{}\"]}}", server.url("/"));
    assert!(error.hint.unwrap().contains(&line), "{line}");

    let error = denied("/a", policy(None, false)).await;
    assert!(
        error.message.contains("127.0.0.1, which is this machine"),
        "{error}"
    );
    let line = format!(
        "- objects: {{allow: [\"{}\"], private-addresses: true}}",
        server.url("/")
    );
    assert!(error.hint.unwrap().contains(&line), "{line}");
    assert!(server.requests().is_empty(), "nothing was sent");

    let error = denied("/open/to-closed", policy(Some("/open/"), true)).await;
    assert!(error.message.contains("/closed"), "{error}");
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn a_redirect_leads_to_no_private_address() {
    // A public server is not to be had here, so that a name stands for it that is allowed to be private.
    let inner = Server::start(|_, _| Answer::ok("secret")).await;
    let target = inner.url("/latest/meta-data/");
    let outer = Server::start(move |_, _| Answer::redirect(302, target.to_string())).await;
    let guarded = FetchOptions {
        policy: Arc::new(FetchPolicy::of([
            FetchRule::default(),
            FetchRule {
                allow: Some(vec![outer.url("/").as_str().parse().unwrap()]),
                private_addresses: true,
            },
        ])),
        ..FetchOptions::default()
    };
    let error = source()
        .fetch(request(outer.url("/a"), guarded))
        .await
        .unwrap_err();
    assert_eq!(error.reason, Reason::Denied);
    assert!(
        error.message.contains("meta-data") && error.message.contains("leads there"),
        "{error}"
    );
    assert!(inner.requests().is_empty());
}

#[tokio::test]
async fn says_of_every_refusal_what_was_asked_with_what_and_how_to_mend_it() {
    let cases = [
        (404, None, Reason::FetchNotFound, "script.uri"),
        (410, None, Reason::FetchNotFound, "script.uri"),
        (401, None, Reason::FetchDenied, "script.source.auth"),
        (403, None, Reason::FetchDenied, "script.source.auth"),
        (
            401,
            Some("bearer"),
            Reason::FetchDenied,
            "script.source.auth",
        ),
        (
            403,
            Some("basic"),
            Reason::FetchDenied,
            "script.source.auth",
        ),
        (405, None, Reason::FetchFailed, "script.source.method"),
        (429, None, Reason::FetchFailed, "script.uri"),
        (503, None, Reason::FetchFailed, "script.uri"),
        (204, None, Reason::FetchFailed, "script.uri"),
    ];
    for (status, credential, reason, field) in cases {
        let server = Server::start(move |_, request| {
            let echo = request.header("authorization").unwrap_or_default();
            Answer::new(status)
                .header("Content-Type", "text/plain")
                .body(format!(
                    "no\r\n\x1b[31mway {echo} p4ssword {}",
                    "x".repeat(500)
                ))
        })
        .await;
        let url = server.url("/a?sig=s1gnature");
        let fetched = match credential {
            Some(credential) => fetch_with(credential, &url, options()).await,
            None => fetch(&url).await,
        };
        let error = fetched.unwrap_err();
        assert_eq!(
            (error.reason, error.field.as_deref()),
            (reason, Some(field)),
            "{status} {error}"
        );
        assert!(error.hint.is_some(), "{status}");
        let used = match credential {
            Some(credential) => format!("the credential `{credential}` was used"),
            None => "no credential was used".to_owned(),
        };
        let message = error.message;
        assert!(message.contains(&used), "{message}");
        assert!(
            message.contains(&format!("the server answered {status}")),
            "{message}"
        );
        assert!(message.contains(server.url("/a").as_str()), "{message}");
        if status != 204 {
            assert!(message.contains("\"no [31mway"), "{message}");
        }
        assert!(message.len() < 500, "{message}");
        for secret in ["t0ken", "bWU6cDRzc3dvcmQ", "s1gnature", "\x1b", "\n"] {
            assert!(!message.contains(secret), "{message}");
        }
        let is_echoed = status != 204 && credential != Some("basic");
        assert_eq!(message.contains("p4ssword"), is_echoed, "{message}");
        let is_retryable = matches!(status, 429 | 503);
        assert_eq!(error.retryable, is_retryable, "{status}");
        let attempts = match (is_retryable, status, credential) {
            (true, ..) => 4,
            // Once more with another token.
            (false, 401, Some(_)) => 2,
            _ => 1,
        };
        assert_eq!(server.requests().len(), attempts, "{status}");
    }
}

#[tokio::test]
async fn a_secret_that_is_cut_in_the_middle_is_not_shown_either() {
    let server = Server::start(|_, _| {
        Answer::new(403)
            .header("Content-Type", "text/plain")
            .body("your token is t0ken-1")
            .cut_after(20)
    })
    .await;
    let error = fetch_with("bearer", server.url("/a"), options())
        .await
        .unwrap_err();
    assert!(error.message.contains("\"your token is\""), "{error}");
}

#[tokio::test]
async fn shows_no_pages_that_are_for_browsers() {
    let server = Server::start(|_, _| {
        Answer::new(404)
            .header("Content-Type", "text/html; charset=utf-8")
            .body("<html>")
    })
    .await;
    let error = fetch(server.url("/a")).await.unwrap_err();
    assert!(
        error
            .message
            .ends_with("404 Not Found; no credential was used"),
        "{error}"
    );
}

#[tokio::test]
async fn waits_no_longer_than_it_was_told() {
    let server = Server::start(|_, _| {
        Answer::ok(vec![0; 100_000]).throttled(100, Duration::from_millis(20))
    })
    .await;
    let limited = FetchOptions {
        timeout: Some(Duration::from_millis(200)),
        ..options()
    };
    let error = source()
        .fetch(request(server.url("/a"), limited))
        .await
        .unwrap_err();
    assert_eq!((error.reason, error.retryable), (Reason::Timeout, true));
    assert_eq!(error.field.as_deref(), Some("script.source.timeout"));

    let begun = std::time::Instant::now();
    let stalling = Server::start(|before, request| {
        let body = Bytes::from_static(b"0123456789");
        let answer = Answer::ranged(request, &body, "\"1\"");
        if before == 0 {
            answer.stall_after(5)
        } else {
            answer
        }
    })
    .await;
    let object = fetch(stalling.url("/a")).await.unwrap();
    assert_eq!(object.bytes, "0123456789");
    assert!(begun.elapsed() >= STALL);
    assert_eq!(stalling.requests()[1].range_start(), Some(5));
}

#[tokio::test]
async fn waits_as_long_as_the_server_asks() {
    let server = Server::start(|before, _| match before {
        0 => Answer::new(503).header("Retry-After", "1"),
        _ => Answer::ok("x"),
    })
    .await;
    let begun = std::time::Instant::now();
    fetch(server.url("/a")).await.unwrap();
    assert!(begun.elapsed() >= Duration::from_secs(1));
    let server = Server::start(|_, _| Answer::new(429).header("Retry-After", "3600")).await;
    let error = fetch(server.url("/a")).await.unwrap_err();
    assert!(error.retryable);
    assert_eq!(server.requests().len(), 1, "an hour is not waited for");
}

#[tokio::test]
async fn refuses_what_makes_no_sense_before_anything_is_sent() {
    let port = closed_port().await;
    let uri = format!("http://127.0.0.1:{port}/a");
    let with = |change: &dyn Fn(&mut FetchOptions)| {
        let mut changed = options();
        change(&mut changed);
        changed
    };
    let cases = [
        (
            with(&|options| options.method = Some("PUT".to_owned())),
            "method",
        ),
        (
            with(&|options| options.region = Some("x".to_owned())),
            "region",
        ),
        (
            with(&|options| options.endpoint = Some("http://h".to_owned())),
            "endpoint",
        ),
        (
            with(&|options| options.headers = headers(&[("Host", "x")])),
            "headers",
        ),
        (
            with(&|options| options.headers = headers(&[("range", "bytes=1-")])),
            "headers",
        ),
        (
            with(&|options| options.headers = headers(&[("a b", "x")])),
            "headers",
        ),
        (
            with(&|options| options.headers = headers(&[("X", "s3cret\n")])),
            "headers",
        ),
        (
            with(&|options| options.headers = headers(&[("X", "1"), ("x", "2")])),
            "headers",
        ),
        (
            with(&|options| options.credential = Some("aws".to_owned())),
            "auth",
        ),
        (
            with(&|options| {
                options.credential = Some("bearer".to_owned());
                options.headers = headers(&[("authorization", "Basic s3cret")]);
            }),
            "headers",
        ),
    ];
    for (options, field) in cases {
        let source = source().with_access(Arc::new(Tokens::default()));
        let error = source.fetch(request(&uri, options)).await.unwrap_err();
        assert_eq!(error.reason, Reason::InvalidRequest, "{error}");
        assert_eq!(
            error.field,
            Some(format!("script.source.{field}")),
            "{error}"
        );
        assert!(!format!("{error:?}").contains("s3cret"), "{error:?}");
    }
    let error = fetch_with("none", &uri, options()).await.unwrap_err();
    assert_eq!(error.reason, Reason::CredentialMissing);
    assert_eq!(error.field.as_deref(), Some("script.source.auth"));
    let unknown = FetchOptions {
        credential: Some("x".to_owned()),
        ..options()
    };
    let error = source().fetch(request(&uri, unknown)).await.unwrap_err();
    assert_eq!(error.reason, Reason::CredentialMissing);
}

#[tokio::test]
async fn names_the_value_that_says_which_server_is_meant() {
    let port = closed_port().await;
    let error = fetch(format!("http://127.0.0.1:{port}/a"))
        .await
        .unwrap_err();
    assert_eq!(
        (error.reason, error.field.as_deref()),
        (Reason::FetchFailed, Some("script.uri"))
    );
    let configured = FetchOptions {
        endpoint: Some(format!("http://no-such-host.invalid:{port}")),
        ..options()
    };
    let error = source().fetch(request("a", configured)).await.unwrap_err();
    assert_eq!(error.reason, Reason::HostNotFound);
    assert_eq!(error.field.as_deref(), Some("script.source.endpoint"));
}

#[tokio::test]
async fn dropping_a_fetch_closes_its_connection() {
    let server = Server::start(|_, _| Answer::ok(vec![0; 1000]).stall_after(10)).await;
    let source = source();
    let fetching = source.fetch(request(server.url("/a"), options()));
    let begun = async {
        while server.requests().is_empty() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::select! {
        fetched = fetching => panic!("{fetched:?}"),
        () = begun => {}
    }
    while server.open() > 0 {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}
