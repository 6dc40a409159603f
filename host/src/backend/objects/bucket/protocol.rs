use http::HeaderMap;

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
