//! A bad line: a TCP proxy that cuts, stops or slows down what a server sends.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What happens to a connection.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fault {
    /// Nothing.
    None,
    /// It is cut after so many bytes of the server.
    Cut(usize),
    /// It stays open after so many bytes of the server, and nothing more comes.
    Stall(usize),
    /// Each kibibyte takes so long.
    Slow(Duration),
}

/// The line; it ends when it is dropped.
pub(crate) struct Line {
    pub(crate) address: SocketAddr,
    open: Arc<AtomicUsize>,
    accepting: JoinHandle<()>,
}

/// Counts a connection for as long as it is held.
struct Open(Arc<AtomicUsize>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Line {
    /// A line to that server: its first connection has the first fault, and so on; `last` is that of all
    /// the others.
    pub(crate) async fn start(server: SocketAddr, faults: Vec<Fault>, last: Fault) -> Self {
        Self::renaming(server, false, faults, last).await
    }

    /// The same, for a server that answers to its own address alone where `renames` is set.
    pub(crate) async fn renaming(
        server: SocketAddr,
        renames: bool,
        faults: Vec<Fault>,
        last: Fault,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let open = Arc::new(AtomicUsize::new(0));
        let accepting = {
            let open = Arc::clone(&open);
            tokio::spawn(async move {
                let mut faults = faults.into_iter();
                while let Ok((client, _)) = listener.accept().await {
                    open.fetch_add(1, Ordering::SeqCst);
                    let held = Open(Arc::clone(&open));
                    let fault = faults.next().unwrap_or(last);
                    tokio::spawn(async move {
                        let _held = held;
                        connect(client, server, renames, fault).await.ok();
                    });
                }
            })
        };
        Self {
            address,
            open,
            accepting,
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The connections that are open now.
    pub(crate) fn open(&self) -> usize {
        self.open.load(Ordering::SeqCst)
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn connect(
    mut client: TcpStream,
    address: SocketAddr,
    renames: bool,
    fault: Fault,
) -> std::io::Result<()> {
    let mut server = TcpStream::connect(address).await?;
    let (mut from_client, mut to_client) = client.split();
    let (mut from_server, mut to_server) = server.split();
    let up = async {
        if renames {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(from_client.read_u8().await?);
            }
            let head = String::from_utf8_lossy(&head).into_owned();
            let is_host = |line: &str| line.to_ascii_lowercase().starts_with("host:");
            for line in head.split_inclusive("\r\n") {
                let host = format!("host: {address}\r\n");
                let line = if is_host(line) { &host } else { line };
                to_server.write_all(line.as_bytes()).await?;
            }
        }
        tokio::io::copy(&mut from_client, &mut to_server).await?;
        // The client is gone; the server's remaining data is dropped.
        std::io::Result::Err(std::io::ErrorKind::ConnectionAborted.into())
    };
    let down = async {
        let mut left = match fault {
            Fault::Cut(bytes) | Fault::Stall(bytes) => bytes,
            Fault::None | Fault::Slow(_) => usize::MAX,
        };
        let mut buffer = [0; 1024];
        loop {
            let wanted = left.min(buffer.len());
            if wanted == 0 {
                break;
            }
            let read = from_server.read(&mut buffer[..wanted]).await?;
            if read == 0 {
                break;
            }
            to_client.write_all(&buffer[..read]).await?;
            left -= read;
            if let Fault::Slow(pause) = fault {
                tokio::time::sleep(pause).await;
            }
        }
        if left == 0 && matches!(fault, Fault::Stall(_)) {
            std::future::pending::<()>().await;
        }
        to_client.shutdown().await
    };
    tokio::select! {
        result = up => result,
        result = down => result,
    }
}
