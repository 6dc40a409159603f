use std::fmt;
use std::str::FromStr;

use semver::Version;

/// A tool as users name it: `script`, `script@0.1`, `script@0.1.0`, `script@sha256:…`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ToolRef {
    /// The kind.
    pub kind: String,
    /// Which version of it.
    pub version: VersionRef,
}

/// The requested version of a tool.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum VersionRef {
    /// The one that is in use.
    Current,
    /// The newest with this major version, and minor version if given: `0`, `0.1`.
    Newest {
        /// The major version.
        major: u64,
        /// The minor version.
        minor: Option<u64>,
    },
    /// Exactly this version.
    Exact(Version),
    /// The component whose digest begins with these lowercase hexadecimal digits.
    Digest(String),
}

/// The text is not a reference to a tool.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "invalid tool `{text}`: expected `KIND`, `KIND@1`, `KIND@1.2`, `KIND@1.2.3` or \
     `KIND@sha256:DIGEST`"
)]
pub struct ParseToolRefError {
    /// What was given.
    text: String,
}

/// The maximum length of a kind; it becomes part of labels, which have at most 63 characters.
const MAX_KIND_BYTES: usize = 63;
/// The minimum number of digits of a digest that identify a component.
const MIN_DIGEST_DIGITS: usize = 12;
/// The digits of a whole SHA-256 digest.
const MAX_DIGEST_DIGITS: usize = 64;

/// Whether the text is a valid kind: lowercase letters, digits, `-` and `_`, starting with a letter.
pub(super) fn is_kind(text: &str) -> bool {
    let is_rest =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte);
    text.len() <= MAX_KIND_BYTES
        && text
            .bytes()
            .next()
            .is_some_and(|first| first.is_ascii_lowercase())
        && text.bytes().all(is_rest)
}

impl FromStr for ToolRef {
    type Err = ParseToolRefError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (kind, version) = match text.split_once('@') {
            Some((kind, version)) => (kind, parse_version(version)),
            None => (text, Some(VersionRef::Current)),
        };
        match version {
            Some(version) if is_kind(kind) => Ok(Self {
                kind: kind.to_owned(),
                version,
            }),
            _ => Err(ParseToolRefError {
                text: text.to_owned(),
            }),
        }
    }
}

impl fmt::Display for ToolRef {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = &self.kind;
        match &self.version {
            VersionRef::Current => write!(formatter, "{kind}"),
            VersionRef::Newest { major, minor: None } => write!(formatter, "{kind}@{major}"),
            VersionRef::Newest {
                major,
                minor: Some(minor),
            } => {
                write!(formatter, "{kind}@{major}.{minor}")
            }
            VersionRef::Exact(version) => write!(formatter, "{kind}@{version}"),
            VersionRef::Digest(digits) => write!(formatter, "{kind}@sha256:{digits}"),
        }
    }
}

fn parse_version(text: &str) -> Option<VersionRef> {
    if let Some(digits) = text.strip_prefix("sha256:") {
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        let is_digest = (MIN_DIGEST_DIGITS..=MAX_DIGEST_DIGITS).contains(&digits.len())
            && digits.bytes().all(is_digit);
        return is_digest.then(|| VersionRef::Digest(digits.to_owned()));
    }
    if let Ok(version) = Version::parse(text) {
        return Some(VersionRef::Exact(version));
    }
    let (major, minor) = match text.split_once('.') {
        Some((major, minor)) => (major, Some(minor.parse().ok()?)),
        None => (text, None),
    };
    Some(VersionRef::Newest {
        major: major.parse().ok()?,
        minor,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_reads_back_as_it_is_written() {
        let digest = format!("script@sha256:{}", "0a".repeat(32));
        for text in [
            "script",
            "script@0",
            "script@0.1",
            "script@0.1.0",
            "s_2@1.0.0-rc.1",
            &digest,
        ] {
            assert_eq!(text.parse::<ToolRef>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn refuses_what_names_no_tool() {
        let long = "a".repeat(64);
        for text in [
            "",
            "@1",
            "Script",
            "1script",
            "script@",
            "script@x",
            "script@1.2.3.4",
            "script@sha256:00",
            &long,
            "a b",
        ] {
            assert!(text.parse::<ToolRef>().is_err(), "{text}");
        }
    }
}
