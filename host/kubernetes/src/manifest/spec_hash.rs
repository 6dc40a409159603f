//! Distinguishes one specification from another one of the same name.

use bytes::Bytes;
use k8s_openapi::api::batch::v1::Job;
use sha2::{Digest as _, Sha256};
use toolhost_capability::text::hexadecimal;
use toolhost_capability::{ARGUMENTS_FIELD, CapabilityError, Hint, Reason};

/// The annotation with the hash.
pub(crate) const SPEC_HASH_ANNOTATION: &str = "noetl.io/spec-hash";
/// Holds the value that a tool set for the annotation above.
pub(super) const TOOL_SPEC_HASH_ANNOTATION: &str = "noetl.io/tool-spec-hash";

/// Returns the SHA-256 hash of a Job without the values of its inputs, and of the script.
///
/// The hash covers the names of the environment variables, not their values, and not the arguments: otherwise anyone
/// who may read the Job could guess secret values and compare, and a renewed token would make it another job. Maps are sorted
/// and structures have an order, so that the same request results in the same hash on every host.
///
/// # Errors
///
/// `TooLarge` where the Job is larger than `max_bytes`.
pub(super) fn spec_hash(
    job: &Job,
    script: Option<&Bytes>,
    max_bytes: usize,
) -> Result<String, CapabilityError> {
    let text = serde_json::to_vec(job).map_err(|error| {
        CapabilityError::new(
            Reason::Internal,
            format!("cannot write the Job as JSON: {error}"),
        )
    })?;
    if text.len() > max_bytes {
        let size = text.len();
        let message = format!("the Job takes {size} bytes, more than {max_bytes}");
        return Err(CapabilityError::new(Reason::TooLarge, message).with_hint(
            Hint::from("make the program read large data from a volume, or pass it in ")
                .field(ARGUMENTS_FIELD),
        ));
    }
    let mut hash = Sha256::new();
    // With its length in front, no byte of one part can be taken for one of the other.
    hash.update(text.len().to_le_bytes());
    hash.update(&text);
    match script {
        Some(script) => {
            hash.update([1]);
            hash.update(script);
        }
        None => hash.update([0]),
    }
    Ok(format!("sha256:{}", hexadecimal(&hash.finalize())))
}
