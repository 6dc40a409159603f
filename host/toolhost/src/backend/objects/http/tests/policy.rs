//! The policy of fetches.

use super::*;

#[tokio::test]
async fn nothing_outside_of_the_policy_is_requested() {
    let server = Server::start(|_, request| match request.target.as_str() {
        "/open/to-closed" => Answer::redirect(302, "/closed"),
        _ => Answer::ok("x"),
    })
    .await;
    let policy = |allow: Option<&str>, private_addresses| {
        let mut options = FetchOptions::default();
        options.policy = Arc::new(
            FetchPolicy::of([FetchRule {
                allow: allow.map(|path| vec![server.url(path).as_str().parse().unwrap()]),
                private_addresses,
            }])
            .for_kind("mine"),
        );
        options
    };
    let denied = async |path: &str, options: FetchOptions| {
        let error = source()
            .fetch(request(server.url(path), options))
            .await
            .unwrap_err();
        assert_eq!(error.explanation.reason, Reason::Denied, "{error}");
        assert!(
            error
                .explanation
                .message
                .contains(server.url(path).as_str()),
            "{error}"
        );
        error
    };
    let error = denied("/closed", policy(Some("/open/"), true)).await;
    let line = format!("- objects: {{allow: [\"{}\"]}}", server.url("/"));
    assert!(
        error.explanation.hint_text().unwrap().contains(&line),
        "{line}"
    );

    let error = denied("/a", policy(None, false)).await;
    assert!(
        error
            .explanation
            .message
            .contains("127.0.0.1, which is this machine"),
        "{error}"
    );
    let line = format!(
        "- objects: {{allow: [\"{}\"], private-addresses: true}}",
        server.url("/")
    );
    assert!(
        error.explanation.hint_text().unwrap().contains(&line),
        "{line}"
    );
    assert!(server.requests().is_empty(), "nothing was sent");

    let error = denied("/open/to-closed", policy(Some("/open/"), true)).await;
    assert!(error.explanation.message.contains("/closed"), "{error}");
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn a_redirect_to_a_private_address_is_refused() {
    // A public server is not available here, so that a name stands for it that is allowed to be private.
    let inner = Server::start(|_, _| Answer::ok("secret")).await;
    let target = inner.url("/latest/meta-data/");
    let outer = Server::start(move |_, _| Answer::redirect(302, target.to_string())).await;
    let mut guarded = FetchOptions::default();
    guarded.policy = Arc::new(FetchPolicy::of([
        FetchRule::default(),
        FetchRule {
            allow: Some(vec![outer.url("/").as_str().parse().unwrap()]),
            private_addresses: true,
        },
    ]));
    let error = source()
        .fetch(request(outer.url("/a"), guarded))
        .await
        .unwrap_err();
    assert_eq!(error.explanation.reason, Reason::Denied);
    assert!(
        error.explanation.message.contains("meta-data")
            && error.explanation.message.contains("redirects there"),
        "{error}"
    );
    assert!(inner.requests().is_empty());
}
