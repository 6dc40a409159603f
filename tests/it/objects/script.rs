//! The script tool runs what lies in a bucket, and says where it came from.

use std::sync::Arc;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use toolhost::backend::local::LocalSettings;
use toolhost::backend::objects::{S3Source, SourceRouter};
use toolhost::capability::ObjectSource;
use toolhost::capability::conformance::objects::Harness as _;
use toolhost::host::{CallRequest, ExecutionId, StepName};

use super::access::{FakeAccess, keys};
use super::harness::{Bucket, client};
use super::servers::s3;
use super::servers::store::{etag, hex};
use crate::guests;

pub(crate) const NAME: &str = "scripts/hello world.sh";
pub(crate) const SCRIPT: &[u8] = b"echo hello from a bucket";

/// Runs that script; gives what the outcome says of it.
pub(crate) async fn runs(kind: &'static str, uri: &str, source: Arc<dyn ObjectSource>) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = LocalSettings::default();
    settings.work_directory = folder.path().join("jobs");
    settings.search_path = std::env::var("PATH").unwrap();
    let objects = SourceRouter::new().with(kind, source);
    let host = guests::local_host_with(folder.path(), settings, objects).await;
    let config = json!({"script": {"uri": uri}, "job": {"backoffLimit": 0}});
    let call = CallRequest::new(
        "script".parse().unwrap(),
        config,
        ExecutionId::new("7"),
        StepName::new("step"),
    );
    let outcome = host.call(call).await.unwrap();
    let output = outcome.text("output");
    assert_eq!(
        output,
        Some("hello from a bucket\n"),
        "{:?}",
        outcome.document()
    );
    let told = outcome.document()["script"].clone();
    assert_eq!(told["uri"], uri);
    assert_eq!(told["bytes"], SCRIPT.len());
    assert_eq!(told["sha256"], hex(&Sha256::digest(SCRIPT)));
    assert!(told["etag"].as_str().unwrap().starts_with('"'), "{told}");
    told
}

#[tokio::test]
async fn the_outcome_says_which_object_ran() {
    let server = Bucket::s3().await;
    let request = server.put(NAME, SCRIPT).await;
    let mut access = keys(s3::KEY, s3::SECRET, None);
    access.region = Some(s3::REGION.to_owned());
    access.endpoint = request.options.endpoint;
    let source = S3Source::new(client()).with_access(Arc::new(FakeAccess::new(access)));
    let told = runs("s3", &request.uri, Arc::new(source)).await;
    assert_eq!(told["etag"], etag(SCRIPT));
    assert_eq!(told["version"], "3HL4kqtJvjVBH40Nrjfkd");
}
