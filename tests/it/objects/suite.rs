//! Every source passes the suite.

use toolhost::capability::conformance::objects;

use super::harness::{Bucket, Files, Web};

#[tokio::test]
async fn files_are_a_source_that_conforms() {
    objects::run_all(&Files::new()).await;
}

#[tokio::test]
async fn s3_is_a_source_that_conforms() {
    objects::run_all(&Bucket::s3().await).await;
}

#[tokio::test]
async fn google_cloud_storage_is_a_source_that_conforms() {
    objects::run_all(&Bucket::gcs().await).await;
}

#[tokio::test]
async fn an_http_server_is_a_source_that_conforms() {
    objects::run_all(&Web::new().await).await;
}
