//! A server that simulates faults.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::capability::sync::lock;
use bytes::Bytes;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use url::Url;

/// A server on the loopback device, until it is dropped.
pub(crate) struct Server {
    address: SocketAddr,
    scheme: &'static str,
    requests: Arc<Mutex<Vec<Received>>>,
    /// Held by each connection.
    open: Arc<()>,
    task: JoinHandle<()>,
}

/// A received request.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    pub(crate) method: String,
    pub(crate) target: String,
    /// With names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

/// An answer.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: Bytes,
    length: Length,
    end: End,
    piece_bytes: usize,
    pause: Duration,
}

/// The length in the head.
#[derive(Debug, Clone, Copy)]
enum Length {
    True,
    Lie(u64),
    Chunked,
    None,
}

/// The end of the answer.
#[derive(Debug, Clone, Copy)]
enum End {
    Whole,
    CutAfter(usize),
    ResetAfter(usize),
    StallAfter(usize),
    NoAnswer,
}

/// A self-signed certificate.
pub(crate) struct Identity {
    pub(crate) certificate: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
}

impl Identity {
    pub(crate) fn for_names(names: &[&str]) -> Self {
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        let made = rcgen::generate_simple_self_signed(names).unwrap();
        let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
        Self {
            certificate: made.cert.der().clone(),
            key: key.into(),
        }
    }
}

impl Server {
    /// Starts a server whose answers are returned by `handler`, which receives the number of earlier requests, and the
    /// request.
    pub(crate) async fn start(
        handler: impl Fn(usize, &Received) -> Answer + Send + Sync + 'static,
    ) -> Self {
        Self::start_with(None, handler).await
    }

    /// Like [`start`](Self::start), over TLS.
    pub(crate) async fn start_tls(
        identity: &Identity,
        handler: impl Fn(usize, &Received) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![identity.certificate.clone()], identity.key.clone_key())
            .unwrap();
        Self::start_with(Some(TlsAcceptor::from(Arc::new(config))), handler).await
    }

    async fn start_with(
        tls: Option<TlsAcceptor>,
        handler: impl Fn(usize, &Received) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let scheme = if tls.is_some() { "https" } else { "http" };
        let requests = Arc::new(Mutex::new(Vec::new()));
        let handler = Arc::new(handler);
        let kept = Arc::clone(&requests);
        let open = Arc::new(());
        let held = Arc::clone(&open);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (tls, kept, handler) = (tls.clone(), Arc::clone(&kept), Arc::clone(&handler));
                let held = Arc::clone(&held);
                tokio::spawn(async move {
                    let _ = match tls {
                        None => {
                            serve(stream, &kept, handler.as_ref(), |stream| {
                                // Closing with unread or unsent data and no lingering is a reset.
                                let _ = stream.set_zero_linger();
                            })
                            .await
                        }
                        Some(tls) => match tls.accept(stream).await {
                            Ok(stream) => serve(stream, &kept, handler.as_ref(), |_| ()).await,
                            Err(error) => Err(error),
                        },
                    };
                    drop(held);
                });
            }
        });
        Self {
            address,
            scheme,
            requests,
            open,
            task,
        }
    }

    /// Returns the URL of a path, with the address as the host.
    pub(crate) fn url(&self, path: &str) -> Url {
        self.url_as("127.0.0.1", path)
    }

    /// Returns the URL of a path, with that name as the host.
    pub(crate) fn url_as(&self, host: &str, path: &str) -> Url {
        let (scheme, port) = (self.scheme, self.address.port());
        Url::parse(&format!("{scheme}://{host}:{port}{path}")).unwrap()
    }

    /// Returns the number of open connections.
    pub(crate) fn open(&self) -> usize {
        // Two references are the server's own.
        Arc::strong_count(&self.open) - 2
    }

    /// Returns the requests so far.
    pub(crate) fn requests(&self) -> Vec<Received> {
        lock(&self.requests).clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Received {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Returns the first byte of `Range: bytes=N-`.
    pub(crate) fn range_start(&self) -> Option<usize> {
        let range = self.header("range")?.strip_prefix("bytes=")?;
        range.strip_suffix('-')?.parse().ok()
    }
}

impl Answer {
    pub(crate) fn new(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Bytes::new(),
            length: Length::True,
            end: End::Whole,
            piece_bytes: 64 << 10,
            pause: Duration::ZERO,
        }
    }

    pub(crate) fn ok(body: impl Into<Bytes>) -> Self {
        Self::new(200).body(body)
    }

    pub(crate) fn redirect(status: u16, location: impl Into<String>) -> Self {
        Self::new(status).header("Location", location)
    }

    /// The answer of a server with ranges: the whole, or the rest where `If-Range` has the tag.
    pub(crate) fn ranged(request: &Received, body: &Bytes, tag: &str) -> Self {
        let fits = request
            .header("if-range")
            .is_none_or(|wanted| wanted == tag);
        let (status, start) = match request.range_start() {
            Some(start) if fits => (206, start),
            _ => (200, 0),
        };
        let answer = Self::new(status)
            .header("ETag", tag)
            .body(body.slice(start..));
        if status == 200 {
            return answer;
        }
        let (last, total) = (body.len() - 1, body.len());
        answer.header("Content-Range", format!("bytes {start}-{last}/{total}"))
    }

    pub(crate) fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    pub(crate) fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// Ends the connection properly after this number of bytes of the body.
    pub(crate) fn cut_after(mut self, bytes: usize) -> Self {
        self.end = End::CutAfter(bytes);
        self
    }

    /// Resets the connection after this number of bytes of the body.
    pub(crate) fn reset_after(mut self, bytes: usize) -> Self {
        self.end = End::ResetAfter(bytes);
        self
    }

    /// Sends this number of bytes of the body and then nothing, forever.
    pub(crate) fn stall_after(mut self, bytes: usize) -> Self {
        self.end = End::StallAfter(bytes);
        self
    }

    /// Closes the connection without an answer.
    pub(crate) fn nothing() -> Self {
        let mut answer = Self::new(0);
        answer.end = End::NoAnswer;
        answer
    }

    /// Announces another length than the true one.
    pub(crate) fn lie(mut self, bytes: u64) -> Self {
        self.length = Length::Lie(bytes);
        self
    }

    /// Announces no length and ends with the last chunk.
    pub(crate) fn chunked(mut self) -> Self {
        self.length = Length::Chunked;
        self
    }

    /// Announces no length and ends with the connection.
    pub(crate) fn without_length(mut self) -> Self {
        self.length = Length::None;
        self
    }

    /// Sends the body in pieces of this number of bytes with a pause after each.
    pub(crate) fn throttled(mut self, piece_bytes: usize, pause: Duration) -> Self {
        self.piece_bytes = piece_bytes;
        self.pause = pause;
        self
    }

    fn head(&self) -> String {
        let length = match self.length {
            Length::True => format!("Content-Length: {}\r\n", self.body.len()),
            Length::Lie(bytes) => format!("Content-Length: {bytes}\r\n"),
            Length::Chunked => "Transfer-Encoding: chunked\r\n".to_owned(),
            Length::None => String::new(),
        };
        let headers = self.headers.iter();
        let headers: Vec<_> = headers
            .map(|(name, value)| format!("{name}: {value}\r\n"))
            .collect();
        let (status, headers) = (self.status, headers.concat());
        format!("HTTP/1.1 {status} Answer\r\nConnection: close\r\n{headers}{length}\r\n")
    }
}

