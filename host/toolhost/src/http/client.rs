use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::OnceCell;

use super::literal::check_literal;
use super::proxy::{ProxyHost, ProxySettings, proxies};
use super::resolve::PolicyResolver;
use super::retry::RetryPolicy;
use super::trust::{RootCertificate, Trust, trust};
use super::{AddressPolicy, HttpError, Request, Response, shown};

/// Sends requests. Cloning it is cheap, and the clones share connections.
///
/// It follows no redirect: the caller decides which other servers it trusts. TLS is rustls by ring, with the
/// certificates that the machine trusts; they are read with the first request.
#[derive(Clone)]
pub struct HttpClient {
    settings: Arc<HttpSettings>,
    clients: Arc<OnceCell<Clients>>,
}

/// Settings of the client.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct HttpSettings {
    /// Trusted certificates in addition to those of the machine.
    pub extra_roots: Vec<RootCertificate>,
    /// The proxies; none for direct connections.
    pub proxy: Option<ProxySettings>,
    /// Time limit for connecting.
    pub connect_timeout: Duration,
    /// The longest time without a byte of an answer.
    pub stall_timeout: Duration,
    /// Retry policy of a request.
    pub retry: RetryPolicy,
}

/// One client for each policy, since a connection of one policy must not be used for the other.
struct Clients {
    public: reqwest::Client,
    any: reqwest::Client,
    /// The hosts of the proxies.
    proxies: Arc<[ProxyHost]>,
    trust_problem: Option<String>,
}

/// Long enough for a distant server on a bad connection, short enough to wait for.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// A server that sends nothing for this time is considered dead.
const STALL_TIMEOUT: Duration = Duration::from_secs(30);
/// A transfer uses one connection; the second is for a concurrent one.
const MAX_IDLE_PER_HOST: usize = 2;
/// Shorter than the keep-alive of servers and load balancers (60 s), so that no connection is used that is just being
/// closed.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);
/// More headers than any server sends, in bytes; for HTTP/1 the client's own limit is 100 headers.
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
    /// Creates a client that connects when needed.
    #[must_use]
    pub fn new(settings: HttpSettings) -> Self {
        Self {
            settings: Arc::new(settings),
            clients: Arc::default(),
        }
    }

    /// Sends a request once, and returns as soon as the head of the answer has arrived, whatever its status.
    ///
    /// Waits at most the connect timeout and then the stall timeout; the caller limits the total time.
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
            let why = format!("invalid URL `{place}`: expected `http://` or `https://`");
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

    /// Returns the retry policy of this client.
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
            // Its own message contains no URL.
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

    /// Returns the proxy for a scheme.
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
