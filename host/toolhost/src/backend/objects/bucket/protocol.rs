use http::Uri;
use object_store::client::HttpConnector;
use object_store::path::Path;
use object_store::{BackoffConfig, ObjectStore, RetryConfig};

use super::endpoint::Endpoint;
use super::name::ObjectName;
use crate::capability::{Access, CapabilityError, FetchOptions, Reason, Service};
use crate::http::Url;

/// What differs between the object stores.
pub(super) trait Protocol: Send + Sync + 'static {
    /// The service that access is asked for.
    const SERVICE: Service;
    /// The scheme of its URIs.
    const SCHEME: &'static str;

    /// Refuses options that mean nothing here.
    fn check(&self, options: &FetchOptions) -> Result<(), CapabilityError>;

    /// The object in its store. The store speaks through `connector` alone, and shows who asks as `access` says.
    fn locate(
        &self,
        name: &ObjectName,
        options: &FetchOptions,
        access: &Access,
        connector: impl HttpConnector,
    ) -> Result<Located, CapabilityError>;
}

/// An object in its store.
///
/// Paths of `object_store` have no empty parts, which keys have (`a//b`, `a/`). So a store is made for the folder
/// of one object, and its path is the last part of the key.
pub(super) struct Located {
    pub(super) store: Box<dyn ObjectStore>,
    pub(super) path: Path,
    /// The region that is asked, where there are regions.
    pub(super) region: Option<String>,
    /// The server, for messages.
    pub(super) endpoint: String,
    /// The configuration value that the server follows from.
    pub(super) place_field: &'static str,
}

/// The server that the request names, or else the credential, and the configuration value that it follows
/// from; none where it is the cloud's own.
pub(super) fn named_endpoint(
    options: &FetchOptions,
    access: &Access,
) -> Result<(Option<Endpoint>, &'static str), CapabilityError> {
    if let Some(text) = &options.endpoint {
        return Ok((Some(Endpoint::parse(text)?), "script.source.endpoint"));
    }
    let Some(text) = &access.endpoint else {
        return Ok((None, "script.uri"));
    };
    let field = "script.source.auth";
    let endpoint = Endpoint::parse(text).map_err(|error| {
        let message = format!("{} cannot be used: {}", access.origin, error.message);
        CapabilityError { message, ..error }.with_field(field)
    })?;
    Ok((Some(endpoint), field))
}

/// The URL of a folder, if it is one. A store panics where it is none.
pub(super) fn folder_url(url: String, field: &'static str) -> Result<String, CapabilityError> {
    let why = match (Url::parse(&url), url.parse::<Uri>()) {
        (Ok(_), Ok(_)) => return Ok(url),
        (Err(error), _) => error.to_string(),
        (_, Err(error)) => error.to_string(),
    };
    Err(
        CapabilityError::new(Reason::InvalidRequest, format!("`{url}` is no URL: {why}"))
            .with_hint("check the endpoint")
            .with_field(field),
    )
}

/// The last part of a key as the path of a store.
pub(super) fn last_part(part: &str, name: &ObjectName) -> Result<Path, CapabilityError> {
    Path::parse(part).map_err(|error| {
        let message = format!("invalid key in `{}`: {error}", name.uri());
        CapabilityError::new(Reason::InvalidRequest, message).with_field("script.uri")
    })
}

/// No attempt but the first: a store would repeat a request without looking at `Retry-After`, and with access
/// that may have ended.
pub(super) fn once() -> RetryConfig {
    RetryConfig {
        backoff: BackoffConfig::default(),
        max_retries: 0,
        ..RetryConfig::default()
    }
}

/// The store could not be made.
pub(super) fn not_made(error: &object_store::Error) -> CapabilityError {
    CapabilityError::new(
        Reason::Internal,
        format!("cannot ask for the object: {error}"),
    )
}

/// What is given and has no effect is a mistake that somebody would look for later.
pub(super) fn refuse(what: &str, given: &[(&str, bool)]) -> Result<(), CapabilityError> {
    match given.iter().find(|(_, is_given)| *is_given) {
        None => Ok(()),
        Some((name, _)) => {
            let message = format!("{what} has no use for `{name}`");
            let field = format!("script.source.{name}");
            Err(CapabilityError::new(Reason::InvalidRequest, message).with_field(field))
        }
    }
}
