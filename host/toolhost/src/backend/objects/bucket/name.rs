use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::capability::{CapabilityError, Reason};

/// Maximum length of a key in S3 and Google Cloud Storage, in bytes of UTF-8.
const MAX_KEY_BYTES: usize = 1024;
/// Maximum length of a bucket's name: 255 in the oldest region of S3, 222 in Google Cloud Storage.
const MAX_BUCKET_BYTES: usize = 255;
/// Everything but RFC 3986's unreserved characters and the slash.
const RESERVED: AsciiSet = NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'/');

/// A bucket, and the key of an object in it.
///
/// The key is the part after the bucket, verbatim: `%20`, `+`, `?`, `#` and a slash at the end are part of it, as in
/// `aws s3` and `gcloud storage`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ObjectName {
    scheme: &'static str,
    pub(super) bucket: String,
    pub(super) key: String,
}

impl ObjectName {
    /// Parses `scheme://bucket/key`.
    pub(super) fn parse(uri: &str, scheme: &'static str) -> Result<Self, CapabilityError> {
        let rest = uri
            .split_once("://")
            .filter(|(found, _)| found.eq_ignore_ascii_case(scheme))
            .map(|(_, rest)| rest)
            .ok_or_else(|| wrong(format!("`{uri}` does not begin with `{scheme}://`")))?;
        let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
        if bucket.is_empty() {
            let message = format!("`{uri}` names no bucket");
            return Err(wrong(message).with_hint(format!("write `{scheme}://BUCKET/KEY`")));
        }
        if !is_bucket(bucket) {
            let message = format!("invalid bucket name `{bucket}` in `{uri}`");
            return Err(wrong(message)
                .with_hint("use only letters, digits, `-`, `_` and `.` in a bucket's name"));
        }
        if key.is_empty() {
            let message = format!("`{uri}` names a bucket, but no object in it");
            return Err(wrong(message).with_hint(format!("write `{scheme}://{bucket}/KEY`")));
        }
        if key.len() > MAX_KEY_BYTES {
            let message = format!(
                "the key in `{scheme}://{bucket}/…` has {} bytes, more than the limit of {MAX_KEY_BYTES}",
                key.len()
            );
            return Err(wrong(message));
        }
        // <https://url.spec.whatwg.org/#path-state>: such a segment is removed from every URL.
        if key.split('/').any(|segment| matches!(segment, "." | "..")) {
            let message = format!("`{uri}` has a `.` or `..` between slashes");
            return Err(wrong(message)
                .with_hint("write the key as it is in the bucket: it is not the path of a file"));
        }
        if key.chars().any(char::is_control) {
            let message =
                format!("invalid key in `{scheme}://{bucket}/…`: expected no control characters");
            return Err(wrong(message).with_hint("copy the object under another key"));
        }
        Ok(Self {
            scheme,
            bucket: bucket.to_owned(),
            key: key.to_owned(),
        })
    }

    /// Returns the URI.
    pub(super) fn uri(&self) -> String {
        format!("{}://{}/{}", self.scheme, self.bucket, self.key)
    }

    /// Returns the key up to its last slash, if it has one, and the rest.
    pub(super) fn split(&self) -> (Option<&str>, &str) {
        match self.key.rsplit_once('/') {
            Some((folder, last)) => (Some(folder), last),
            None => (None, &self.key),
        }
    }

    /// Whether the bucket's name can be a label of a host's name that a certificate for `*.HOST` covers.
    pub(super) fn fits_a_host(&self) -> bool {
        let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        self.bucket.len() <= 63
            && self.bucket.bytes().all(inner)
            && !self.bucket.starts_with('-')
            && !self.bucket.ends_with('-')
    }

    /// Suggests what may have been meant, where there is no such object.
    pub(super) fn doubt(&self) -> Option<&'static str> {
        let has_escape = self.key.split('%').skip(1).any(|rest| {
            let digits = rest.as_bytes().get(..2);
            digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
        });
        if has_escape {
            return Some("write a space instead of `%20`, for example: the key is used verbatim");
        }
        if self.key.ends_with('/') {
            return Some("name the script in the folder: the URI ends with `/`");
        }
        if self.key.starts_with('/') || self.key.contains("//") {
            return Some("remove one of two adjacent slashes: the key has an empty part");
        }
        None
    }
}

