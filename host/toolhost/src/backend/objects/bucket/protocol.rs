use http::Uri;
use object_store::client::HttpConnector;
use object_store::path::Path;
use object_store::{BackoffConfig, ObjectStore, RetryConfig};

use super::endpoint::Endpoint;
use super::name::ObjectName;
use crate::capability::{Access, CapabilityError, FetchOptions, FieldPath, Reason, Service};
use crate::http::Url;

/// The differences between the object stores.
pub(super) trait Protocol: Send + Sync + 'static {
    /// The service for which access is requested.
    const SERVICE: Service;
    /// The scheme of its URIs.
    const SCHEME: &'static str;

    /// Refuses options without an effect.
    fn check(&self, options: &FetchOptions) -> Result<(), CapabilityError>;

    /// Returns the object in its store. The store sends requests only through `connector`, with the credentials of
    /// `access`.
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
/// Paths of `object_store` have no empty parts, which keys may have (`a//b`, `a/`). Therefore a store is created for
/// the folder of one object, and its path is the last part of the key.
pub(super) struct Located {
    pub(super) store: Box<dyn ObjectStore>,
    pub(super) path: Path,
    /// The requested region, where there are regions.
    pub(super) region: Option<String>,
    /// The server, for messages.
    pub(super) endpoint: String,
    /// The configuration value that determines the server.
    pub(super) place_field: &'static str,
}

/// Returns the server of the request, or else of the credential, and the configuration value that determines it; none
/// where it is the cloud's own.
pub(super) fn named_endpoint(
    options: &FetchOptions,
    access: &Access,
) -> Result<(Option<Endpoint>, &'static str), CapabilityError> {
    if let Some(text) = &options.endpoint {
        return Ok((Some(Endpoint::parse(text)?), "endpoint"));
    }
    let Some(text) = &access.endpoint else {
        return Ok((None, "uri"));
    };
    let field = "auth";
    let endpoint = Endpoint::parse(text).map_err(|error| {
        let message = format!(
            "{} cannot be used: {}",
            access.origin, error.explanation.message
        );
        error.with_message(message).with_field(field)
    })?;
    Ok((Some(endpoint), field))
}

/// Checks the URL of a folder. A store panics on an invalid one.
pub(super) fn folder_url(url: String, field: &'static str) -> Result<String, CapabilityError> {
    let why = match (Url::parse(&url), url.parse::<Uri>()) {
        (Ok(_), Ok(_)) => return Ok(url),
        (Err(error), _) => error.to_string(),
        (_, Err(error)) => error.to_string(),
    };
    Err(CapabilityError::new(
        Reason::InvalidRequest,
        format!("invalid URL `{url}`: {why}"),
    )
    .with_hint("check the endpoint")
    .with_field(field))
}

/// Returns the last part of a key as the path of a store.
pub(super) fn last_part(part: &str, name: &ObjectName) -> Result<Path, CapabilityError> {
    Path::parse(part).map_err(|error| {
        let message = format!("invalid key in `{}`: {error}", name.uri());
        CapabilityError::new(Reason::InvalidRequest, message).with_field("uri")
    })
}

/// Disables retries: a store would ignore `Retry-After`, and use credentials that may have expired.
pub(super) fn once() -> RetryConfig {
    RetryConfig {
        backoff: BackoffConfig::default(),
        max_retries: 0,
        ..RetryConfig::default()
    }
}

/// Converts the error of creating a store.
pub(super) fn not_made(error: &object_store::Error) -> CapabilityError {
    CapabilityError::new(
        Reason::Internal,
        format!("cannot request the object: {error}"),
    )
}

/// Refuses options that have no effect: they would be a hidden mistake.
pub(super) fn refuse(what: &str, given: &[(&'static str, bool)]) -> Result<(), CapabilityError> {
    match given.iter().find(|(_, is_given)| *is_given) {
        None => Ok(()),
        Some((name, _)) => {
            let message = format!("{what} does not support `{name}`");
            let field = FieldPath::from("").key(*name);
            Err(CapabilityError::new(Reason::InvalidRequest, message).with_field(field))
        }
    }
}
