//! What servers of buckets have in common: a store, tokens that are known, and who is refused.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use super::{Request, Response, Server, Store};

/// The tokens that are known, and whether they are still valid.
pub(crate) type Tokens = BTreeMap<String, bool>;

/// A server of buckets; it ends when it is dropped.
pub(crate) struct BucketServer {
    pub(crate) store: Arc<Store>,
    tokens: Arc<Mutex<Tokens>>,
    server: Server,
}

impl BucketServer {
    /// A server that answers with `refuse` where that says something, and else with `give`.
    pub(super) async fn start(
        refuse: fn(&Request, &Tokens) -> Option<Response>,
        give: fn(&Store, &Request) -> Response,
    ) -> Self {
        let store = Arc::new(Store::default());
        let tokens = Arc::new(Mutex::new(Tokens::new()));
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
