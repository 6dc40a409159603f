//! Speaking HTTP: one client, which addresses it may reach, and what its failures mean.
//!
//! The only place that knows the crate underneath. Nothing here follows a redirect, knows a credential or
//! an object; [`crate::backend`] and [`crate::credential`] build on it.

mod address;
mod client;
mod error;
mod literal;
mod message;
mod proxy;
mod resolve;
mod retry;
mod trust;

pub use address::{AddressClass, AddressPolicy};
pub use client::{BufferedResponse, HttpClient, HttpSettings};
pub use error::HttpError;
pub use message::{Request, Response, text_of};
pub use proxy::ProxySettings;
pub use retry::{Attempts, RetryPolicy, is_retryable, retry_after};
pub use url::Url;

pub use crate::capability::shown_url as shown;

#[cfg(test)]
pub(crate) mod tests;
