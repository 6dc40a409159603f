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
    made: Arc<AtomicUsize>,
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
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (open, made) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let accepting = {
            let (open, made) = (Arc::clone(&open), Arc::clone(&made));
            tokio::spawn(async move {
                while let Ok((client, _)) = listener.accept().await {
                    let index = made.fetch_add(1, Ordering::SeqCst);
                    open.fetch_add(1, Ordering::SeqCst);
                    let held = Open(Arc::clone(&open));
                    let fault = faults.get(index).copied().unwrap_or(last);
                    tokio::spawn(async move {
                        let _held = held;
                        connect(client, server, fault).await.ok();
                    });
                }
            })
        };
        Self {
            address,
            open,
            made,
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

    /// The connections that were ever made.
    pub(crate) fn made(&self) -> usize {
        self.made.load(Ordering::SeqCst)
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn connect(mut client: TcpStream, server: SocketAddr, fault: Fault) -> std::io::Result<()> {
    let mut server = TcpStream::connect(server).await?;
    let (mut from_client, mut to_client) = client.split();
    let (mut from_server, mut to_server) = server.split();
    let up = async {
        tokio::io::copy(&mut from_client, &mut to_server).await?;
        // The client is gone; what the server still sends is for nobody.
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
