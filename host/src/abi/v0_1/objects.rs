//! Implementation of the `noetl:tool/objects` interface.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use secrecy::SecretString;
use serde_json::Value;
use wasmtime::component::Resource;

use super::CallState;
use super::bindings::noetl::tool::objects::{Host, HostObject as HostObjectTrait};
use super::bindings::noetl::tool::types;
use crate::capability::{
    CapabilityError, FetchOptions, FetchRequest, Object, ObjectMetadata, Reason,
};
use crate::digest::Digest;
use crate::scope::CallScope;

/// An object that a guest holds.
#[derive(Debug)]
pub struct HostObject {
    /// Its content.
    pub(super) bytes: Bytes,
    metadata: ObjectMetadata,
    /// The digest of the content, as lowercase hexadecimal digits.
    sha256: String,
}

/// The most that is copied into the guest at once.
const MAX_READ_BYTES: usize = 1 << 20;

impl Host for CallState {
    async fn fetch_object(
        &mut self,
        uri: String,
        options: Vec<(String, String)>,
    ) -> wasmtime::Result<Result<Resource<HostObject>, types::Error>> {
        let scope = Arc::clone(&self.scope);
        let fetched = fetch(&scope, uri, options).await;
        self.meter.resume();
        Ok(fetched
            .map_err(|error| self.scope.redact_error(error))
            .and_then(|object| self.hold(object))
            .map_err(Into::into))
    }

    fn create_object(
        &mut self,
        bytes: Vec<u8>,
    ) -> wasmtime::Result<Result<Resource<HostObject>, types::Error>> {
        let object = HostObject::new(Object {
            bytes: bytes.into(),
            metadata: ObjectMetadata::default(),
        });
        Ok(self.hold(object).map_err(Into::into))
    }
}

impl HostObjectTrait for CallState {
    fn size_bytes(&mut self, object: Resource<HostObject>) -> wasmtime::Result<u64> {
        Ok(self.get(&object)?.bytes.len() as u64)
    }

    fn metadata(
        &mut self,
        object: Resource<HostObject>,
    ) -> wasmtime::Result<Vec<(String, String)>> {
        let object = self.get(&object)?;
        let metadata = &object.metadata;
        let known = [
            ("uri", metadata.uri.as_ref()),
            ("sha256", Some(&object.sha256)),
            ("etag", metadata.etag.as_ref()),
            ("version", metadata.version.as_ref()),
        ];
        let present = known
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)));
        Ok(present
            .map(|(name, value)| (name.to_owned(), value.clone()))
            .collect())
    }

    fn read(
        &mut self,
        object: Resource<HostObject>,
        offset: u64,
        max_bytes: u32,
    ) -> wasmtime::Result<Result<Vec<u8>, types::Error>> {
        let bytes = &self.get(&object)?.bytes;
        // Both numbers are the guest's, so they are clamped before anything is sliced or allocated.
        let start = usize::try_from(offset)
            .unwrap_or(usize::MAX)
            .min(bytes.len());
        let length = usize::try_from(max_bytes)
            .unwrap_or(usize::MAX)
            .min(MAX_READ_BYTES);
        let end = start.saturating_add(length).min(bytes.len());
        Ok(Ok(bytes.get(start..end).unwrap_or_default().to_vec()))
    }

    fn drop(&mut self, object: Resource<HostObject>) -> wasmtime::Result<()> {
        let object = self.delete(object)?;
        self.release_object(object.bytes.len() as u64);
        Ok(())
    }
}

impl CallState {
    fn hold(&mut self, object: HostObject) -> Result<Resource<HostObject>, CapabilityError> {
        let bytes = object.bytes.len() as u64;
        self.reserve_object(bytes)?;
        self.push(object)
            .inspect_err(|_| self.release_object(bytes))
    }
}

impl HostObject {
    fn new(object: Object) -> Self {
        Self {
            sha256: Digest::of(&object.bytes).digits(),
            bytes: object.bytes,
            metadata: object.metadata,
        }
    }
}

