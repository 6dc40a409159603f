//! Sources against real servers, which have to be started first: S3 by the variables
//! `TOOLHOST_TEST_S3_ENDPOINT`, `TOOLHOST_TEST_S3_REGION`, `TOOLHOST_TEST_S3_KEY` and
//! `TOOLHOST_TEST_S3_SECRET` with the bucket `bucket-name`, Google Cloud Storage by
//! `TOOLHOST_TEST_GCS_ENDPOINT` with the bucket `my-bucket`.
//!
//! `cargo test -p toolhost-cli --test it objects::real -- --ignored` runs them.

use std::net::SocketAddr;
use std::sync::Arc;

use async_trait::async_trait;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, Method};
use object_store::aws::{AwsAuthorizer, AwsCredential};
use object_store::client::{HttpRequest, HttpRequestBody};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use toolhost::backend::objects::{GcsSource, S3Source};
use toolhost::capability::conformance::objects::{self, BadLine, Harness};
use toolhost::capability::{Access, FetchRequest, ObjectSource, Reason};

use super::access::{FakeAccess, keys, nothing};
use super::command;
use super::harness::{Lines, client, request};
use super::script::{NAME, SCRIPT, runs};
use super::servers::store::escaped;

const BUCKET_OF_S3: &str = "bucket-name";
const BUCKET_OF_GCS: &str = "my-bucket";

fn variable(name: &str) -> String {
    std::env::var(name).expect("the variables of the servers are set, see above")
}

fn address(endpoint: &str) -> SocketAddr {
    endpoint.strip_prefix("http://").unwrap().parse().unwrap()
}

async fn send(method: Method, url: &str, headers: HeaderMap, body: &[u8]) {
    // Fails if another test has installed it.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let request = reqwest::Client::new()
        .request(method, url)
        .headers(headers)
        .header(CONTENT_TYPE, "application/octet-stream")
        .body(body.to_vec());
    let answer = request.send().await.unwrap();
    let status = answer.status();
    let text = answer.text().await.unwrap();
    assert!(status.is_success(), "{url}: {status} {text}");
}

struct S3 {
    source: S3Source,
    endpoint: String,
    lines: Lines,
}

impl S3 {
    fn new() -> Self {
        Self::with(right_keys())
    }

    fn with(access: Access) -> Self {
        Self {
            source: S3Source::new(client()).with_access(Arc::new(FakeAccess::new(access))),
            endpoint: variable("TOOLHOST_TEST_S3_ENDPOINT"),
            lines: Lines::default(),
        }
    }

    fn request(&self, bucket: &str, key: &str) -> FetchRequest {
        request(&format!("s3://{bucket}/{key}"), Some(&self.endpoint))
    }
}

fn right_keys() -> Access {
    let secret = variable("TOOLHOST_TEST_S3_SECRET");
    let mut access = keys(&variable("TOOLHOST_TEST_S3_KEY"), &secret, None);
    access.region = Some(variable("TOOLHOST_TEST_S3_REGION"));
    access
}

#[async_trait]
impl Harness for S3 {
    fn source(&self) -> &dyn ObjectSource {
        &self.source
    }

    async fn put(&self, name: &str, bytes: &[u8]) -> FetchRequest {
        let url = format!("{}/{BUCKET_OF_S3}/{}", self.endpoint, escaped(name));
        let credential = AwsCredential {
            key_id: variable("TOOLHOST_TEST_S3_KEY"),
            secret_key: variable("TOOLHOST_TEST_S3_SECRET"),
            token: None,
        };
        let body = HttpRequestBody::from(bytes.to_vec());
        let mut put: HttpRequest = http::Request::put(&url).body(body).unwrap();
        let region = variable("TOOLHOST_TEST_S3_REGION");
        AwsAuthorizer::new(&credential, "s3", &region)
            .try_authorize(&mut put, Some(&Sha256::digest(bytes)))
            .unwrap();
        let headers = put.headers().clone();
        send(Method::PUT, &url, headers, bytes).await;
        self.request(BUCKET_OF_S3, name)
    }

    async fn missing(&self) -> FetchRequest {
        self.request(BUCKET_OF_S3, "conformance/missing.py")
    }

    /// A user with the keys of the server may read everything.
    async fn forbidden(&self) -> Option<FetchRequest> {
        None
    }

    async fn over(&self, mut request: FetchRequest, line: BadLine) -> Option<FetchRequest> {
        request.options.endpoint = Some(self.lines.add(address(&self.endpoint), line).await);
        Some(request)
    }

    async fn open_connections(&self) -> usize {
        self.lines.open()
    }
}

struct Gcs {
    source: GcsSource,
    endpoint: String,
    lines: Lines,
}

impl Gcs {
    fn new() -> Self {
        Self {
            source: GcsSource::new(client()).with_access(Arc::new(FakeAccess::new(nothing()))),
            endpoint: variable("TOOLHOST_TEST_GCS_ENDPOINT"),
            lines: Lines::default(),
        }
    }

    fn request(&self, key: &str) -> FetchRequest {
        request(&format!("gs://{BUCKET_OF_GCS}/{key}"), Some(&self.endpoint))
    }
}

#[async_trait]
impl Harness for Gcs {
    fn source(&self) -> &dyn ObjectSource {
        &self.source
    }

