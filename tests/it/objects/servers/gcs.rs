//! A server that speaks as much of Google Cloud Storage's XML API as a fetch needs, and checks tokens.

use super::bucket::{BucketServer, Tokens};
use super::store::{error, name};
use super::{Request, Response, Store};

/// Google Cloud Storage.
pub(crate) async fn start() -> BucketServer {
    BucketServer::start(refuse, give).await
}

fn refuse(request: &Request, tokens: &Tokens) -> Option<Response> {
    let Some(authorization) = request.headers.get("authorization") else {
        let (bucket, _) = name(request);
        let details = "<Details>Anonymous caller does not have storage.objects.get access to the Google Cloud Storage object.</Details>";
        return (bucket != "public").then(|| {
            error(
                401,
                "AuthenticationRequired",
                "Authentication required.",
                details,
            )
        });
    };
    let token = authorization.strip_prefix("Bearer ").unwrap_or_default();
    let message = format!("The token {token} is not valid.");
    (tokens.get(token) != Some(&true)).then(|| {
        error(
            401,
            "AuthenticationRequired",
            "Authentication required.",
            &format!("<Details>{message}</Details>"),
        )
    })
}

fn give(store: &Store, request: &Request) -> Response {
    let (bucket, key) = name(request);
    if store.is_denied(&key) {
        let details = "<Details>robot@example.com does not have storage.objects.get access to the Google Cloud Storage object.</Details>";
        return error(403, "AccessDenied", "Access denied.", details);
    }
    if bucket == "requester" {
        let message = "Bucket is a requester pays bucket but no user project provided.";
        return error(400, "UserProjectMissing", message, "");
    }
    match store.get(request) {
        Ok(response) => response.header("x-goog-generation", "1727776800000001"),
        Err((status, code)) => error(status, code, "The specified thing does not exist.", ""),
    }
}
