use std::sync::Arc;

use object_store::StaticCredentialProvider;
use object_store::aws::{AmazonS3Builder, AwsCredential};
use object_store::client::HttpConnector;
use secrecy::ExposeSecret as _;

use super::answer::is_region;
use super::endpoint::Endpoint;
use super::name::{ObjectName, escaped};
use super::protocol::{
    Located, Protocol, folder_url, last_part, named_endpoint, not_made, once, refuse,
};
use crate::capability::{Access, Authorization, CapabilityError, FetchOptions, Reason, Service};
use crate::http::amazon_host;

/// The protocol of Amazon S3, which many servers support.
#[derive(Debug, Clone, Copy)]
pub(super) struct S3;

/// The default region of AWS's own tools.
const DEFAULT_REGION: &str = "us-east-1";

impl Protocol for S3 {
    const SERVICE: Service = Service::S3;
    const SCHEME: &'static str = "s3";

    fn check(&self, options: &FetchOptions) -> Result<(), CapabilityError> {
        refuse(
            "an object of S3",
            &[
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
        let region = options.region.as_deref().or(access.region.as_deref());
        let region = region.unwrap_or(DEFAULT_REGION);
        if !is_region(region) {
            let message = format!("invalid region `{region}`");
            return Err(CapabilityError::new(Reason::InvalidRequest, message)
                .with_hint("use a region such as `us-east-1`")
                .with_field("region"));
        }
        let (named, place_field) = named_endpoint(options, access)?;
        let (endpoint, in_path) = match named {
            Some(named) => (named, access.path_style.unwrap_or(true)),
            None => (
                Endpoint::of_host(amazon_host("s3", region)),
                access.path_style.unwrap_or_else(|| !name.fits_a_host()),
            ),
        };
        let bucket = if in_path {
            endpoint.with_bucket_in_path(&name.bucket)
        } else {
            endpoint.with_bucket_in_host(&name.bucket)
        };
        let (folder, last) = name.split();
        let folder = match folder {
            Some(folder) => format!("{bucket}/{}", escaped(folder)),
            None => bucket,
        };
        let keys = keys(access)?;
        let store = AmazonS3Builder::new()
            .with_http_connector(connector)
            .with_retry(once())
            .with_region(region)
            // With this setting, a store uses the URL with the bucket in it unchanged.
            .with_virtual_hosted_style_request(true)
            .with_bucket_name(&name.bucket)
            .with_endpoint(folder_url(folder, place_field)?)
            .with_skip_signature(keys.is_none())
            // Set in any case: otherwise the store would ask the machine's metadata server.
            .with_credentials(Arc::new(StaticCredentialProvider::new(
                keys.unwrap_or(NO_KEYS),
            )))
            .build()
            .map_err(|error| not_made(&error))?;
        Ok(Located {
            store: Box::new(store),
            path: last_part(last, name)?,
            region: Some(region.to_owned()),
            endpoint: endpoint.to_string(),
            place_field,
        })
    }
}

const NO_KEYS: AwsCredential = AwsCredential {
    key_id: String::new(),
    secret_key: String::new(),
    token: None,
};

/// Returns the keys for signing a request; none for an anonymous request.
fn keys(access: &Access) -> Result<Option<AwsCredential>, CapabilityError> {
    let keys = match &access.authorization {
        Authorization::Anonymous => return Ok(None),
        Authorization::Aws(keys) => keys,
        Authorization::Bearer(_) | Authorization::Basic { .. } => {
            let message = format!("{} has no keys for S3", access.origin);
            return Err(CapabilityError::new(Reason::CredentialMissing, message)
                .with_hint(
                    "name a credential of the type `aws`, with `access_key_id` and `secret_access_key`",
                )
                .with_field("auth"));
        }
    };
    // The signer panics where a key is not valid in a header.
    if let Some(name) = keys.unusable_field() {
        let message = format!(
            "`{name}` of {} is empty, or has a space, a line break or another invalid character",
            access.origin
        );
        return Err(CapabilityError::new(Reason::CredentialMissing, message)
            .with_hint("copy the key again")
            .with_field("auth"));
    }
    let token = keys.session_token.as_ref();
    Ok(Some(AwsCredential {
        key_id: keys.access_key_id.clone(),
        secret_key: keys.secret_access_key.expose_secret().to_owned(),
        token: token.map(|token| token.expose_secret().to_owned()),
    }))
}
