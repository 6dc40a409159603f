//! Counts attempts of jobs that share nothing: each asks this machine for its number.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

/// A server that answers each request for a path with how often it was asked for.
pub(super) struct Counter {
    port: u16,
    task: tokio::task::JoinHandle<()>,
}

impl Counter {
    /// Starts to answer on every address of this machine, since pods come from elsewhere.
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let counts = Arc::new(Mutex::new(HashMap::new()));
        let task = tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let counts = Arc::clone(&counts);
                tokio::spawn(async move {
                    let mut request = Vec::new();
                    while !request.ends_with(b"\r\n\r\n") {
                        let mut byte = [0];
                        if stream.read_exact(&mut byte).await.is_err() {
                            return;
                        }
                        request.extend(byte);
                    }
                    let line = String::from_utf8_lossy(&request)
                        .lines()
                        .next()
                        .unwrap()
                        .to_owned();
                    let count = {
                        let mut counts = counts.lock().unwrap();
                        let count: &mut u32 = counts.entry(line).or_default();
                        *count += 1;
                        *count
                    };
                    let body = format!("{count}\n");
                    let length = body.len();
                    let answer = format!(
                        "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
                    );
                    drop(stream.write_all(answer.as_bytes()).await);
                });
            }
        });
        Self { port, task }
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for Counter {
    fn drop(&mut self) {
        self.task.abort();
    }
}
