//! Redirects.

use super::*;
use crate::http::RootCertificate;

const SECRET_HEADERS: [(&str, &str); 4] = [
    ("Authorization", "Bearer t0ken"),
    ("Cookie", "session=c00kie"),
    ("X-Api-Key", "k3y"),
    ("Accept", "text/plain"),
];

#[tokio::test]
async fn redirects_are_followed_without_secrets_for_other_servers() {
    let other = Server::start(|_, _| Answer::ok("there").header("ETag", "\"1\"")).await;
    let target = other.url("/b.py?sig=s3cret");
    let server = Server::start(move |_, request| match request.target.as_str() {
        "/a" => Answer::redirect(301, "b?x"),
        "/b?x" => Answer::redirect(307, "//127.0.0.1:0/nowhere"),
        "/c" => Answer::redirect(302, target.to_string()),
        _ => Answer::ok("here"),
    })
    .await;
    let configured = || {
        let mut options = options();
        options.headers = headers(&SECRET_HEADERS);
        options
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
    // A credential by name, and name and password of the URL, are left out as well.
    fetch_with("bearer", server.url("/c"), options())
        .await
        .unwrap();
    fetch(server.url_as("me:pass@127.0.0.1", "/c"))
        .await
        .unwrap();
    for received in &other.requests() {
        assert_eq!(received.header("authorization"), None);
    }
    // They are sent to the same server.
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
async fn a_redirect_back_does_not_restore_the_secrets() {
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
async fn endless_redirects_are_given_up() {
    let circle = Server::start(|_, request| match request.target.as_str() {
        "/a" => Answer::redirect(302, "/b"),
        _ => Answer::redirect(302, "/a"),
    })
    .await;
    let error = fetch(circle.url("/a")).await.unwrap_err();
    assert_eq!(error.explanation.reason, Reason::RedirectLoop, "{error}");
    assert_eq!(circle.requests().len(), 2);

    let endless = Server::start(|before, _| Answer::redirect(302, format!("/{before}"))).await;
    let error = fetch(endless.url("/a")).await.unwrap_err();
    assert_eq!(error.explanation.reason, Reason::RedirectLoop, "{error}");
    assert_eq!(endless.requests().len(), 11);
}

#[tokio::test]
async fn a_redirected_post_becomes_a_get_unless_the_status_preserves_the_method() {
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
        let mut posted = options();
        posted.method = Some("POST".to_owned());
        source()
            .fetch(request(server.url("/a"), posted))
            .await
            .unwrap();
        assert_eq!(server.requests()[1].method, method, "{status}");
    }
}

#[tokio::test]
async fn redirects_out_of_tls_or_out_of_http_are_refused() {
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
        extra_roots: vec![RootCertificate::from_der(identity.certificate.to_vec())],
        ..quick()
    });
    for (path, why) in [
        ("/plain", "would lead from `https` to `http://127.0.0.1"),
        ("/file", "its target has the scheme `file:`"),
        ("/odd", "not a URL"),
    ] {
        let url = server.url_as("localhost", path);
        let error = HttpSource::new(client.clone())
            .fetch(request(url, options()))
            .await
            .unwrap_err();
        assert_eq!(error.explanation.reason, Reason::FetchDenied);
        assert!(error.explanation.message.contains(why), "{error}");
        assert!(!error.explanation.message.contains("s3cret"), "{error}");
    }
    assert!(plain.requests().is_empty());
}
