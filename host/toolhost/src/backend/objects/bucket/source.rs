use std::fmt;
use std::sync::Arc;

use super::protocol::Protocol;
use crate::capability::{
    Access, AccessRequest, AccessSource, Authorization, CapabilityError, Hint, Reason, Setting,
};
use crate::http::HttpClient;

#[derive(Clone)]
pub(super) struct BucketSource<P> {
    pub(super) protocol: P,
    pub(super) client: HttpClient,
    pub(super) access: Option<Arc<dyn AccessSource>>,
}

impl<P: Protocol> BucketSource<P> {
    /// Returns access to the bucket.
    pub(super) async fn access(&self, request: &AccessRequest) -> Result<Access, CapabilityError> {
        match (&self.access, &request.credential) {
            (Some(access), _) => access.access(request).await.map_err(with_auth),
            (None, None) => Ok(Access::new(Authorization::Anonymous, "no credential")),
            (None, Some(credential)) => {
                let message =
                    format!("unknown credential `{credential}`: this host has no credentials");
                Err(with_auth(
                    CapabilityError::new(Reason::CredentialMissing, message).with_hint(
                        Hint::from("specify a credentials file").setting(Setting::Credentials),
                    ),
                ))
            }
        }
    }

    pub(super) async fn refuse(&self, request: &AccessRequest, refused: &Access) {
        if let Some(access) = &self.access {
            access.refuse(request, refused).await;
        }
    }
}

pub(super) fn with_auth(error: CapabilityError) -> CapabilityError {
    if error.explanation.field.is_some() {
        return error;
    }
    error.with_field("auth")
}

impl<P: Protocol> fmt::Debug for BucketSource<P> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct(P::SCHEME).finish_non_exhaustive()
    }
}
