//! Sources with servers behind them, for the suite.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use toolhost::backend::objects::{FileSource, GcsSource, HttpSource, S3Source};
use toolhost::backend::{HttpClient, HttpSettings};
use toolhost::capability::conformance::objects::{BadLine, Harness};
use toolhost::capability::{FetchOptions, FetchPolicy, FetchRequest, ObjectSource};

use super::access::{FakeAccess, keys, token};
use super::servers::bucket::BucketServer;
use super::servers::gcs;
use super::servers::line::{Fault, Line};
use super::servers::s3;
use super::servers::store::escaped;
use super::servers::{Response, Server, Store};

/// The bad line of a harness; the next one takes its place.
#[derive(Default)]
pub(crate) struct Lines(Mutex<Option<Line>>);

impl Lines {
    /// A line to that server; gives its URL.
    pub(crate) async fn add(&self, server: SocketAddr, bad: BadLine) -> String {
        self.add_renaming(server, false, bad).await
    }

    /// The same, to a server that answers to its own address alone where `renames` is set.
    pub(crate) async fn add_renaming(
        &self,
        server: SocketAddr,
        renames: bool,
        bad: BadLine,
    ) -> String {
        let (faults, last) = match bad {
            BadLine::Cuts(cuts) => (cuts.into_iter().map(Fault::Cut).collect(), Fault::None),
            BadLine::Stalls(after) => (Vec::new(), Fault::Stall(after)),
        };
        let line = Line::renaming(server, renames, faults, last).await;
        let url = line.url();
        *self.0.lock().unwrap() = Some(line);
        url
    }

    pub(crate) fn open(&self) -> usize {
        self.0.lock().unwrap().as_ref().map_or(0, Line::open)
    }
}

pub(crate) fn client() -> HttpClient {
    HttpClient::new(HttpSettings::default())
}

/// A request that may go to this machine.
pub(crate) fn request(uri: &str, endpoint: Option<&str>) -> FetchRequest {
    let mut options = FetchOptions::default();
    options.endpoint = endpoint.map(str::to_owned);
    options.policy = Arc::new(FetchPolicy::everything());
    FetchRequest {
        uri: uri.to_owned(),
        options,
    }
}

/// Files of a folder.
pub(crate) struct Files {
    source: FileSource,
    folder: tempfile::TempDir,
}

impl Files {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let source = FileSource::new(folder.path(), folder.path());
        Self { source, folder }
    }
}

#[async_trait]
impl Harness for Files {
    fn source(&self) -> &dyn ObjectSource {
        &self.source
    }

    async fn put(&self, name: &str, bytes: &[u8]) -> FetchRequest {
        let path = self.folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
        request(name, None)
    }

    async fn missing(&self) -> FetchRequest {
        request("missing.py", None)
    }

    async fn forbidden(&self) -> Option<FetchRequest> {
        Some(request("/etc/passwd", None))
    }

    async fn over(&self, _: FetchRequest, _: BadLine) -> Option<FetchRequest> {
        None
    }

    async fn open_connections(&self) -> usize {
        0
    }
}

/// A bucket of a server of the tests.
pub(crate) struct Bucket {
    pub(crate) server: BucketServer,
    source: Box<dyn ObjectSource>,
    scheme: &'static str,
    lines: Lines,
}

impl Bucket {
    pub(crate) async fn s3() -> Self {
        let mut access = keys(s3::KEY, s3::SECRET, None);
        access.region = Some(s3::REGION.to_owned());
        let source = S3Source::new(client()).with_access(Arc::new(FakeAccess::new(access)));
        Self::new(s3::start().await, Box::new(source), "s3")
    }

    pub(crate) async fn gcs() -> Self {
        let server = gcs::start().await;
        server.token("ya29.valid", true);
        let access = FakeAccess::new(token("ya29.valid"));
        let source = GcsSource::new(client()).with_access(Arc::new(access));
        Self::new(server, Box::new(source), "gs")
    }

    fn new(server: BucketServer, source: Box<dyn ObjectSource>, scheme: &'static str) -> Self {
        server.store.put("bucket", "there", "");
        Self {
            server,
            source,
            scheme,
            lines: Lines::default(),
        }
    }

    pub(crate) fn request(&self, key: &str) -> FetchRequest {
        let uri = format!("{}://bucket/{key}", self.scheme);
        request(&uri, Some(&self.server.url()))
    }
}

#[async_trait]
impl Harness for Bucket {
    fn source(&self) -> &dyn ObjectSource {
        self.source.as_ref()
    }

    async fn put(&self, name: &str, bytes: &[u8]) -> FetchRequest {
        self.server.store.put("bucket", name, bytes);
        self.request(name)
    }

    async fn missing(&self) -> FetchRequest {
        self.request("missing.py")
    }

    async fn forbidden(&self) -> Option<FetchRequest> {
        self.server.store.deny("forbidden.py");
        Some(self.request("forbidden.py"))
    }

    async fn over(&self, mut request: FetchRequest, line: BadLine) -> Option<FetchRequest> {
        request.options.endpoint = Some(self.lines.add(self.server.address(), line).await);
        Some(request)
    }

    async fn open_connections(&self) -> usize {
        self.lines.open()
    }
}

/// A server that knows nothing but HTTP.
pub(crate) struct Web {
    server: Server,
    store: Arc<Store>,
    source: HttpSource,
    lines: Lines,
}

impl Web {
    pub(crate) async fn new() -> Self {
        let store = Arc::new(Store::default());
        let server = {
            let store = Arc::clone(&store);
            Server::start(move |request| {
                if request.target.ends_with("/forbidden.py") {
                    return Response::new(403, "no");
                }
                let found = store.get(&request);
                found.unwrap_or_else(|(status, _)| Response::new(status, ""))
            })
        };
        Self {
            server: server.await,
            store,
            source: HttpSource::new(client()),
            lines: Lines::default(),
        }
    }

    fn request(&self, name: &str) -> FetchRequest {
        request(
            &format!("{}/files/{}", self.server.url(), escaped(name)),
            None,
        )
    }
}

#[async_trait]
impl Harness for Web {
    fn source(&self) -> &dyn ObjectSource {
        &self.source
    }

    async fn put(&self, name: &str, bytes: &[u8]) -> FetchRequest {
        self.store.put("files", name, bytes);
        self.request(name)
    }

    async fn missing(&self) -> FetchRequest {
        self.request("missing.py")
    }

    async fn forbidden(&self) -> Option<FetchRequest> {
        Some(self.request("forbidden.py"))
    }

    async fn over(&self, mut request: FetchRequest, line: BadLine) -> Option<FetchRequest> {
        let url = self.lines.add(self.server.address, line).await;
        request.uri = request.uri.replace(&self.server.url(), &url);
        Some(request)
    }

    async fn open_connections(&self) -> usize {
        self.lines.open()
    }
}
