//! Objects in buckets: Amazon S3, and what speaks its protocol, and Google Cloud Storage.
#![allow(dead_code)]

mod answer;
mod endpoint;
mod explain;
mod gcs;
mod name;
mod protocol;
mod s3;

#[derive(Debug)]
pub struct S3Source;
#[derive(Debug)]
pub struct GcsSource;
