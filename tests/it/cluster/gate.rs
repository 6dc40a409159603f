//! Holds what runs in a pod until the test lets it go on.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::host_ip;

/// How long a pod may take to come here.
const PATIENCE: Duration = Duration::from_mins(2);

/// A server that answers a request when the test says so.
pub(super) struct Gate {
    listener: TcpListener,
}

/// A request that waits.
pub(super) struct Held(TcpStream);

impl Gate {
    /// Listens on every address of this machine, since pods come from elsewhere.
    pub(super) async fn new() -> Self {
        Self {
            listener: TcpListener::bind("0.0.0.0:0").await.unwrap(),
        }
    }

    /// Where a pod asks.
    pub(super) fn url(&self) -> String {
        let port = self.listener.local_addr().unwrap().port();
        format!("http://{}:{port}/", host_ip())
    }

    /// Waits until a pod has asked.
    pub(super) async fn held(&self) -> Held {
        let accepted = tokio::time::timeout(PATIENCE, self.listener.accept()).await;
        let (mut stream, _) = accepted.expect("no pod came").unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            request.push(stream.read_u8().await.unwrap());
        }
        Held(stream)
    }
}

impl Held {
    /// Lets the pod go on.
    pub(super) async fn release(mut self) {
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        self.0.write_all(answer).await.unwrap();
    }
}
