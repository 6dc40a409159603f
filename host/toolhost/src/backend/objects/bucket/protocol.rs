use http::HeaderMap;

use super::endpoint::Endpoint;
use super::name::ObjectName;
use crate::capability::{Access, CapabilityError, FetchOptions, Reason, Service};

/// What is different between the stores of objects.
pub(super) trait Protocol: Send + Sync + 'static {
    /// The service that access is asked for.
    const SERVICE: Service;
    /// The scheme of its URIs.
    const SCHEME: &'static str;
    /// The header of an answer that has the version.
    const VERSION_HEADER: &'static str;

    /// Refuses options that mean nothing here.
    fn check(&self, options: &FetchOptions) -> Result<(), CapabilityError>;

    /// The request for an object, without what shows who asks.
    fn question(
        &self,
        name: &ObjectName,
        options: &FetchOptions,
        access: &Access,
    ) -> Result<Question, CapabilityError>;

    /// Adds what shows who asks. Comes last: a signature is over the other headers.
    fn authorize(&self, question: &mut Question, access: &Access) -> Result<(), CapabilityError>;
}

/// A GET request.
#[derive(Debug, Clone)]
pub(super) struct Question {
    pub(super) url: String,
    pub(super) headers: HeaderMap,
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
