//! Errors of servers that return no content.

use super::*;

#[tokio::test]
async fn every_refusal_names_the_request_the_credential_and_the_fix() {
    let cases = [
        (404, None, Reason::FetchNotFound, "uri"),
        (410, None, Reason::FetchNotFound, "uri"),
        (401, None, Reason::FetchDenied, "auth"),
        (403, None, Reason::FetchDenied, "auth"),
        (401, Some("bearer"), Reason::FetchDenied, "auth"),
        (403, Some("basic"), Reason::FetchDenied, "auth"),
        (405, None, Reason::FetchFailed, "method"),
        (429, None, Reason::FetchFailed, "uri"),
        (503, None, Reason::FetchFailed, "uri"),
        (204, None, Reason::FetchFailed, "uri"),
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
            (
                error.explanation.reason,
                error.explanation.field_text().as_deref()
            ),
            (reason, Some(field)),
            "{status} {error}"
        );
        assert!(error.explanation.hint.is_some(), "{status}");
        let used = match credential {
            Some(credential) => format!("the credential `{credential}` was used"),
            None => "no credential was used".to_owned(),
        };
        let message = error.explanation.message;
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
async fn a_truncated_secret_is_not_shown() {
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
    assert!(
        error.explanation.message.contains("\"your token is\""),
        "{error}"
    );
}

#[tokio::test]
async fn pages_for_browsers_are_not_quoted() {
    let server = Server::start(|_, _| {
        Answer::new(404)
            .header("Content-Type", "text/html; charset=utf-8")
            .body("<html>")
    })
    .await;
    let error = fetch(server.url("/a")).await.unwrap_err();
    assert!(
        error
            .explanation
            .message
            .ends_with("404 Not Found; no credential was used"),
        "{error}"
    );
}
