/// The first-party tools that this host was built with, as the name of their origin and the component.
pub const EMBEDDED_TOOLS: [(&str, &[u8]); 3] = [
    ("built in: container", toolhost_tools::CONTAINER),
    ("built in: python", toolhost_tools::PYTHON),
    ("built in: script", toolhost_tools::SCRIPT),
];

/// The prefix of their origins, before the kind.
const ORIGIN_PREFIX: &str = "built in: ";

/// Whether this host was built with a tool of the kind.
#[must_use]
pub fn is_built_in(kind: &str) -> bool {
    let mut origins = EMBEDDED_TOOLS.iter().map(|(origin, _)| *origin);
    origins.any(|origin| origin.strip_prefix(ORIGIN_PREFIX) == Some(kind))
}
