use toolhost::digest::Digest;
use toolhost_diagnostic::{Diagnostic, Document, Node};

/// The component that a kind's list is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Binding {
    /// Any component that claims the kind, which is only sufficient for a built-in tool.
    Kind,
    /// The components of these digests.
    Components(Vec<Digest>),
    /// The component in the file of this name, for a tool in development.
    File(String),
    /// The component of this digest, which replaces the built-in one.
    Override(Digest),
}

/// The keys of entries that name a component.
const KEYS: [&str; 3] = ["digest", "file", "override"];

/// The names of those keys, for suggestions.
pub(super) fn keys() -> impl Iterator<Item = &'static str> {
    KEYS.into_iter()
}

/// Whether an entry of a kind's list names the component that the list is for.
pub(super) fn is_binding(entry: &Node) -> bool {
    let key = match entry.entries() {
        Some([only]) => &only.key.text,
        _ => return false,
    };
    KEYS.contains(&key.as_str())
}

impl Binding {
    /// The component that the list is for, according to its entries.
    pub(super) fn parse<'node>(
        entries: impl Iterator<Item = &'node Node>,
        document: &Document,
    ) -> Result<Self, Vec<Diagnostic>> {
        let mut problems = Vec::new();
        let mut binding = Self::Kind;
        for entry in entries.flat_map(|node| node.entries().unwrap_or_default()) {
            let text = entry.value.as_str().unwrap_or_default();
            let problem = match (entry.key.text.as_str(), &mut binding) {
                ("digest", Self::Components(digests)) => match text.parse() {
                    Ok(digest) => {
                        digests.push(digest);
                        continue;
                    }
                    Err(error) => (&entry.value, error.to_string()),
                },
                ("digest", Self::Kind) => match text.parse() {
                    Ok(digest) => {
                        binding = Self::Components(vec![digest]);
                        continue;
                    }
                    Err(error) => (&entry.value, error.to_string()),
                },
                ("override", Self::Kind) => match text.parse() {
                    Ok(digest) => {
                        binding = Self::Override(digest);
                        continue;
                    }
                    Err(error) => (&entry.value, error.to_string()),
                },
                ("file", Self::Kind) if is_file_name(text) => {
                    binding = Self::File(text.to_owned());
                    continue;
                }
                ("file", Self::Kind) => {
                    let message = "expected the name of a file in this folder";
                    (&entry.value, message.to_owned())
                }
                _ => {
                    let message = "this list already names its component";
                    (&entry.value, message.to_owned())
                }
            };
            let (node, message) = problem;
            problems.push(Diagnostic::error(message).at(document.source(), node.span));
        }
        if problems.is_empty() {
            Ok(binding)
        } else {
            Err(problems)
        }
    }
}

fn is_file_name(text: &str) -> bool {
    !matches!(text, "" | "." | "..") && !text.contains(['/', '\0'])
}
