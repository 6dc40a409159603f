//! Implementation of the `noetl:tool/objects` interface.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use secrecy::SecretString;
use serde_json::{Map, Value};
use wasmtime::component::Resource;

use super::CallState;
use super::bindings::noetl::tool::objects::{Host, HostObject as HostObjectTrait};
use super::bindings::noetl::tool::types;
use super::budget::ByteBudget;
use super::resources::{HostObject, Readable};
use crate::capability::{
    CapabilityError, FetchOptions, FetchRequest, Object, ObjectMetadata, Reason,
};
use crate::digest::Digest;
use crate::scope::CallScope;
use crate::sealing::{Redactor, Vault};

/// The maximum size of an option as JSON: headers have a few kilobytes, and servers accept 8 to 64.
const MAX_OPTION_BYTES: usize = 64 << 10;
/// The maximum size that is copied into the guest at once.
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
            .map_err(|error| self.scope.object_error(error))
            .and_then(|object| self.hold(object))
            .map_err(Into::into))
    }

    fn create_object(
        &mut self,
        bytes: Vec<u8>,
    ) -> wasmtime::Result<Result<Resource<HostObject>, types::Error>> {
        let object = Object {
            bytes: bytes.into(),
            metadata: ObjectMetadata::default(),
        };
        Ok(self.hold(HostObject::new(object, None)).map_err(Into::into))
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
        // Everything except the digest is from the server.
        Ok(present
            .map(|(name, value)| (name.to_owned(), self.scope.redact(value.clone())))
            .collect())
    }

    fn read(
        &mut self,
        object: Resource<HostObject>,
        offset: u64,
        max_bytes: u32,
    ) -> wasmtime::Result<Result<Vec<u8>, types::Error>> {
        let redactor = self.scope.redactor();
        let budget = self.budget.clone();
        let bytes = match self.get_mut(&object)?.read(redactor, &budget) {
            Ok(bytes) => bytes,
            Err(error) => return Ok(Err(error.into())),
        };
        // Both numbers are guest-controlled, so they are clamped before anything is sliced or allocated.
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
        self.delete(object)?;
        Ok(())
    }
}

impl CallState {
    fn hold(&mut self, mut object: HostObject) -> Result<Resource<HostObject>, CapabilityError> {
        object.reservation = Some(self.budget.reserve(object.held_bytes())?);
        self.push(object)
    }
}

impl HostObject {
    fn new(object: Object, readable: Option<Readable>) -> Self {
        Self {
            sha256: Digest::of(&object.bytes).digits(),
            bytes: object.bytes,
            metadata: object.metadata,
            readable,
            reservation: None,
        }
    }

    /// The content, and metadata from servers and the guest.
    fn held_bytes(&self) -> u64 {
        let ObjectMetadata {
            uri, etag, version, ..
        } = &self.metadata;
        let texts = [uri, etag, version].into_iter().flatten();
        let texts: usize = texts.map(String::len).sum();
        (self.bytes.len() + texts) as u64
    }

    /// The content for the guest, without the secrets of `redactor`. It has as many bytes as the object.
    fn read(
        &mut self,
        redactor: Option<Arc<Redactor>>,
        budget: &ByteBudget,
    ) -> Result<&Bytes, CapabilityError> {
        let Some(readable) = &mut self.readable else {
            return Ok(&self.bytes);
        };
        let is_made_by = |redactor: &Arc<Redactor>| {
            let made_by = readable.redactor.as_ref();
            made_by.is_some_and(|made_by| Arc::ptr_eq(made_by, redactor))
        };
        if let Some(redactor) = redactor.filter(|redactor| !is_made_by(redactor)) {
            // The copy that it replaces is released first.
            readable.masked = None;
            readable.masked = match redactor.mask(&self.bytes) {
                Cow::Borrowed(_) => None,
                Cow::Owned(masked) => {
                    let reservation = budget.reserve(masked.len() as u64)?;
                    Some((masked.into(), reservation))
                }
            };
            readable.redactor = Some(redactor);
        }
        let masked = readable.masked.as_ref();
        Ok(masked.map_or(&self.bytes, |(masked, _)| masked))
    }
}

