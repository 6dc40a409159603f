use std::fmt;
use std::str::FromStr;

use url::{Host, Url};

/// A pattern of what may be fetched: a scheme, a host, a bucket, or everything below a path of one of them.
///
/// | pattern | matches |
/// |---|---|
/// | `gs:`, `s3:`, `http:`, `https:`, `file:` | everything of the scheme |
/// | `gs://bucket`, `s3://bucket/` | a bucket |
/// | `gs://bucket/scripts/` | what lies below a folder |
/// | `gs://bucket/scripts` | the object of this name, and what lies below the folder |
/// | `https://example.com/` | a host on the usual port of the scheme |
/// | `https://*.example.com:8443/a/` | hosts below a domain, but not itself, by port and path |
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchPattern {
    text: String,
    scheme: &'static str,
    place: Option<Place>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    authority: Authority,
    /// Without the leading slash; empty for everything.
    path: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Authority {
    Bucket(String),
    Host {
        host: String,
        port: Option<u16>,
    },
    /// Hosts below this domain, which is stored without `*.`.
    Below {
        domain: String,
        port: Option<u16>,
    },
}

/// An invalid pattern, with the problem as text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct FetchPatternError(String);

/// Schemes and what they name after `//`: buckets or hosts.
const SCHEMES: [&str; 5] = ["gs", "s3", "http", "https", "file"];

impl FetchPattern {
    /// Parses a pattern of HTTP servers: `https://example.com/`, or `example.com` for the same.
    ///
    /// # Errors
    ///
    /// It is an invalid pattern, or does not name a server.
    pub fn of_server(text: &str) -> Result<Self, FetchPatternError> {
        let is_host = !text.contains('/') && !text.ends_with(':');
        let pattern: Self = if is_host {
            format!("https://{text}/").parse()?
        } else {
            text.parse()?
        };
        if pattern.names_a_host() {
            return Ok(pattern);
        }
        let problem = "names no server: write `https://example.com/` or `*.example.com`";
        Err(FetchPatternError(format!("`{text}` {problem}")))
    }

    /// Whether it names a host, or the hosts of a domain with an owner: neither a scheme alone does, nor everything
    /// below a domain such as `com`.
    #[must_use]
    pub(super) fn names_a_host(&self) -> bool {
        match self.place.as_ref().map(|place| &place.authority) {
            Some(Authority::Host { .. }) => true,
            Some(Authority::Below { domain, .. }) => domain.contains('.'),
            Some(Authority::Bucket(_)) | None => false,
        }
    }

    /// Whether it matches an object of a bucket of `scheme` (`gs` or `s3`).
    #[must_use]
    pub(super) fn matches_object(&self, scheme: &str, bucket: &str, key: &str) -> bool {
        if self.scheme != scheme {
            return false;
        }
        let Some(place) = &self.place else {
            return true;
        };
        place.authority == Authority::Bucket(bucket.to_owned()) && is_below(key, &place.path)
    }

    /// Whether it matches a URL of an HTTP server.
    #[must_use]
    pub(super) fn matches_url(&self, url: &Url) -> bool {
        if self.scheme != url.scheme() {
            return false;
        }
        let Some(place) = &self.place else {
            return true;
        };
        let host = bare(url.host_str().unwrap_or_default());
        let is_there = match &place.authority {
            Authority::Bucket(_) => false,
            Authority::Host { host: wanted, port } => host == wanted && *port == url.port(),
            Authority::Below { domain, port } => {
                let is_name = matches!(url.host(), Some(Host::Domain(_)));
                let below = host.strip_suffix(domain.as_str());
                let below = below.and_then(|below| below.strip_suffix('.'));
                is_name && below.is_some_and(|below| !below.is_empty()) && *port == url.port()
            }
        };
        let path = url.path();
        is_there && is_below(path.strip_prefix('/').unwrap_or(path), &place.path)
    }

    /// Whether it matches a file of the workspace.
    #[must_use]
    pub(super) fn matches_file(&self) -> bool {
        self.scheme == "file"
    }
}

impl FromStr for FetchPattern {
    type Err = FetchPatternError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = |problem: &str| FetchPatternError(format!("`{text}` {problem}"));
        let (scheme, rest) = text.split_once(':').ok_or_else(|| {
            wrong("has no scheme: write `https://example.com/`, `gs://bucket/`, or `file:`")
        })?;
        let known = SCHEMES.into_iter().find(|known| *known == scheme);
        let scheme = known.ok_or_else(|| {
            wrong("has another scheme than `gs`, `s3`, `http`, `https` and `file`")
        })?;
        let place = match scheme {
            _ if rest.is_empty() => None,
            "file" => {
                return Err(wrong(
                    "is more than `file:`, which stands for the workspace",
                ));
            }
            "gs" | "s3" => Some(bucket(rest).map_err(wrong)?),
            _ => Some(host(text).map_err(wrong)?),
        };
        let text = text.to_owned();
        Ok(Self {
            text,
            scheme,
            place,
        })
    }
}

