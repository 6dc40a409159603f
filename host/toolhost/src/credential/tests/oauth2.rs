use super::*;

#[tokio::test]
async fn a_client_authenticates_in_the_header_or_in_the_body() {
    let server = numbering(3600).await;
    let url = server.url("/token");
    let access = World::default().access(&format!(
        "\
credentials:
  header: {{type: oauth2, token_url: '{url}', client_id: 'a:b', client_secret: 'p w&', scopes: [one, two], audience: api}}
  body: {{type: oauth2, token_url: '{url}', client_id: me, client_secret: word-of-client, client_auth: body}}
  public: {{type: oauth2, token_url: '{url}', client_id: me, scopes: one two}}
"
    ));
    let given = open(&access, Service::Http, "header").await.unwrap();
    assert_eq!(token(&given), "token-number-0");
    assert_eq!(given.origin, "the credential `header`");
    assert_eq!(
        given.expires_at,
        Some(World::default().now() + Duration::from_hours(1))
    );
    bearer_of(&access, "body").await;
    bearer_of(&access, "public").await;
    let requests = server.requests();
    // `a%3Ab:p+w%26`, by RFC 6749, section 2.3.1.
    assert_eq!(
        requests[0].header("authorization"),
        Some("Basic YSUzQWI6cCt3JTI2")
    );
    let sent = form(&requests[0]);
    assert_eq!(sent["grant_type"], "client_credentials");
    assert_eq!(
        (sent["scope"].as_str(), sent["audience"].as_str()),
        ("one two", "api")
    );
    assert!(!sent.contains_key("client_secret"));
    assert_eq!(requests[1].header("authorization"), None);
    let sent = form(&requests[1]);
    assert_eq!(
        (sent["client_id"].as_str(), sent["client_secret"].as_str()),
        ("me", "word-of-client")
    );
    assert_eq!(form(&requests[2])["client_id"], "me");
}

