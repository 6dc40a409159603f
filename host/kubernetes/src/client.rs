use std::thread;
use std::time::Duration;

use http::header::{HeaderValue, USER_AGENT};
use hyper_util::client::legacy::Client as HyperClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use jiff::Timestamp;
use kube::client::middleware::AuthLayer;
use kube::client::{Body, ConfigExt as _};
use kube::{Client, Config};
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::timeout;
use toolhost_capability::{Backoff, Jitter};
use tower::ServiceBuilder;

use super::answer::answered;
use super::diagnosis::LoginFailed;
use super::kubeconfig::{self, ConnectError};
use super::settings::ClusterSettings;
use super::transport::{self, Transport};

use std::sync::Arc;

/// The user agent of this host, as it appears in the server's audit log.
const AGENT: &str = concat!("toolhost/", env!("CARGO_PKG_VERSION"));
/// Limit for opening a connection: a server in the same network answers within milliseconds, and one that is gone
/// should be noticed soon.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Interval of pings over a silent connection, and the limit for their answer. Watches and logs are silent for hours,
/// and a lost peer sends nothing.
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(30);
const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(20);
/// Number of logs that are followed over one connection. An API server with few resources accepts 100 streams a
/// connection (`--http2-max-streams-per-connection`, 250 by default), and further ones wait in the client without an
/// error.
const LOGS_PER_CONNECTION: usize = 90;
/// Number of logs from which on following is restricted: people do not read more of them while they are written.
const MANY_LOGS: usize = 32;
/// Maximum number of concurrent short requests over one connection, for the same reason. A thousand concurrent jobs
/// must not become a thousand concurrent requests for the server either.
const MAX_REQUESTS: usize = 64;

/// Flow control window of a connection. The API server closes a watch that does not accept its data, some twenty
/// events, within a tenth of a second, and restarting the watch is the most expensive request for the server. An event
/// has 5 to 10 KB, and a thousand jobs that start together cause some ten thousand events.
const WINDOW_BYTES: u32 = 4 << 20;

/// Limit for a credential plugin: some open a browser, where a person types.
const LOGIN_TIMEOUT: Duration = Duration::from_mins(5);

/// Connections to one API server.
pub(super) struct Connection {
    server: Server,
    requests: Client,
    request_timeout: Duration,
    in_flight: Arc<Semaphore>,
    logs: Mutex<Vec<LogClient>>,
}

/// Where requests are sent.
enum Server {
    /// Over the network.
    Remote(Box<Remote>),
    /// In this process.
    Local(Arc<dyn Transport>),
}

/// A server over the network.
struct Remote {
    config: Config,
    login: Login,
}

/// The credentials for the server, and what authenticates the server. They are shared by all connections, since a
/// credential plugin of the kubeconfig may have to run for them.
struct Login {
    tls: rustls::ClientConfig,
    authorization: Option<AuthLayer>,
}

/// A connection over which logs are followed.
struct LogClient {
    client: Client,
    streams: Arc<Semaphore>,
}

impl Connection {
    /// Reads the configuration. Sends no request.
    pub(super) async fn new(settings: &ClusterSettings) -> Result<Self, ConnectError> {
        let mut config = kubeconfig::read(settings).await?;
        config
            .headers
            .push((USER_AGENT, HeaderValue::from_static(AGENT)));
        let request_timeout = settings.request_timeout;
        let login = login(&config).await?;
        let remote = Box::new(Remote { config, login });
        Self::to(Server::Remote(remote), request_timeout)
    }

    /// Sends requests through a transport of this process.
    pub(super) fn over(
        transport: Arc<dyn Transport>,
        settings: &ClusterSettings,
    ) -> Result<Self, ConnectError> {
        Self::to(Server::Local(transport), settings.request_timeout)
    }

    fn to(server: Server, request_timeout: Duration) -> Result<Self, ConnectError> {
        let requests = server.client(Some(request_timeout))?;
        Ok(Self {
            server,
            requests,
            request_timeout,
            in_flight: Arc::new(Semaphore::new(MAX_REQUESTS)),
            logs: Mutex::default(),
        })
    }

    /// The namespace of the configuration's context.
    pub(super) fn default_namespace(&self) -> &str {
        match &self.server {
            Server::Remote(remote) => &remote.config.default_namespace,
            Server::Local(_) => transport::NAMESPACE,
        }
    }

    /// The server's address, for messages.
    pub(super) fn server(&self) -> String {
        match &self.server {
            Server::Remote(remote) => remote.config.cluster_url.to_string(),
            Server::Local(_) => transport::SERVER.to_owned(),
        }
    }

    /// The time of this host, as it is compared with the times of objects.
    pub(super) fn now(&self) -> Timestamp {
        match &self.server {
            Server::Remote(_) => Timestamp::now(),
            Server::Local(transport) => transport.now().try_into().unwrap_or(Timestamp::MAX),
        }
    }

    /// Returns delays between requests, from `first` to `longest`. Half of each is random, except over a transport of
    /// this process, whose runs can be repeated.
    pub(super) fn backoff(&self, first: Duration, longest: Duration) -> Backoff {
        let jitter = match &self.server {
            Server::Remote(_) => Jitter::Half,
            Server::Local(_) => Jitter::None,
        };
        Backoff::new(first, longest, jitter)
    }

    /// Returns the client for short requests.
    pub(super) fn client(&self) -> Client {
        self.requests.clone()
    }

    /// Returns a client for one watch. On a connection with others it would wait for their turn.
    pub(super) fn watch_client(&self) -> Result<Client, ConnectError> {
        self.connect(Some(self.request_timeout))
    }

    fn connect(&self, timeout: Option<Duration>) -> Result<Client, ConnectError> {
        self.server.client(timeout)
    }