impl fmt::Display for FetchPattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

fn bucket(rest: &str) -> Result<Place, &'static str> {
    let rest = rest
        .strip_prefix("//")
        .ok_or("has no `//` before the bucket")?;
    let (bucket, path) = rest.split_once('/').unwrap_or((rest, ""));
    if bucket.is_empty() || bucket.contains('*') {
        return Err("names no bucket; without `//` it stands for all of them");
    }
    if is_ambiguous(path) || path.contains('*') {
        return Err("has a path that is not a plain prefix of names");
    }
    Ok(Place {
        authority: Authority::Bucket(bucket.to_owned()),
        path: path.to_owned(),
    })
}

fn host(text: &str) -> Result<Place, &'static str> {
    let url = Url::parse(text).map_err(|_| "is no URL")?;
    let has_more = !url.username().is_empty()
        || url.password().is_some()
        || url.query().is_some()
        || url.fragment().is_some();
    if has_more {
        return Err("has more than scheme, host, port and path");
    }
    let path = url.path();
    let path = path.strip_prefix('/').unwrap_or(path);
    if is_ambiguous(path) || path.contains('*') {
        return Err("has a path that is not a plain prefix of paths");
    }
    let host = bare(url.host_str().unwrap_or_default()).to_owned();
    let port = url.port();
    let authority = match host.strip_prefix("*.") {
        Some(domain) if domain.contains('*') => return Err("has more than one `*`"),
        Some(domain) => Authority::Below {
            domain: domain.to_owned(),
            port,
        },
        None if host.contains('*') => return Err("has a `*` that is not `*.` before a domain"),
        None => Authority::Host { host, port },
    };
    Ok(Place {
        authority,
        path: path.to_owned(),
    })
}

/// Returns a host without the trailing dot.
fn bare(host: &str) -> &str {
    host.strip_suffix('.').unwrap_or(host)
}

/// Whether a path lies below a prefix, by whole segments.
fn is_below(path: &str, prefix: &str) -> bool {
    if prefix.is_empty() {
        return true;
    }
    if is_ambiguous(path) {
        return false;
    }
    path.strip_prefix(prefix)
        .is_some_and(|rest| prefix.ends_with('/') || rest.is_empty() || rest.starts_with('/'))
}

