//! The images that may run.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use super::pattern::{ParsePatternError, Pattern};

/// The registry of an image whose name has none, and the path of its official images.
const DEFAULT_REGISTRY: &str = "docker.io";
const LEGACY_REGISTRY: &str = "index.docker.io";
const OFFICIAL: &str = "library";
/// Number of digits of a SHA-256 digest, the only algorithm that registries use.
const DIGEST_DIGITS: usize = 64;

/// A pattern of images: `python:3.*`, `registry.example.com/team/*`, or `*` for all.
///
/// Names are completed like in a container runtime (`python` is `docker.io/library/python`) before they are compared,
/// and the registry is compared separately: `python*` matches nothing of `python.example.com`. In the registry `*`
/// stands for any characters, and after it for slashes as well. A pattern without a tag or digest matches every image
/// of its repository. The tag of an image with a digest is ignored, as runtimes ignore it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImagePattern {
    text: String,
    /// The registry and the rest; none for all images.
    parts: Option<(Pattern, Pattern)>,
}

impl ImagePattern {
    /// Whether the image matches.
    #[must_use]
    pub fn matches(&self, image: &str) -> bool {
        let Some((registry, rest)) = &self.parts else {
            return true;
        };
        let name = ImageName::new(image);
        registry.matches(&name.registry)
            && (rest.matches(&name.repository) || rest.matches(&name.version()))
    }
}

impl FromStr for ImagePattern {
    type Err = ParsePatternError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let whole: Pattern = text.parse()?;
        let parts = if whole.is_any() {
            None
        } else {
            let (registry, rest) = complete(text);
            Some((registry.parse()?, rest.parse()?))
        };
        Ok(Self {
            text: text.to_owned(),
            parts,
        })
    }
}

impl fmt::Display for ImagePattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

/// The parts of an image's name.
pub(super) struct ImageName<'image> {
    registry: Cow<'image, str>,
    repository: String,
    tag: Option<&'image str>,
    digest: Option<&'image str>,
}

impl<'image> ImageName<'image> {
    pub(super) fn new(image: &'image str) -> Self {
        let (name, digest) = match image.split_once('@') {
            Some((name, digest)) => (name, Some(digest)),
            None => (image, None),
        };
        // A colon before the last slash precedes a port.
        let (name, tag) = match name.rsplit_once(':') {
            Some((before, tag)) if !tag.contains('/') => (before, Some(tag)),
            _ => (name, None),
        };
        let (registry, repository) = complete(name);
        Self {
            registry,
            repository: repository.into_owned(),
            tag,
            digest,
        }
    }

    /// The repository with what determines which of its images is pulled.
    fn version(&self) -> String {
        let repository = &self.repository;
        match (self.digest, self.tag) {
            (Some(digest), _) => format!("{repository}@{digest}"),
            (None, Some(tag)) => format!("{repository}:{tag}"),
            (None, None) => format!("{repository}:latest"),
        }
    }

    pub(super) fn is_pinned(&self) -> bool {
        let digits = self
            .digest
            .and_then(|digest| digest.strip_prefix("sha256:"));
        digits.is_some_and(|digits| {
            digits.len() == DIGEST_DIGITS && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
        })
    }
}

/// Returns the registry and the rest of a name, completed like in `github.com/distribution/reference`.
fn complete(name: &str) -> (Cow<'_, str>, Cow<'_, str>) {
    let (registry, rest) = match name.split_once('/') {
        Some((first, rest)) if is_registry(first) => (first, rest),
        _ => (DEFAULT_REGISTRY, name),
    };
    if registry != DEFAULT_REGISTRY && registry != LEGACY_REGISTRY {
        return (Cow::Borrowed(registry), Cow::Borrowed(rest));
    }
    let rest = if rest.contains('/') {
        Cow::Borrowed(rest)
    } else {
        Cow::Owned(format!("{OFFICIAL}/{rest}"))
    };
    (Cow::Borrowed(DEFAULT_REGISTRY), rest)
}

fn is_registry(first: &str) -> bool {
    first == "localhost"
        || first.contains(['.', ':'])
        || first.contains(|character: char| character.is_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_completed_before_they_are_compared() {
        let digest = format!("python@sha256:{}", "0".repeat(64));
        let tagged = format!("python:3.11@sha256:{}", "0".repeat(64));
        for (pattern, image, expected) in [
            ("*", "evil.example.com/x:1", true),
            ("python", "python", true),
            ("python", "python:3.11-slim", true),
            ("python", "docker.io/library/python:3.11", true),
            ("python", "index.docker.io/python", true),
            ("python", digest.as_str(), true),
            ("python", "pythonic", false),
            ("python", "python/evil", false),
            ("python:3.*", "python:3.11-slim", true),
            ("python:3.*", "python", false),
            ("python:latest", "python", true),
            ("docker.io/library/python:3.*", "python:3.11", true),
            // A runtime ignores the tag next to a digest.
            ("python:3.11", tagged.as_str(), false),
            ("python:3.*", tagged.as_str(), false),
            ("python@sha256:0*", tagged.as_str(), true),
            // The beginning of a name does not match a registry, and vice versa.
            ("python*", "python.example.com/x", false),
            ("python:*", "python:5000/x", false),
            ("python*", "python3", true),
            ("registry.example.com/*", "registry.example.com/a/b:1", true),
            (
                "registry.example.com/*",
                "registry.example.com.evil.org/a",
                false,
            ),
            (
                "registry.example.com/*",
                "evil.org/registry.example.com/a",
                false,
            ),
            (
                "registry.example.com/team/*",
                "registry.example.com/team-2/a",
                false,
            ),
            (
                "registry.example.com:5000/*",
                "registry.example.com:5000/a:1",
                true,
            ),
            (
                "registry.example.com:5000/*",
                "registry.example.com/a:1",
                false,
            ),
            ("*.example.com/team/*", "eu.example.com/team/a", true),
            (
                "*.example.com/team/*",
                "evil.org/x.example.com/team/a",
                false,
            ),
            ("team/*", "team/tool:1", true),
            ("team/*", "Team/tool:1", false),
            ("localhost/*", "localhost/a", true),
        ] {
            let parsed: ImagePattern = pattern.parse().unwrap();
            assert_eq!(parsed.matches(image), expected, "{pattern} {image}");
        }
    }
}