async fn fetch(
    scope: &CallScope,
    uri: String,
    options: Vec<(String, String)>,
) -> Result<HostObject, CapabilityError> {
    let Parsed {
        options,
        headers,
        sha256: expected_sha256,
    } = parse(options)?;
    let limit = options.timeout;
    let max_bytes = options.max_bytes;
    // The whole error is redacted at the end, when all secrets that the fetch opened are known.
    let shown_uri = uri.clone();
    let mut request = FetchRequest { uri, options };
    open_headers(scope, headers, &mut request)?;
    let fetching = scope.fetch(request);
    let fetching = async {
        match limit {
            Some(limit) => tokio::time::timeout(limit, fetching)
                .await
                .unwrap_or_else(|_| {
                    let message =
                        format!("`{shown_uri}` took longer than {} ms", limit.as_millis());
                    Err(CapabilityError::new(Reason::Timeout, message)
                        .with_field("timeout-ms")
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
    let object = HostObject::new(object, Some(Readable::default()));
    match expected_sha256 {
        Some(expected) if !expected.eq_ignore_ascii_case(&object.sha256) => {
            let message = format!(
                "`{shown_uri}` has the SHA-256 digest `{}`, not `{expected}`",
                object.sha256
            );
            let hint =
                "if the object was changed on purpose, update the digest in the configuration";
            Err(CapabilityError::new(Reason::ChecksumMismatch, message)
                .with_hint(hint)
                .with_field("sha256"))
        }
        _ => Ok(object),
    }
}

/// The options of a guest for a fetch.
#[derive(Default)]
struct Parsed {
    options: FetchOptions,
    /// References are still sealed.
    headers: Map<String, Value>,
    sha256: Option<String>,
}

fn parse(options: Vec<(String, String)>) -> Result<Parsed, CapabilityError> {
    let mut parsed = Parsed::default();
    for (name, value) in options {
        if value.len() > MAX_OPTION_BYTES {
            let message = format!(
                "an option for fetching an object has {} bytes; at most {MAX_OPTION_BYTES} are \
                 allowed",
                value.len()
            );
            return Err(CapabilityError::new(Reason::TooLarge, message));
        }
        let value: Value = serde_json::from_str(&value).map_err(|_| wrong(&name, "JSON"))?;
        let options = &mut parsed.options;
        match name.as_str() {
            "type" => options.source_type = Some(text(&name, value)?),
            "auth" => options.credential = Some(text(&name, value)?),
            "region" => options.region = Some(text(&name, value)?),
            "endpoint" => options.endpoint = Some(text(&name, value)?),
            "method" => options.method = Some(text(&name, value)?),
            "sha256" => parsed.sha256 = Some(text(&name, value)?),
            "headers" => match value {
                Value::Object(headers) => parsed.headers = headers,
                _ => return Err(wrong(&name, "an object of strings")),
            },
            "timeout-ms" => {
                let milliseconds = value.as_u64().ok_or_else(|| wrong(&name, "a number"))?;
                options.timeout = Some(Duration::from_millis(milliseconds));
            }
            "max-bytes" => {
                let wanted = value.as_u64().ok_or_else(|| wrong(&name, "a number"))?;
                options.max_bytes = wanted.min(FetchOptions::DEFAULT_MAX_BYTES);
            }
            _ => {
                let message = format!("unknown option `{name}` for fetching an object");
                return Err(CapabilityError::new(Reason::Unsupported, message));
            }
        }
    }
    Ok(parsed)
}

/// Opens the headers of a request, if the sealed values may be sent to its server.
fn open_headers(
    scope: &CallScope,
    headers: Map<String, Value>,
    request: &mut FetchRequest,
) -> Result<(), CapabilityError> {
    let is_sealed = |value: &Value| value.as_str().is_some_and(Vault::has_reference);
    if headers.values().any(is_sealed) {
        scope.context.fetch_policy.check_sealed_headers(request)?;
        request.options.has_sealed_headers = true;
    }
    let open = |(header, value): (String, Value)| {
        let value = text("headers", value)?;
        // The values of references are registered as secrets since they were sealed.
        Ok((header, scope.vault.open_text(&value)?))
    };
    request.options.headers = headers
        .into_iter()
        .map(open)
        .collect::<Result<Vec<(String, SecretString)>, CapabilityError>>()?;
    Ok(())
}

fn text(name: &str, value: Value) -> Result<String, CapabilityError> {
    match value {
        Value::String(text) => Ok(text),
        _ => Err(wrong(name, "a string")),
    }
}

fn wrong(name: &str, expected: &str) -> CapabilityError {
    let message = format!("invalid option `{name}` for fetching an object: expected {expected}");
    CapabilityError::new(Reason::InvalidRequest, message)
}
