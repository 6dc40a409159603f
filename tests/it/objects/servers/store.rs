//! What a server of objects keeps, and how it gives it out.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use sha2::{Digest as _, Sha256};

use super::{Request, Response};

/// Objects by bucket and key, and the requests that were made.
#[derive(Debug, Default)]
pub(crate) struct Store {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    objects: BTreeMap<(String, String), Vec<u8>>,
    denied: BTreeSet<String>,
    requests: Vec<Request>,
}

impl Store {
    pub(crate) fn put(&self, bucket: &str, key: &str, bytes: impl Into<Vec<u8>>) {
        let name = (bucket.to_owned(), key.to_owned());
        self.state
            .lock()
            .unwrap()
            .objects
            .insert(name, bytes.into());
    }

    /// Denies that key in every bucket.
    pub(crate) fn deny(&self, key: &str) {
        self.state.lock().unwrap().denied.insert(key.to_owned());
    }

    pub(crate) fn note(&self, request: &Request) {
        self.state.lock().unwrap().requests.push(request.clone());
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.state.lock().unwrap().requests.clone()
    }

    pub(crate) fn is_denied(&self, key: &str) -> bool {
        self.state.lock().unwrap().denied.contains(key)
    }

    /// The object, or the part of it that is asked for; or the status and the code of the error.
    pub(crate) fn get(&self, request: &Request) -> Result<Response, (u16, &'static str)> {
        let (bucket, key) = name(request);
        let state = self.state.lock().unwrap();
        if !state.objects.keys().any(|(known, _)| *known == bucket) {
            return Err((404, "NoSuchBucket"));
        }
        let object = state.objects.get(&(bucket, key));
        let bytes = object.ok_or((404, "NoSuchKey"))?;
        let etag = etag(bytes);
        if request
            .headers
            .get("if-match")
            .is_some_and(|expected| *expected != etag)
        {
            return Err((412, "PreconditionFailed"));
        }
        let whole = bytes.len();
        let start = request.headers.get("range").and_then(|range| {
            let range = range.strip_prefix("bytes=")?;
            range.split_once('-')?.0.parse::<usize>().ok()
        });
        let response = match start {
            None => Response::new(200, bytes.clone()),
            Some(start) if start >= whole => return Err((416, "InvalidRange")),
            Some(start) => Response::new(206, &bytes[start..]).header(
                "content-range",
                format!("bytes {start}-{}/{whole}", whole - 1),
            ),
        };
        Ok(response
            .header("etag", etag)
            .header("accept-ranges", "bytes")
            .header("last-modified", "Tue, 01 Oct 2024 10:00:00 GMT"))
    }
}

/// The bucket and the key of a request with the bucket in the path.
pub(crate) fn name(request: &Request) -> (String, String) {
    let path = request.target.split('?').next().unwrap();
    let path = decode(path.strip_prefix('/').unwrap());
    let (bucket, key) = path.split_once('/').unwrap_or((&path, ""));
    (bucket.to_owned(), key.to_owned())
}

pub(crate) fn etag(bytes: &[u8]) -> String {
    format!("\"{}\"", &hex(&Sha256::digest(bytes))[..32])
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    let digits: Vec<_> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    digits.concat()
}

/// Escapes a name for a path.
pub(crate) fn escaped(name: &str) -> String {
    let escape = |byte: u8| match byte {
        byte if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) => {
            char::from(byte).to_string()
        }
        byte => format!("%{byte:02X}"),
    };
    name.bytes().map(escape).collect()
}

fn decode(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let (byte, after) = match (first, after) {
            (b'%', [high, low, after @ ..]) => {
                let digits = [*high, *low];
                let digits = std::str::from_utf8(&digits).unwrap();
                (u8::from_str_radix(digits, 16).unwrap(), after)
            }
            (byte, after) => (*byte, after),
        };
        bytes.push(byte);
        rest = after;
    }
    String::from_utf8(bytes).unwrap()
}

/// An error as S3 and Google's XML API have it.
pub(crate) fn error(status: u16, code: &str, message: &str, more: &str) -> Response {
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>{message}</Message>{more}</Error>"
    );
    Response::new(status, body).header("content-type", "application/xml")
}