#[tokio::test]
async fn a_refresh_token_that_the_server_exchanged_is_used_from_then_on() {
    let server = Server::start(|count, received| {
        let expected = if count == 0 { "first".to_owned() } else { format!("rotated-{count}") };
        if form(received)["refresh_token"] != expected {
            return Answer::new(400).body(r#"{"error": "invalid_grant"}"#);
        }
        let next = count + 1;
        Answer::ok(format!(
            r#"{{"access_token": "token-{count}", "expires_in": "60", "refresh_token": "rotated-{next}"}}"#
        ))
    })
    .await;
    let world = World::default();
    let url = server.url("/");
    let access = world.access(&format!(
        "credentials: {{api: {{type: oauth2, token_url: '{url}', client_id: me, refresh_token: first}}}}"
    ));
    for expected in ["token-0", "token-1", "token-2"] {
        assert_eq!(bearer_of(&access, "api").await, expected);
        world.pass(Duration::from_secs(61));
    }
    assert_eq!(form(&server.requests()[0])["grant_type"], "refresh_token");
}

#[tokio::test]
async fn an_error_quotes_the_server_and_nothing_that_was_sent_to_it() {
    let server = Server::start(|_, received| {
        let header = received
            .header("authorization")
            .unwrap_or_default()
            .to_owned();
        let body = String::from_utf8_lossy(&received.body).into_owned();
        Answer::new(401).body(
            serde_json::json!({
                "error": "invalid_client",
                "error_description": format!("who is hunter2-client? {header} {body}\n\u{1b}[31m"),
            })
            .to_string(),
        )
    })
    .await;
    let access = World::default().access(&client(&server));
    let error = open(&access, Service::Http, "api").await.unwrap_err();
    assert_eq!(
        error.explanation.reason,
        crate::capability::Reason::FetchDenied
    );
    assert!(!error.retryable);
    let start = format!(
        "no token for the credential `api`: `{}` refused the request: status 401, invalid_client (who is ***?",
        server.url("").origin().ascii_serialization()
    );
    assert!(
        error.explanation.message.starts_with(&start),
        "{}",
        error.explanation.message
    );
    let shown = format!("{error:?}");
    for secret in ["hunter2", "bWU6aHVudGVyMi1jbGllbnQ", "\u{1b}"] {
        assert!(!shown.contains(secret), "{shown}");
    }
    assert_eq!(
        error.explanation.hint_text().as_deref(),
        Some("check the client's identifier and secret")
    );
}

#[tokio::test]
async fn an_invalid_answer_is_reported() {
    for (answer, expected) in [
        (
            Answer::ok("<html>hunter2</html>"),
            "is not the expected JSON",
        ),
        (
            Answer::ok("{\"token\": \"hunter2\"}"),
            "has no `access_token`",
        ),
        (
            Answer::ok("{\"access_token\": \"hunter2\", \"token_type\": \"mac\"}"),
            "has a token of the type `mac`, not `Bearer`",
        ),
        (
            Answer::ok("x".repeat(300 * 1024)),
            "larger than 262144 bytes",
        ),
        (Answer::new(503), "refused the request: status 503"),
        (Answer::nothing(), "was cut"),
        (
            Answer::ok("{\"access").stall_after(4),
            "sent nothing for too long",
        ),
        (
            Answer::redirect(302, "http://127.0.0.1:1/"),
            "refused the request: status 302",
        ),
    ] {
        let server = Server::start(move |_, _| answer.clone()).await;
        let access = World::default().access(&client(&server));
        let error = open(&access, Service::Http, "api").await.unwrap_err();
        assert!(
            error.explanation.message.contains(expected),
            "{}",
            error.explanation.message
        );
        assert!(
            !error.explanation.message.contains("hunter2"),
            "{}",
            error.explanation.message
        );
        assert_eq!(server.requests().len(), 1, "{expected}");
    }
}

#[tokio::test]
async fn a_thousand_calls_that_need_one_expired_token_make_one_request() {
    let server = numbering(3600).await;
    let world = World::default();
    let access = Arc::new(world.access(&client(&server)));
    assert_eq!(bearer_of(&access, "api").await, "token-number-0");
    world.pass(Duration::from_secs(3601));
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..1_000 {
        let access = Arc::clone(&access);
        calls.spawn(async move { bearer_of(&access, "api").await });
    }
    while let Some(token) = calls.join_next().await {
        assert_eq!(token.unwrap(), "token-number-1");
    }
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn a_token_is_renewed_in_the_background_before_it_ends() {
    let server = numbering(3600).await;
    let world = World::default();
    let access = world.access(&client(&server));
    bearer_of(&access, "api").await;
    world.pass(Duration::from_secs(3600 - 200));
    // The old one is still valid, so callers do not wait.
    assert_eq!(bearer_of(&access, "api").await, "token-number-0");
    while bearer_of(&access, "api").await == "token-number-0" {
        tokio::task::yield_now().await;
    }
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn the_old_token_is_used_while_its_renewal_fails() {
    let server = Server::start(|count, _| match count {
        0 => given("token-number-0", 3600),
        1 => Answer::new(500),
        _ => given("token-number-1", 3600),
    })
    .await;
    let world = World::default();
    let access = world.access(&client(&server));
    bearer_of(&access, "api").await;
    world.pass(Duration::from_secs(3600 - 200));
    bearer_of(&access, "api").await;
    while server.requests().len() < 2 {
        tokio::task::yield_now().await;
    }
    // For a second, the server is not asked again.
    for _ in 0..50 {
        assert_eq!(bearer_of(&access, "api").await, "token-number-0");
        tokio::task::yield_now().await;
    }
    assert_eq!(server.requests().len(), 2);
    world.pass(Duration::from_secs(1));
    while bearer_of(&access, "api").await == "token-number-0" {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_failure_is_repeated_for_a_second_and_no_longer() {
    let server = Server::start(|count, _| match count {
        0 => Answer::new(400).body(r#"{"error": "invalid_scope"}"#),
        _ => given("good", 60),
    })
    .await;
    let world = World::default();
    let access = world.access(&client(&server));
    for _ in 0..3 {
        let error = open(&access, Service::Http, "api").await.unwrap_err();
        assert!(error.explanation.message.contains("invalid_scope"));
    }
    assert_eq!(server.requests().len(), 1);
    world.pass(Duration::from_secs(1));
    assert_eq!(bearer_of(&access, "api").await, "good");
}

#[tokio::test]
async fn a_refused_token_is_renewed_once() {
    let server = numbering(3600).await;
    let access = World::default().access(&client(&server));
    let request = AccessRequest::new(Service::Http, Some("api"));
    let first = access.access(&request).await.unwrap();
    // All its users report it.
    for _ in 0..100 {
        access.refuse(&request, &first).await;
        assert_eq!(bearer_of(&access, "api").await, "token-number-1");
    }
    assert_eq!(server.requests().len(), 2);
    let second = access.access(&request).await.unwrap();
    access.refuse(&request, &second).await;
    assert_eq!(bearer_of(&access, "api").await, "token-number-2");
}

#[tokio::test]
async fn a_token_that_is_returned_again_after_a_refusal_is_not_requested_a_third_time() {
    let server = Server::start(|_, _| given("the-same", 3600)).await;
    let access = World::default().access(&client(&server));
    let request = AccessRequest::new(Service::Http, Some("api"));
    for _ in 0..10 {
        let given = access.access(&request).await.unwrap();
        access.refuse(&request, &given).await;
    }
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn a_token_that_expires_too_soon_is_renewed_first() {
    let server = numbering(3600).await;
    let world = World::default();
    let access = world.access(&client(&server));
    bearer_of(&access, "api").await;
    world.pass(Duration::from_mins(30));
    let mut request = AccessRequest::new(Service::Http, Some("api"));
    request.min_remaining = Duration::from_secs(1700);
    assert_eq!(
        token(&access.access(&request).await.unwrap()),
        "token-number-0"
    );
    request.min_remaining = Duration::from_secs(1795);
    assert_eq!(
        token(&access.access(&request).await.unwrap()),
        "token-number-1"
    );
    // Longer than the life of any token: the newest one is used.
    request.min_remaining = Duration::from_hours(2);
    assert_eq!(
        token(&access.access(&request).await.unwrap()),
        "token-number-1"
    );
}

#[tokio::test]
async fn a_credential_that_changed_gets_a_token_of_its_own() {
    let server = numbering(3600).await;
    let world = World::new(&[("SECRET", "one-secret")]);
    let url = server.url("/");
    let access = world.access(&format!(
        "credentials: {{api: {{type: oauth2, token_url: '{url}', client_id: me, client_secret: {{env: SECRET}}}}}}"
    ));
    assert_eq!(bearer_of(&access, "api").await, "token-number-0");
    assert_eq!(bearer_of(&access, "api").await, "token-number-0");
    world.set("SECRET", "another-secret");
    assert_eq!(bearer_of(&access, "api").await, "token-number-1");
}

#[tokio::test]
async fn a_token_request_continues_when_its_caller_is_dropped() {
    let server = numbering(3600).await;
    let access = World::default().access(&client(&server));
    {
        let asking = bearer_of(&access, "api");
        tokio::pin!(asking);
        assert!(futures_util::poll!(&mut asking).is_pending());
    }
    assert_eq!(bearer_of(&access, "api").await, "token-number-0");
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn a_client_without_a_valid_address_is_refused() {
    let access = World::default().access(
        "credentials: {api: {type: oauth2, token_url: 'ftp://hunter2', client_id: me, client_auth: basic}}",
    );
    let error = open(&access, Service::Http, "api").await.unwrap_err();
    assert_eq!(
        error.explanation.message,
        "the credential `api` has a `token_url` that is not an http or https URL"
    );
}

#[tokio::test]
async fn an_unreachable_server_is_retryable() {
    let port = crate::http::tests::server::closed_port().await;
    let access = World::default().access(&format!(
        "credentials: {{api: {{type: oauth2, token_url: 'http://127.0.0.1:{port}/t', client_id: me}}}}"
    ));
    let error = open(&access, Service::Http, "api").await.unwrap_err();
    assert_eq!(
        error.explanation.reason,
        crate::capability::Reason::FetchFailed
    );
    assert!(error.retryable);
    let start =
        format!("no token for the credential `api`: cannot connect to http://127.0.0.1:{port}/t");
    assert!(
        error.explanation.message.starts_with(&start),
        "{}",
        error.explanation.message
    );
}
