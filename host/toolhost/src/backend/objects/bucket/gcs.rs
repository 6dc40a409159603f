use std::sync::Arc;

use object_store::StaticCredentialProvider;
use object_store::client::HttpConnector;
use object_store::gcp::{GcpCredential, GoogleCloudStorageBuilder};
use secrecy::ExposeSecret as _;

use super::endpoint::Endpoint;
use super::name::{ObjectName, escaped};
use super::protocol::{
    Located, Protocol, folder_url, last_part, named_endpoint, not_made, once, refuse,
};
use crate::capability::{Access, Authorization, CapabilityError, FetchOptions, Reason, Service};

/// The XML API of Google Cloud Storage: <https://cloud.google.com/storage/docs/xml-api/get-object-download>.
#[derive(Debug, Clone, Copy)]
pub(super) struct Gcs;

const HOST: &str = "storage.googleapis.com";

impl Protocol for Gcs {
    const SERVICE: Service = Service::Gcs;
    const SCHEME: &'static str = "gs";

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

    fn locate(
        &self,
        name: &ObjectName,
        options: &FetchOptions,
        access: &Access,
        connector: impl HttpConnector,
    ) -> Result<Located, CapabilityError> {
        let (named, place_field) = named_endpoint(options, access)?;
        let endpoint = named.unwrap_or_else(|| Endpoint::of_host(HOST));
        let token = token(access)?;
        // The store joins three parts: its base, the bucket, and the path. Its bucket is the second last part.
        let (folder, last) = name.split();
        let (base, second_last) = match folder {
            None => (endpoint.to_string(), name.bucket.as_str()),
            Some(folder) => {
                let bucket = endpoint.with_bucket_in_path(&name.bucket);
                match folder.rsplit_once('/') {
                    None => (bucket, folder),
                    Some((above, part)) => (format!("{bucket}/{}", escaped(above)), part),
                }
            }
        };
        let store = GoogleCloudStorageBuilder::new()
            .with_http_connector(connector)
            .with_retry(once())
            .with_base_url(&folder_url(base, place_field)?)
            .with_bucket_name(second_last)
            .with_skip_signature(token.is_none())
            // Set in any case: otherwise the store would read a file of the machine.
            .with_credentials(Arc::new(StaticCredentialProvider::new(GcpCredential {
                bearer: token.unwrap_or_default(),
            })))
            .build()
            .map_err(|error| not_made(&error))?;
        Ok(Located {
            store: Box::new(store),
            path: last_part(last, name)?,
            region: None,
            endpoint: endpoint.to_string(),
            place_field,
        })
    }
}

fn token(access: &Access) -> Result<Option<String>, CapabilityError> {
    let token = match &access.authorization {
        Authorization::Anonymous => return Ok(None),
        Authorization::Bearer(token) => token.expose_secret(),
        Authorization::Aws(_) | Authorization::Basic { .. } => {
            let what = "has no token for Google Cloud Storage";
            return Err(unusable(access, what)
                .with_hint("name one of the type `google`, such as a service account's"));
        }
    };
    // The store panics where a token is not valid in a header.
    if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(unusable(access, "has a token with invalid characters"));
    }
    Ok(Some(token.to_owned()))
}

fn unusable(access: &Access, what: &str) -> CapabilityError {
    let message = format!("{} {what}", access.origin);
    CapabilityError::new(Reason::CredentialMissing, message).with_field("auth")
}
