use http::{HeaderMap, HeaderValue, header};
use secrecy::ExposeSecret as _;

use super::endpoint::Endpoint;
use super::name::ObjectName;
use super::protocol::{Protocol, Question, named_endpoint, refuse};
use crate::capability::{Access, Authorization, CapabilityError, FetchOptions, Reason, Service};

/// The XML API of Google Cloud Storage: <https://cloud.google.com/storage/docs/xml-api/get-object-download>.
#[derive(Debug, Clone, Copy)]
pub(super) struct Gcs;

const HOST: &str = "storage.googleapis.com";

impl Protocol for Gcs {
    const SERVICE: Service = Service::Gcs;
    const SCHEME: &'static str = "gs";
    const VERSION_HEADER: &'static str = "x-goog-generation";

    fn check(&self, options: &FetchOptions) -> Result<(), CapabilityError> {
        refuse(
            "an object of Google Cloud Storage",
            &[
                ("region", options.region.is_some()),
                ("method", options.method.is_some()),
                ("headers", !options.headers.is_empty()),
            ],
        )
    }

    fn question(
        &self,
        name: &ObjectName,
        options: &FetchOptions,
        access: &Access,
    ) -> Result<Question, CapabilityError> {
        let (named, place_field) = named_endpoint(options, access)?;
        let endpoint = named.unwrap_or_else(|| Endpoint::of_host(HOST));
        Ok(Question {
            url: endpoint.in_path(&name.bucket, &name.escaped_key()),
            headers: HeaderMap::new(),
            region: None,
            endpoint: endpoint.to_string(),
            place_field,
        })
    }

    fn authorize(&self, question: &mut Question, access: &Access) -> Result<(), CapabilityError> {
        let token = match &access.authorization {
            Authorization::Anonymous => return Ok(()),
            Authorization::Bearer(token) => token,
            Authorization::Aws(_) | Authorization::Basic { .. } => {
                let what = "has no token that opens Google Cloud Storage";
                return Err(unusable(access, what)
                    .with_hint("name one of the type `google`, such as a service account's"));
            }
        };
        let value = HeaderValue::try_from(format!("Bearer {}", token.expose_secret()));
        let mut value =
            value.map_err(|_| unusable(access, "has a token with characters that no token has"))?;
        value.set_sensitive(true);
        question.headers.insert(header::AUTHORIZATION, value);
        Ok(())
    }
}

fn unusable(access: &Access, what: &str) -> CapabilityError {
    let message = format!("{} {what}", access.origin);
    CapabilityError::new(Reason::CredentialMissing, message).with_field("script.source.auth")
}
