use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use tokio::sync::OnceCell;

use super::literal::check_literal;
use super::proxy::{ProxyHost, ProxySettings, proxies};
use super::resolve::PolicyResolver;
use super::retry::RetryPolicy;
use super::trust::{Trust, trust};
use super::{AddressPolicy, HttpError, Request, Response, shown};

/// Sends requests. Cloning it is cheap, and the clones share connections.
///
/// It follows no redirect: whoever asks decides whom else it would trust. TLS is rustls by ring, with the
/// certificates that the machine trusts; they are read with the first request.
#[derive(Clone)]
pub struct HttpClient {
    settings: Arc<HttpSettings>,
    clients: Arc<OnceCell<Clients>>,
}

/// How requests are sent.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct HttpSettings {
    /// Certificates that are trusted besides those of the machine.
    pub extra_roots: Vec<CertificateDer<'static>>,
    /// The proxies; none where connections are made directly.
    pub proxy: Option<ProxySettings>,
    /// The most that it may take until there is a connection.
    pub connect_timeout: Duration,
    /// The longest time without a byte of an answer.
    pub stall_timeout: Duration,
    /// How often a request is tried.
    pub retry: RetryPolicy,
}

/// One client for each policy, since a connection that one of them made is none for the other.
struct Clients {
    public: reqwest::Client,
    any: reqwest::Client,
    /// The hosts of the proxies.
    proxies: Arc<[ProxyHost]>,
    trust_problem: Option<String>,
}

/// Long enough for a far server on a bad line, short enough to be waited for.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// What sends nothing for so long will not.
const STALL_TIMEOUT: Duration = Duration::from_secs(30);
/// A transfer uses one connection; the second is for what goes on at the same time.
const MAX_IDLE_PER_HOST: usize = 2;
/// Shorter than what servers and load balancers keep connections (60 s), so that none is used that is
/// just being closed.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);
/// More headers than any server sends, in bytes; for HTTP/1 the client's own bound is 100 headers.
const MAX_HEADER_BYTES: u32 = 64 << 10;

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            extra_roots: Vec::new(),
            proxy: None,
            connect_timeout: CONNECT_TIMEOUT,
            stall_timeout: STALL_TIMEOUT,
            retry: RetryPolicy::default(),
        }
    }
}

impl HttpClient {
    /// A client that makes its connections when they are needed.
    #[must_use]
    pub fn new(settings: HttpSettings) -> Self {
        Self {
            settings: Arc::new(settings),
            clients: Arc::default(),
        }
    }

    /// Sends a request once, and returns as soon as the head of the answer is there, whatever its status.
    ///
    /// Waits at most the connect timeout and then the stall timeout; the caller bounds the whole.
    ///
    /// # Errors
    ///
    /// [`HttpError`].
    ///
    /// # Cancel safety
    ///
    /// Dropping the future, or the response, closes the connection.
    pub(crate) async fn send(&self, request: &Request) -> Result<Response, HttpError> {
        let place = shown(&request.url);
        if !matches!(request.url.scheme(), "http" | "https") {
            let why = format!("`{place}` is no `http://` or `https://` URL");
            return Err(HttpError::InvalidRequest { why });
        }
        let clients = self.clients().await?;
        check_literal(&request.url, request.addresses, &clients.proxies)?;
        let sent = clients
            .of(request.addresses)
            .request(request.method.clone(), request.url.clone())
            .headers(request.headers.clone())
            .body(request.body.clone())
            .send();
        match sent.await {
            Ok(inner) => Ok(Response { inner, place }),
            Err(error) => {
                let problem = clients.trust_problem.as_deref();
                let error = HttpError::classify(&error, &place, problem);
                Err(match clients.proxy_of(request.url.scheme()) {
                    Some(proxy) => error.behind(proxy),
                    None => error,
                })
            }
        }
    }

    /// How often something is tried by this client.
    #[must_use]
    pub(crate) fn retry_policy(&self) -> RetryPolicy {
        self.settings.retry
    }

    async fn clients(&self) -> Result<&Clients, HttpError> {
        let making = self.clients.get_or_try_init(|| async {
            let settings = Arc::clone(&self.settings);
            // Reads a few hundred certificates from files.
            let made = tokio::task::spawn_blocking(move || Clients::new(&settings)).await;
            made.unwrap_or_else(|error| Err(error.to_string()))
        });
        making.await.map_err(|why| HttpError::Client { why })
    }
}

impl fmt::Debug for HttpClient {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("HttpClient")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

impl Clients {
    fn new(settings: &HttpSettings) -> Result<Self, String> {
        let Trust { config, problem } = trust(&settings.extra_roots).map_err(|e| e.to_string())?;
        let proxies = settings.proxy.as_ref().map(proxies).transpose()?;
        let (proxies, hosts) = proxies.unwrap_or_default();
        let hosts: Arc<[_]> = hosts.into();
        let client = |policy| {
            let resolver = PolicyResolver {
                policy,
                exempt: Arc::clone(&hosts),
            };
            let mut builder = reqwest::Client::builder()
                .tls_backend_preconfigured(config.clone())
                .dns_resolver(Arc::new(resolver))
                .redirect(reqwest::redirect::Policy::none())
                .retry(reqwest::retry::never())
                .no_proxy()
                .referer(false)
                .user_agent(concat!("toolhost/", env!("CARGO_PKG_VERSION")))
                .connect_timeout(settings.connect_timeout)
                .read_timeout(settings.stall_timeout)
                .pool_max_idle_per_host(MAX_IDLE_PER_HOST)
                .pool_idle_timeout(IDLE_TIMEOUT)
                .http2_max_header_list_size(MAX_HEADER_BYTES);
            for proxy in &proxies {
                builder = builder.proxy(proxy.clone());
            }
            // What it says of itself holds no URL.
            builder
                .build()
                .map_err(|error| error.without_url().to_string())
        };
        Ok(Self {
            public: client(AddressPolicy::Public)?,
            any: client(AddressPolicy::Any)?,
            proxies: hosts,
            trust_problem: problem,
        })
    }

    /// The proxy for a scheme.
    fn proxy_of(&self, scheme: &str) -> Option<&ProxyHost> {
        self.proxies.iter().find(|proxy| proxy.scheme == scheme)
    }

    fn of(&self, addresses: AddressPolicy) -> &reqwest::Client {
        match addresses {
            AddressPolicy::Public => &self.public,
            AddressPolicy::Any => &self.any,
        }
    }
}