async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    requests: &Mutex<Vec<Received>>,
    handler: &(dyn Fn(usize, &Received) -> Answer + Send + Sync),
    reset: impl Fn(&S),
) -> std::io::Result<()> {
    let Some(request) = receive(&mut stream).await? else {
        return Ok(());
    };
    let before = {
        let mut requests = lock(requests);
        requests.push(request.clone());
        requests.len() - 1
    };
    let answer = handler(before, &request);
    let sent = match answer.end {
        End::NoAnswer => return Ok(()),
        End::Whole => answer.body.len(),
        End::CutAfter(bytes) | End::ResetAfter(bytes) | End::StallAfter(bytes) => {
            bytes.min(answer.body.len())
        }
    };
    stream.write_all(answer.head().as_bytes()).await?;
    for piece in answer.body.slice(..sent).chunks(answer.piece_bytes) {
        if matches!(answer.length, Length::Chunked) {
            let size = format!("{:x}\r\n", piece.len());
            stream.write_all(size.as_bytes()).await?;
        }
        stream.write_all(piece).await?;
        if matches!(answer.length, Length::Chunked) {
            stream.write_all(b"\r\n").await?;
        }
        if !answer.pause.is_zero() {
            stream.flush().await?;
            tokio::time::sleep(answer.pause).await;
        }
    }
    if matches!((answer.length, answer.end), (Length::Chunked, End::Whole)) {
        stream.write_all(b"0\r\n\r\n").await?;
    }
    stream.flush().await?;
    match answer.end {
        End::StallAfter(_) => {
            // Until the client disconnects.
            let mut byte = [0];
            let _ = stream.read(&mut byte).await;
        }
        End::ResetAfter(_) => reset(&stream),
        _ => stream.shutdown().await?,
    }
    Ok(())
}

async fn receive<S: AsyncRead + Unpin>(stream: &mut S) -> std::io::Result<Option<Received>> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return Ok(None),
        }
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let mut lines = head.lines();
    let mut first = lines.next().unwrap_or_default().split(' ');
    let (method, target) = (first.next().unwrap(), first.next().unwrap_or_default());
    let headers: Vec<_> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect();
    let mut received = Received {
        method: method.to_owned(),
        target: target.to_owned(),
        headers,
        body: Vec::new(),
    };
    let length = received.header("content-length").unwrap_or("0");
    received.body = vec![0; length.parse().unwrap()];
    stream.read_exact(&mut received.body).await?;
    Ok(Some(received))
}

/// Returns a port of the loopback device that refuses connections.
pub(crate) async fn closed_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    listener.local_addr().unwrap().port()
}

/// A server that accepts connections and sends something other than HTTP.
pub(crate) async fn chatter(words: &'static [u8]) -> (u16, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let task = tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let talk = async |stream: &mut TcpStream| {
                let mut seen = [0; 1024];
                let _ = stream.read(&mut seen).await?;
                stream.write_all(words).await
            };
            let _ = talk(&mut stream).await;
        }
    });
    (port, task)
}