async fn fetch(
    scope: &CallScope,
    uri: String,
    options: Vec<(String, String)>,
) -> Result<HostObject, CapabilityError> {
    let (options, expected_sha256) = fetch_options(scope, options)?;
    let limit = options.timeout;
    let max_bytes = options.max_bytes;
    let shown_uri = scope.redact(uri.clone());
    let fetching = scope.fetch(FetchRequest { uri, options });
    let fetching = async {
        match limit {
            Some(limit) => tokio::time::timeout(limit, fetching)
                .await
                .unwrap_or_else(|_| {
                    let message =
                        format!("`{shown_uri}` took longer than {} ms", limit.as_millis());
                    Err(CapabilityError::new(Reason::Timeout, message)
                        .with_field("script.source.timeout")
                        .retryable())
                }),
            None => fetching.await,
        }
    };
    let object = scope.unless_cancelled(fetching).await??;
    if object.bytes.len() as u64 > max_bytes {
        let message = format!("`{shown_uri}` is larger than {max_bytes} bytes");
        return Err(CapabilityError::new(Reason::TooLarge, message));
    }
    let object = HostObject::new(object);
    match expected_sha256 {
        Some(expected) if !expected.eq_ignore_ascii_case(&object.sha256) => {
            let message = format!(
                "`{shown_uri}` has the SHA-256 digest `{}`, not `{expected}`",
                object.sha256
            );
            let hint =
                "if the script was changed on purpose, put the new digest into the configuration";
            Err(CapabilityError::new(Reason::ChecksumMismatch, message)
                .with_hint(hint)
                .with_field("script.sha256"))
        }
        _ => Ok(object),
    }
}

fn fetch_options(
    scope: &CallScope,
    options: Vec<(String, String)>,
) -> Result<(FetchOptions, Option<String>), CapabilityError> {
    let mut parsed = FetchOptions::default();
    let mut sha256 = None;
    for (name, value) in options {
        let value: Value = serde_json::from_str(&value).map_err(|_| wrong(&name, "JSON"))?;
        match name.as_str() {
            "type" => parsed.source_type = Some(text(&name, value)?),
            "auth" => parsed.credential = Some(text(&name, value)?),
            "region" => parsed.region = Some(text(&name, value)?),
            "endpoint" => parsed.endpoint = Some(text(&name, value)?),
            "method" => parsed.method = Some(text(&name, value)?),
            "sha256" => sha256 = Some(text(&name, value)?),
            "headers" => parsed.headers = headers(scope, &name, value)?,
            "timeout-ms" => {
                let milliseconds = value.as_u64().ok_or_else(|| wrong(&name, "a number"))?;
                parsed.timeout = Some(Duration::from_millis(milliseconds));
            }
            "max-bytes" => {
                let wanted = value.as_u64().ok_or_else(|| wrong(&name, "a number"))?;
                parsed.max_bytes = wanted.min(FetchOptions::DEFAULT_MAX_BYTES);
            }
            _ => {
                let message = format!("there is no option `{name}` for fetching an object");
                return Err(CapabilityError::new(Reason::Unsupported, message));
            }
        }
    }
    Ok((parsed, sha256))
}

fn headers(
    scope: &CallScope,
    name: &str,
    value: Value,
) -> Result<Vec<(String, SecretString)>, CapabilityError> {
    let Value::Object(headers) = value else {
        return Err(wrong(name, "an object of texts"));
    };
    let open = |(header, value): (String, Value)| {
        let value = text(name, value)?;
        Ok((header, scope.vault.open_text(&value)?))
    };
    headers.into_iter().map(open).collect()
}
fn text(name: &str, value: Value) -> Result<String, CapabilityError> {
    match value {
        Value::String(text) => Ok(text),
        _ => Err(wrong(name, "a text")),
    }
}

fn wrong(name: &str, expected: &str) -> CapabilityError {
    let message = format!("the option `{name}` for fetching an object is not {expected}");
    CapabilityError::new(Reason::InvalidRequest, message)
}