    async fn put(&self, name: &str, bytes: &[u8]) -> FetchRequest {
        let name_in_query = escaped(name).replace('/', "%2F");
        let url = format!(
            "{}/upload/storage/v1/b/{BUCKET_OF_GCS}/o?uploadType=media&name={name_in_query}",
            self.endpoint
        );
        send(Method::POST, &url, HeaderMap::new(), bytes).await;
        self.request(name)
    }

    async fn missing(&self) -> FetchRequest {
        self.request("conformance/missing.py")
    }

    /// The server checks no token.
    async fn forbidden(&self) -> Option<FetchRequest> {
        None
    }

    async fn over(&self, mut request: FetchRequest, line: BadLine) -> Option<FetchRequest> {
        let server = address(&self.endpoint);
        request.options.endpoint = Some(self.lines.add_renaming(server, true, line).await);
        Some(request)
    }

    async fn open_connections(&self) -> usize {
        self.lines.open()
    }
}

#[tokio::test]
#[ignore = "skipped: needs a server, see TOOLHOST_TEST_S3_ENDPOINT in tests/it/objects/real.rs"]
async fn a_real_s3_is_a_source_that_conforms() {
    objects::run_all(&S3::new()).await;
}

#[tokio::test]
#[ignore = "skipped: needs a server, see TOOLHOST_TEST_GCS_ENDPOINT in tests/it/objects/real.rs"]
async fn a_real_google_cloud_storage_is_a_source_that_conforms() {
    objects::run_all(&Gcs::new()).await;
}

#[tokio::test]
#[ignore = "skipped: needs a server, see TOOLHOST_TEST_S3_ENDPOINT in tests/it/objects/real.rs"]
async fn a_real_s3_says_whose_fault_it_is() {
    let there = S3::new().put("conformance/there.py", b"print(1)").await;
    let elsewhere = {
        let mut access = right_keys();
        access.region = Some("eu-central-1".to_owned());
        access
    };
    let keys_in_region = |key: &str, secret: &str| {
        let mut access = keys(key, secret, None);
        access.region = Some(variable("TOOLHOST_TEST_S3_REGION"));
        access
    };
    let key = variable("TOOLHOST_TEST_S3_KEY");
    let bucket = S3::new().request("no-such-bucket", "a.py");
    for (access, request, reason, message) in [
        (
            right_keys(),
            bucket,
            Reason::BucketNotFound,
            "`no-such-bucket`",
        ),
        (
            nothing(),
            there.clone(),
            Reason::FetchDenied,
            "AccessDenied",
        ),
        (
            keys_in_region("unknown-key", "secret"),
            there.clone(),
            Reason::FetchDenied,
            "the access key of the credential `aws_test`",
        ),
        (
            keys_in_region(&key, "wrong"),
            there.clone(),
            Reason::FetchDenied,
            "SignatureDoesNotMatch",
        ),
        (elsewhere, there.clone(), Reason::WrongRegion, "`us-west-2`"),
    ] {
        let error = S3::with(access).source.fetch(request).await.unwrap_err();
        assert_eq!(error.explanation.reason, reason, "{error}");
        assert!(
            error.explanation.message.contains(message),
            "no `{message}` in: {error}"
        );
    }
}

#[tokio::test]
#[ignore = "skipped: needs a server, see TOOLHOST_TEST_S3_ENDPOINT in tests/it/objects/real.rs"]
async fn a_script_of_a_real_s3_runs() {
    let s3 = S3::new();
    let request = s3.put(NAME, SCRIPT).await;
    let mut access = right_keys();
    access.endpoint = Some(s3.endpoint.clone());
    let source = S3Source::new(client()).with_access(Arc::new(FakeAccess::new(access)));
    runs("s3", &request.uri, Arc::new(source)).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "skipped: needs a server, see TOOLHOST_TEST_S3_ENDPOINT in tests/it/objects/real.rs"]
async fn a_script_of_a_real_s3_runs_on_the_command_line() {
    let s3 = S3::new();
    let request = s3.put(NAME, SCRIPT).await;
    let secret = variable("TOOLHOST_TEST_S3_SECRET");
    let source = json!({
        "uri": request.uri,
        "source": {
            "type": "s3",
            "region": variable("TOOLHOST_TEST_S3_REGION"),
            "auth": "aws_credentials",
        },
    });
    let credentials = json!({"aws_credentials": {
        "type": "aws",
        "access_key_id": variable("TOOLHOST_TEST_S3_KEY"),
        "secret_access_key": secret,
        "endpoint": s3.endpoint,
    }});
    let outcome = command::run(&source, &credentials, &secret);
    assert_eq!(outcome["output"], "hello from a bucket\n", "{outcome}");
    assert!(outcome["script"]["etag"].is_string(), "{outcome}");
}

#[tokio::test]
#[ignore = "skipped: needs a server, see TOOLHOST_TEST_GCS_ENDPOINT in tests/it/objects/real.rs"]
async fn a_script_of_a_real_google_cloud_storage_runs() {
    let gcs = Gcs::new();
    let request = gcs.put(NAME, SCRIPT).await;
    let mut access = nothing();
    access.endpoint = Some(gcs.endpoint.clone());
    let source = GcsSource::new(client()).with_access(Arc::new(FakeAccess::new(access)));
    let told = runs("gcs", &request.uri, Arc::new(source)).await;
    assert!(told["version"].is_string(), "{told}");
}
