use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write;

use sha2::{Digest, Sha256};

use crate::error::Result;
use crate::{Details, Object, SecretEntry};

/// Bytes that [`MockHost`](super::MockHost) holds.
#[derive(Debug, Clone)]
pub struct MockObject {
    pub(super) bytes: Vec<u8>,
    uri: Option<String>,
}

impl MockObject {
    pub(super) fn new(bytes: Vec<u8>, uri: Option<String>) -> Self {
        Self { bytes, uri }
    }

    pub(super) fn sha256(&self) -> String {
        let mut digits = String::new();
        for byte in Sha256::digest(&self.bytes) {
            // Writing to a `String` cannot fail.
            let _ = write!(digits, "{byte:02x}");
        }
        digits
    }
}

impl Object for MockObject {
    fn size_bytes(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn metadata(&self) -> Details {
        let mut metadata: Details = [("sha256", self.sha256())].into_iter().collect();
        if let Some(uri) = &self.uri {
            metadata.push("uri", uri.as_str());
        }
        metadata
    }

    fn read(&self, offset: u64, max_bytes: u32) -> Result<Vec<u8>> {
        let offset = usize::try_from(offset).unwrap_or(usize::MAX);
        let max_bytes = usize::try_from(max_bytes).unwrap_or(usize::MAX);
        let rest = self.bytes.iter().skip(offset);
        Ok(rest.take(max_bytes).copied().collect())
    }
}

/// Named values that [`MockHost`](super::MockHost) keeps.
#[derive(Debug, Clone)]
pub struct MockSecret {
    pub(super) entries: Vec<SecretEntry>,
}
