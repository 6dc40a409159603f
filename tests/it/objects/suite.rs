//! Every source passes the suite.

use toolhost::backend::objects::conformance;

use super::harness::{Bucket, Files, Web};

#[tokio::test]
async fn files_are_a_source_that_conforms() {
    conformance::run_all(&Files::new()).await;
}

#[tokio::test]
async fn s3_is_a_source_that_conforms() {
    conformance::run_all(&Bucket::s3().await).await;
}

#[tokio::test]
async fn google_cloud_storage_is_a_source_that_conforms() {
    conformance::run_all(&Bucket::gcs().await).await;
}

#[tokio::test]
async fn an_http_server_is_a_source_that_conforms() {
    conformance::run_all(&Web::new().await).await;
}
