//! A proxy that breaks a real API server for one client.

use std::io;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::http::request::Parts;
use hyper::http::uri::PathAndQuery;
use hyper::{Request, Uri};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

use crate::body::Answer;
use crate::kubeconfig::{KubeconfigError, Upstream};
use crate::layer::{Faults, Layer, Listener, Requests};
use crate::server::kubeconfig;

/// Headers that are of one connection, and not of what it carries.
const HOP_BY_HOP: [HeaderName; 5] = [
    header::CONNECTION,
    header::TRANSFER_ENCODING,
    header::TE,
    header::TRAILER,
    header::UPGRADE,
];

type HttpClient = Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

/// A proxy in front of a real API server: plain HTTP on a loopback port, TLS behind it.
///
/// It does not carry what upgrades the connection, such as `exec`.
#[derive(Debug)]
pub struct FaultProxy {
    listener: Listener,
    layer: Arc<Layer>,
    namespace: String,
}

impl FaultProxy {
    /// Starts a proxy for the server and the user of a kubeconfig's current context.
    ///
    /// # Errors
    ///
    /// When the file is missing or of no use, or there is no port.
    pub async fn start(kubeconfig: &Path) -> io::Result<Self> {
        Self::before(Upstream::read(kubeconfig).map_err(io::Error::other)?).await
    }

    /// As [`FaultProxy::start`], with the text of a kubeconfig.
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn start_with(kubeconfig: &str) -> io::Result<Self> {
        let upstream = Upstream::parse(kubeconfig, Path::new("."));
        Self::before(upstream.map_err(io::Error::other)?).await
    }

    async fn before(upstream: Upstream) -> io::Result<Self> {
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls(&upstream).map_err(io::Error::other)?)
            .https_or_http()
            .enable_http1()
            .build();
        let client: HttpClient = Client::builder(TokioExecutor::new()).build(connector);
        let namespace = upstream.namespace.clone();
        let upstream = Arc::new(upstream);
        let layer = Arc::new(Layer::new(move |head, _, body| {
            let (client, upstream) = (client.clone(), Arc::clone(&upstream));
            Box::pin(async move { forward(&client, &upstream, head, body).await })
        }));
        Ok(Self {
            listener: Listener::start(Arc::clone(&layer)).await?,
            layer,
            namespace,
        })
    }

    /// Where the proxy listens: `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        self.listener.url()
    }

    /// A kubeconfig for this proxy, with the namespace of the original one.
    #[must_use]
    pub fn kubeconfig(&self) -> String {
        kubeconfig(&self.url(), &self.namespace)
    }

    /// What was asked for.
    #[must_use]
    pub fn requests(&self) -> &Requests {
        &self.layer.requests
    }

    /// The faults to inject.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.layer.faults
    }

    /// Takes the proxy down: connections break, and new ones are closed at once.
    pub fn go_down(&self) {
        self.listener.set_up(false);
    }

    /// Takes the proxy up again, on the same port.
    pub fn come_up(&self) {
        self.listener.set_up(true);
    }
}

async fn forward(
    client: &HttpClient,
    upstream: &Upstream,
    head: Parts,
    body: Bytes,
) -> io::Result<Answer> {
    let path = head.uri.path_and_query().map_or("/", PathAndQuery::as_str);
    let uri: Uri = format!("{}{path}", upstream.server)
        .parse()
        .map_err(io::Error::other)?;
    let mut request = Request::new(Full::new(body));
    *request.method_mut() = head.method;
    *request.uri_mut() = uri;
    let headers = request.headers_mut();
    *headers = head.headers;
    remove_hop_by_hop(headers);
    // The client of the proxy is anonymous: requests have the user of the proxy.
    for name in [header::HOST, header::AUTHORIZATION, header::CONTENT_LENGTH] {
        headers.remove(name);
    }
    if let Some(token) = &upstream.token {
        let mut token =
            HeaderValue::try_from(format!("Bearer {token}")).map_err(io::Error::other)?;
        token.set_sensitive(true);
        headers.insert(header::AUTHORIZATION, token);
    }
    let mut answer = client.request(request).await.map_err(io::Error::other)?;
    remove_hop_by_hop(answer.headers_mut());
    Ok(answer.map(|body| body.map_err(io::Error::other).boxed_unsync()))
}

fn remove_hop_by_hop(headers: &mut HeaderMap) {
    for name in HOP_BY_HOP {
        headers.remove(name);
    }
}

fn tls(upstream: &Upstream) -> Result<ClientConfig, Box<dyn std::error::Error + Send + Sync>> {
    let mut roots = RootCertStore::empty();
    if let Some(authority) = &upstream.authority {
        for certificate in CertificateDer::pem_slice_iter(authority) {
            roots.add(certificate?)?;
        }
    } else if upstream.server.starts_with("https:") {
        let message = "the kubeconfig has no certificate authority; the proxy trusts no other";
        return Err(Box::new(KubeconfigError::new(message)));
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots);
    Ok(match &upstream.certificate {
        Some((certificate, key)) => {
            let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(certificate).collect();
            builder.with_client_auth_cert(chain?, PrivateKeyDer::from_pem_slice(key)?)?
        }
        None => builder.with_no_client_auth(),
    })
}
