//! HTTP: one client, the addresses that it may reach, and the meaning of its failures.
//!
//! The only place that depends on the underlying crate. Nothing here follows a redirect, or deals with credentials or
//! objects; [`crate::backend`] and [`crate::credential`] build on it.

mod address;
mod amazon;
mod client;
mod error;
mod literal;
mod message;
mod proxy;
mod resolve;
mod retry;
mod trust;

pub(crate) use address::{AddressClass, AddressPolicy};
pub(crate) use amazon::amazon_host;
pub use client::{HttpClient, HttpSettings};
pub(crate) use error::HttpError;
pub(crate) use message::{Request, Response, text_of};
pub use proxy::ProxySettings;
pub use retry::RetryPolicy;
pub(crate) use retry::{Attempts, is_retryable, retry_after};
pub use trust::RootCertificate;
pub(crate) use url::Url;

pub(crate) use crate::capability::shown_url as shown;

#[cfg(test)]
pub(crate) mod tests;