/// Whether some servers may interpret the path differently: `..` segments, and encoded separators.
fn is_ambiguous(path: &str) -> bool {
    let lower = path.to_ascii_lowercase();
    let is_encoded = ["%2e", "%2f", "%5c", "\\"]
        .iter()
        .any(|encoded| lower.contains(encoded));
    is_encoded || path.split('/').any(|segment| matches!(segment, "." | ".."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> FetchPattern {
        text.parse().unwrap()
    }

    #[test]
    fn matches_hosts_ports_and_paths_of_urls() {
        let cases = [
            ("https:", "https://any.example:1/x", true),
            ("https:", "http://any.example/x", false),
            ("https://a.example/", "https://a.example/x?y=z", true),
            ("https://a.example", "https://A.EXAMPLE.:443/x", true),
            ("https://a.example/", "https://a.example:8443/x", false),
            ("https://a.example:8443/", "https://a.example:8443/x", true),
            ("https://a.example/", "https://b.example/x", false),
            ("https://a.example/", "https://a.example.evil/x", false),
            ("https://a.example/", "https://a.example@evil/x", false),
            ("https://*.a.example/", "https://x.a.example/", true),
            ("https://*.a.example/", "https://x.y.a.example/", true),
            ("https://*.a.example/", "https://a.example/", false),
            ("https://*.a.example/", "https://xa.example/", false),
            ("https://a.example/s/", "https://a.example/s/x.py", true),
            ("https://a.example/s/", "https://a.example/s", false),
            ("https://a.example/s", "https://a.example/s", true),
            ("https://a.example/s", "https://a.example/s/x.py", true),
            ("https://a.example/s", "https://a.example/secret", false),
            ("https://a.example/s/", "https://a.example/s/../t", false),
            (
                "https://a.example/s/",
                "https://a.example/s/%2e%2e/t",
                false,
            ),
            ("https://a.example/s/", "https://a.example/s/..%2Ft", false),
            ("https://a.example/s/", "https://a.example/s/..%5ct", false),
            ("https://a.example/s/", r"https://a.example/s/..\t", false),
            ("http://10.0.0.1/", "http://10.0.0.1/x", true),
            ("http://*.0.0.1/", "http://10.0.0.1/x", false),
            ("http://[::1]:80/", "http://[::1]/x", true),
        ];
        for (text, url, expected) in cases {
            let url = Url::parse(url).unwrap();
            // An invalid host, such as `*.0.0.1`, is an invalid pattern as well.
            let matches = text
                .parse()
                .is_ok_and(|pattern: FetchPattern| pattern.matches_url(&url));
            assert_eq!(matches, expected, "{text} {url}");
        }
    }

    #[test]
    fn matches_buckets_and_what_lies_below_folders() {
        let cases = [
            ("gs:", "gs", "b", "x", true),
            ("gs:", "s3", "b", "x", false),
            ("gs://b", "gs", "b", "x/../y", true),
            ("gs://b/", "gs", "bb", "x", false),
            ("gs://b/s/", "gs", "b", "s/x.py", true),
            ("gs://b/s/", "gs", "b", "s", false),
            ("gs://b/s", "gs", "b", "s", true),
            ("gs://b/s", "gs", "b", "s/x", true),
            ("gs://b/s", "gs", "b", "st", false),
            ("gs://b/s/", "gs", "b", "s/../t", false),
            ("s3://b/s/", "s3", "b", "s/%2e%2e/t", false),
            ("https://b/", "gs", "b", "x", false),
        ];
        for (text, scheme, bucket, key, expected) in cases {
            let matches = pattern(text).matches_object(scheme, bucket, key);
            assert_eq!(matches, expected, "{text} {scheme}://{bucket}/{key}");
        }
        assert!(pattern("file:").matches_file());
        assert!(!pattern("https:").matches_file());
    }

    #[test]
    fn knows_which_patterns_name_a_host() {
        for (text, names) in [
            ("https:", false),
            ("http:", false),
            ("file:", false),
            ("gs://bucket/", false),
            ("https://*.com/", false),
            ("https://*.example.com/", true),
            ("http://10.0.0.1:8080/a/", true),
        ] {
            assert_eq!(pattern(text).names_a_host(), names, "{text}");
        }
    }

    #[test]
    fn a_server_is_named_by_its_host_alone_or_by_a_whole_pattern() {
        for (text, url, matches) in [
            ("api.example", "https://api.example/a", true),
            ("API.example", "https://api.example/a", true),
            ("api.example", "http://api.example/a", false),
            ("api.example:8443", "https://api.example:8443/a", true),
            ("*.api.example", "https://x.api.example/a", true),
            ("http://api.example:80/v1/", "http://api.example/v1/a", true),
            (
                "http://api.example:80/v1/",
                "http://api.example/v2/a",
                false,
            ),
        ] {
            let pattern = FetchPattern::of_server(text).unwrap();
            assert_eq!(
                pattern.matches_url(&Url::parse(url).unwrap()),
                matches,
                "{text} {url}"
            );
        }
        for text in [
            "",
            "https:",
            "gs://bucket/",
            "file:",
            "*",
            "*.com",
            "a b",
            "me@a.example",
        ] {
            assert!(FetchPattern::of_server(text).is_err(), "{text}");
        }
    }

    #[test]
    fn says_what_is_wrong_with_a_pattern() {
        for (text, problem) in [
            ("example.com", "has no scheme"),
            ("ftp://a/", "another scheme"),
            ("gs:/b", "no `//`"),
            ("gs://", "names no bucket"),
            ("gs://*/x", "names no bucket"),
            ("gs://b/../x", "not a plain prefix"),
            ("gs://b/*.py", "not a plain prefix"),
            ("file:///etc", "stands for the workspace"),
            ("https://", "is no URL"),
            ("https://me:pass@a/", "more than scheme"),
            ("https://a/?x", "more than scheme"),
            ("https://a*.example/", "not `*.` before a domain"),
            ("https://*.*.example/", "more than one"),
            ("https://a/*/x", "not a plain prefix"),
        ] {
            let error = text.parse::<FetchPattern>().unwrap_err().to_string();
            assert!(error.contains(problem), "{error}");
        }
    }
}
