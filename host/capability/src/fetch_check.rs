//! Checks whether a fetch is allowed.

use url::Url;

use super::urls::parse_url;
use super::{CapabilityError, FetchPermit, FetchPolicy, FetchRequest, Reason};

impl FetchPolicy {
    /// Checks the original request, before anything is done.
    ///
    /// A source checks each address again before it sends a request to it, such as the target of a redirect.
    ///
    /// # Errors
    ///
    /// [`Reason::Denied`] with the line that would allow it, and [`Reason::InvalidRequest`] for a URI that cannot be
    /// checked.
    pub fn check_request(&self, request: &FetchRequest) -> Result<FetchPermit, CapabilityError> {
        let uri = request.uri.as_str();
        match request.source_type()? {
            "http" => self.check_url(&request.http_url()?),
            "gcs" => self.check_stored("gs", request),
            "s3" => self.check_stored("s3", request),
            "file" => self.check_file(uri),
            // Other sources of the host are not covered by grants.
            _ => self
                .permit(|_| false)
                .ok_or_else(|| self.denied(uri, uri, false)),
        }
    }

    /// Checks that the tool may name a credential that its configuration does not name.
    ///
    /// # Errors
    ///
    /// [`Reason::Denied`] with the line that would allow it.
    pub fn check_credential(
        &self,
        name: &str,
        request: &FetchRequest,
    ) -> Result<(), CapabilityError> {
        if self.credentials.contains(name) {
            return Ok(());
        }
        let (kind, server) = (self.kind(), request.server());
        let message = format!(
            "`{kind}` may not use the credential `{name}` for `{server}`: neither its configuration nor its grant names it"
        );
        let hint = format!(
            "to grant it, add to the list of `{kind}` in `grants.yaml`: `- credentials: [{name}]`"
        );
        Err(CapabilityError::new(Reason::Denied, message).with_hint(hint))
    }

    /// Checks that headers which the configuration keeps sealed from the tool may be opened for a request.
    ///
    /// # Errors
    ///
    /// [`Reason::Denied`] with the line that would allow it.
    pub fn check_sealed_headers(&self, request: &FetchRequest) -> Result<(), CapabilityError> {
        self.check_request(request)?;
        let is_named = |url: Url| self.is_named(&url);
        if self.is_trusted() || request.http_url().is_ok_and(is_named) {
            return Ok(());
        }
        let (kind, server) = (self.kind(), request.server());
        let message = format!(
            "`{kind}` may not send a sealed header to `{server}`: its grant does not name the server"
        );
        Err(CapabilityError::new(Reason::Denied, message).with_hint(self.hint(&server, false)))
    }

    fn check_stored(
        &self,
        scheme: &str,
        request: &FetchRequest,
    ) -> Result<FetchPermit, CapabilityError> {
        let permit = self.check_object(scheme, &request.uri)?;
        match &request.options.endpoint {
            // A server other than that of the cloud is checked like any other.
            Some(endpoint) => self.check_url(&parse_url(endpoint, "endpoint")?),
            None => Ok(permit),
        }
    }
}
