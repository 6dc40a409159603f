use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};

use super::Layer;

/// A server on a loopback port. It ends, with all its connections, when this is dropped.
#[derive(Debug)]
pub(crate) struct Listener {
    address: SocketAddr,
    is_up: watch::Sender<bool>,
    task: AbortHandle,
}

impl Listener {
    pub(crate) async fn start(layer: Arc<Layer>) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let is_up = watch::Sender::new(true);
        let task = tokio::spawn(accept(listener, layer, is_up.subscribe())).abort_handle();
        Ok(Self {
            address,
            is_up,
            task,
        })
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// While a server is down, it drops its connections, and every new one at once.
    pub(crate) fn set_up(&self, is_up: bool) {
        self.is_up.send_replace(is_up);
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, layer: Arc<Layer>, is_up: watch::Receiver<bool>) {
    let mut connections = JoinSet::new();
    loop {
        let stream = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = connections.join_next() => continue,
        };
        // What one connection suffered does not concern the others.
        let Ok((stream, _)) = stream else { continue };
        if *is_up.borrow() {
            connections.spawn(connection(stream, Arc::clone(&layer), is_up.clone()));
        }
    }
}

async fn connection(stream: TcpStream, layer: Arc<Layer>, mut is_up: watch::Receiver<bool>) {
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request| layer.serve(request));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(stream), service);
    tokio::select! {
        // A connection that was broken by a fault or by its client gets no response.
        _ = connection => {}
        _ = is_up.wait_for(|is_up| !is_up) => {}
    }
}