/// Escapes a part of a key for the path of a URL, which is also what is signed.
pub(super) fn escaped(part: &str) -> String {
    utf8_percent_encode(part, &RESERVED).to_string()
}

fn is_bucket(name: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    let ends_well = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric());
    name.len() <= MAX_BUCKET_BYTES
        && name.bytes().all(is_part)
        && ends_well(name.bytes().next())
        && ends_well(name.bytes().next_back())
}

fn wrong(message: String) -> CapabilityError {
    CapabilityError::new(Reason::InvalidRequest, message).with_field("uri")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(uri: &str) -> ObjectName {
        ObjectName::parse(uri, "s3").unwrap()
    }

    #[test]
    fn a_key_is_used_verbatim() {
        for (key, escaped) in [
            ("a.py", "a.py"),
            ("folder/a b.py", "folder/a%20b.py"),
            ("a%20b.py", "a%2520b.py"),
            ("100%.py", "100%25.py"),
            ("a+b?c#d&e=f.py", "a%2Bb%3Fc%23d%26e%3Df.py"),
            ("größe/日本.py", "gr%C3%B6%C3%9Fe/%E6%97%A5%E6%9C%AC.py"),
            ("folder/", "folder/"),
            ("/a//b", "/a//b"),
            ("a\\b~", "a%5Cb~"),
            ("...", "..."),
        ] {
            let name = name(&format!("s3://bucket/{key}"));
            assert_eq!(name.key, key);
            assert_eq!(super::escaped(key), escaped);
            assert_eq!(name.uri(), format!("s3://bucket/{key}"));
        }
    }

    #[test]
    fn an_invalid_uri_is_refused_before_a_request() {
        let long = format!("s3://bucket/{}", "a".repeat(1025));
        for (uri, culprit) in [
            ("gs://bucket/a", "s3://"),
            ("bucket/a", "s3://"),
            ("s3://", "no bucket"),
            ("s3:///a", "no bucket"),
            ("s3://bucket", "no object"),
            ("s3://bucket/", "no object"),
            ("s3://user:password@host/a", "invalid bucket name"),
            ("s3://host:80/a", "invalid bucket name"),
            ("s3://../a", "invalid bucket name"),
            ("s3://bu cket/a", "invalid bucket name"),
            ("s3://bucket/a/../b", "`..`"),
            ("s3://bucket/./b", "`.`"),
            ("s3://bucket/a\nb", "control characters"),
            (&long, "1025 bytes"),
        ] {
            let error = ObjectName::parse(uri, "s3").unwrap_err();
            assert_eq!(error.explanation.reason, Reason::InvalidRequest, "{uri}");
            assert_eq!(
                error.explanation.field_text().as_deref(),
                Some("uri"),
                "{uri}"
            );
            assert!(error.explanation.message.contains(culprit), "{error}");
        }
    }

    #[test]
    fn only_a_plain_label_becomes_part_of_a_hosts_name() {
        for (bucket, fits) in [
            ("my-bucket", true),
            ("1234", true),
            ("my.bucket", false),
            ("My-Bucket", false),
            ("my_bucket", false),
        ] {
            assert_eq!(name(&format!("s3://{bucket}/a")).fits_a_host(), fits);
        }
        assert!(!name(&format!("s3://{}/a", "a".repeat(64))).fits_a_host());
    }

    #[test]
    fn likely_mistakes_are_suggested() {
        assert!(name("s3://b/a%20b").doubt().unwrap().contains("%20"));
        assert!(name("s3://b/a/").doubt().unwrap().contains("folder"));
        assert!(name("s3://b//a").doubt().unwrap().contains("slashes"));
        assert_eq!(name("s3://b/100%.py").doubt(), None);
    }
}
