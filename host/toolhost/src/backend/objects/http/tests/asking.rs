//! The request and its credentials.

use super::*;

#[tokio::test]
async fn the_request_follows_the_configuration() {
    let server = Server::start(|_, _| {
        Answer::ok("x")
            .header("ETag", "\"1\"")
            .header("Last-Modified", "Mon, 23 Nov 2026 10:00:00 GMT")
    })
    .await;
    let mut configured = options();
    configured.endpoint = Some(format!("{}v1/", server.url("/")));
    configured.method = Some("post".to_owned());
    configured.headers = headers(&[("X-Mine", "1"), ("Authorization", "Bearer t0ken")]);
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
async fn the_credential_is_sent() {
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
async fn a_refused_token_is_renewed_once() {
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
    assert_eq!(error.explanation.reason, Reason::FetchDenied);
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn invalid_options_are_refused_before_a_request() {
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
        assert_eq!(error.explanation.reason, Reason::InvalidRequest, "{error}");
        assert_eq!(
            error.explanation.field_text(),
            Some(field.to_owned()),
            "{error}"
        );
        assert!(!format!("{error:?}").contains("s3cret"), "{error:?}");
    }
    let error = fetch_with("none", &uri, options()).await.unwrap_err();
    assert_eq!(error.explanation.reason, Reason::CredentialMissing);
    assert_eq!(error.explanation.field_text().as_deref(), Some("auth"));
    let mut unknown = options();
    unknown.credential = Some("x".to_owned());
    let error = source().fetch(request(&uri, unknown)).await.unwrap_err();
    assert_eq!(error.explanation.reason, Reason::CredentialMissing);
}

#[tokio::test]
async fn the_value_that_determines_the_server_is_named() {
    let port = closed_port().await;
    let error = fetch(format!("http://127.0.0.1:{port}/a"))
        .await
        .unwrap_err();
    assert_eq!(
        (
            error.explanation.reason,
            error.explanation.field_text().as_deref()
        ),
        (Reason::FetchFailed, Some("uri"))
    );
    let mut configured = options();
    configured.endpoint = Some(format!("http://no-such-host.invalid:{port}"));
    let error = source().fetch(request("a", configured)).await.unwrap_err();
    assert_eq!(error.explanation.reason, Reason::HostNotFound);
    assert_eq!(error.explanation.field_text().as_deref(), Some("endpoint"));
}
