//! A server that speaks as much of Google Cloud Storage's XML API as a fetch needs, and checks tokens.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use super::store::{error, name};
use super::{Request, Response, Server, Store};

/// Google Cloud Storage; it ends when it is dropped.
pub(crate) struct GcsServer {
    pub(crate) store: Arc<Store>,
    /// The tokens that are known, and whether they are still valid.
    tokens: Arc<Mutex<BTreeMap<String, bool>>>,
    server: Server,
}

impl GcsServer {
    pub(crate) async fn start() -> Self {
        let store = Arc::new(Store::default());
        let tokens = Arc::new(Mutex::new(BTreeMap::new()));
        let server = {
            let (store, tokens) = (Arc::clone(&store), Arc::clone(&tokens));
            Server::start(move |request| {
                store.note(&request);
                let refused = refuse(&request, &tokens.lock().unwrap());
                refused.unwrap_or_else(|| give(&store, &request))
            })
        };
        let server = server.await;
        Self {
            store,
            tokens,
            server,
        }
    }

    pub(crate) fn url(&self) -> String {
        self.server.url()
    }

    pub(crate) fn address(&self) -> std::net::SocketAddr {
        self.server.address
    }

    pub(crate) fn token(&self, token: &str, is_valid: bool) {
        self.tokens
            .lock()
            .unwrap()
            .insert(token.to_owned(), is_valid);
    }
}

fn refuse(request: &Request, tokens: &BTreeMap<String, bool>) -> Option<Response> {
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
