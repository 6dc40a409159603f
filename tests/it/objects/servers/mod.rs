//! Servers of objects on loopback, in the test's own process, and a bad line in front of them.

pub(crate) mod bucket;
pub(crate) mod gcs;
mod http;
pub(crate) mod line;
pub(crate) mod s3;
pub(crate) mod store;

pub(crate) use http::{Request, Response, Server};
pub(crate) use store::Store;