    /// Limit for one request.
    pub(super) fn request_timeout(&self) -> Duration {
        self.request_timeout
    }

    /// Waits until one more short request may be sent.
    pub(super) async fn request_slot(&self) -> Option<OwnedSemaphorePermit> {
        // The semaphore is never closed, so there is always a permit; without one the request is sent anyway.
        Arc::clone(&self.in_flight).acquire_owned().await.ok()
    }

    /// Whether so many logs are followed that one more is expensive.
    pub(super) async fn follows_many(&self) -> bool {
        let logs = self.logs.lock().await;
        let followed = |log: &LogClient| LOGS_PER_CONNECTION - log.streams.available_permits();
        logs.iter().map(followed).sum::<usize>() >= MANY_LOGS
    }

    /// Returns a client to follow one log with; its stream is free again when the permit is dropped.
    pub(super) async fn log_client(&self) -> Result<(Client, OwnedSemaphorePermit), ConnectError> {
        let mut logs = self.logs.lock().await;
        for log in logs.iter() {
            if let Ok(permit) = Arc::clone(&log.streams).try_acquire_owned() {
                return Ok((log.client.clone(), permit));
            }
        }
        let log = LogClient {
            // The answer begins with the first byte that the container writes.
            client: self.connect(None)?,
            streams: Arc::new(Semaphore::new(LOGS_PER_CONNECTION)),
        };
        let permit = Arc::clone(&log.streams).acquire_owned().await;
        let permit = permit.map_err(|error| ConnectError::Unusable(error.to_string()))?;
        let client = log.client.clone();
        logs.push(log);
        Ok((client, permit))
    }
}

impl Server {
    fn client(&self, timeout: Option<Duration>) -> Result<Client, ConnectError> {
        match self {
            Self::Remote(remote) => client(&remote.config, &remote.login, timeout),
            Self::Local(transport) => Ok(transport::client(transport, timeout)),
        }
    }
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let server = self.server();
        formatter
            .debug_struct("Connection")
            .field("server", &server)
            .finish_non_exhaustive()
    }
}

/// Runs the kubeconfig's credential plugin, where it has one: once for a certificate, and once for a token.
async fn login(config: &Config) -> Result<Login, ConnectError> {
    let config = config.clone();
    let (sender, receiver) = oneshot::channel();
    // In a thread of its own, which is not joined: the program may never end.
    let thread = thread::Builder::new().name("toolhost-login".to_owned());
    let started = thread.spawn(move || {
        let make = || {
            Ok::<_, kube::Error>(Login {
                tls: config.rustls_client_config()?,
                authorization: config.auth_layer()?,
            })
        };
        // The receiver is gone if the limit has passed.
        let _ = sender.send(make());
    });
    started.map_err(|error| ConnectError::Login(error.to_string()))?;
    match timeout(LOGIN_TIMEOUT, receiver).await {
        Ok(Ok(login)) => Ok(login?),
        Ok(Err(_)) => Err(ConnectError::Login(
            "the credentials could not be created".to_owned(),
        )),
        Err(_) => {
            let problem = format!("its credential plugin did not end within {LOGIN_TIMEOUT:?}");
            Err(ConnectError::Login(problem))
        }
    }
}

/// Creates a client over one connection, where the server speaks HTTP/2.
///
/// kube's own client speaks HTTP/1.1 only: a connection, with its handshake and its buffers, for each log and each
/// watch. It also retries what the server could not answer, fifteen times and for any request, which is decided request
/// by request here.
///
/// An answer that does not begin within `timeout` is an error: a connection survives a missing answer, and so does a
/// watch, the beginning of whose answer has no other limit.
///
/// At most [`WINDOW_BYTES`] of answers are in flight. The window does not adapt to the connection: that takes a ping
/// for each piece of data, and each ping costs the server as much as the line that it came with.
fn client(
    config: &Config,
    login: &Login,
    timeout: Option<Duration>,
) -> Result<Client, ConnectError> {
    let mut connector = HttpConnector::new();
    connector.enforce_http(false);
    connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
    connector.set_keepalive(Some(KEEP_ALIVE_INTERVAL));
    connector.set_nodelay(true);
    let builder = hyper_rustls::HttpsConnectorBuilder::new()
        .with_tls_config(login.tls.clone())
        .https_or_http();
    let builder = match config
        .tls_server_name
        .as_ref()
        .map(|name| name.clone().try_into())
    {
        Some(Ok(name)) => {
            builder.with_server_name_resolver(hyper_rustls::FixedServerNameResolver::new(name))
        }
        Some(Err(_)) => {
            let problem = "invalid `tls-server-name`: expected the name of a server";
            return Err(ConnectError::Unusable(problem.to_owned()));
        }
        None => builder,
    };
    let connector = builder
        .enable_http1()
        .enable_http2()
        .wrap_connector(connector);
    let http: HyperClient<_, Body> = HyperClient::builder(TokioExecutor::new())
        .timer(TokioTimer::new())
        .pool_timer(TokioTimer::new())
        .http2_keep_alive_interval(KEEP_ALIVE_INTERVAL)
        .http2_keep_alive_timeout(KEEP_ALIVE_TIMEOUT)
        .http2_initial_stream_window_size(WINDOW_BYTES)
        .http2_initial_connection_window_size(WINDOW_BYTES)
        .build(connector);
    let service = ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .map_err(LoginFailed::instead_of)
        .option_layer(login.authorization.as_ref())
        .layer(config.extra_headers_layer()?)
        .map_future(move |answer| answered(answer, timeout))
        .service(http);
    Ok(Client::new(service, config.default_namespace.clone()))
}
