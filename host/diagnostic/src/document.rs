use std::fmt;

use serde_json::Value;
use toolhost_capability::text::{all_of, did_you_mean};

use super::parse;
use super::{Diagnostic, Key, Node, Source, Span};

/// A YAML or JSON document as a tree whose keys and values have source positions.
#[derive(Clone)]
pub struct Document {
    source: Source,
    root: Node,
}

/// The target of a path in a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The key of the value; `None` for the root and for items of lists.
    pub key: Option<Span>,
    /// The value.
    pub value: Span,
}

impl Document {
    /// Parses a YAML 1.2 or JSON document; an empty one is null.
    ///
    /// # Errors
    ///
    /// A text that is not YAML, has a duplicate key or more than one document, or exceeds one of
    /// the limits [`MAX_DOCUMENT_BYTES`](super::MAX_DOCUMENT_BYTES),
    /// [`MAX_DEPTH`](super::MAX_DEPTH), [`MAX_NODES`](super::MAX_NODES),
    /// [`MAX_ALIASED_NODES`](super::MAX_ALIASED_NODES) and
    /// [`MAX_ALIASED_BYTES`](super::MAX_ALIASED_BYTES).
    pub fn parse(name: &str, text: &str) -> Result<Self, Diagnostic> {
        Self::from_source(Source::new(name, text))
    }

    /// As [`parse`](Self::parse), for a text whose lines must not be shown.
    ///
    /// # Errors
    ///
    /// As [`parse`](Self::parse).
    pub fn parse_confidential(name: &str, text: &str) -> Result<Self, Diagnostic> {
        Self::from_source(Source::confidential(name, text))
    }

    fn from_source(source: Source) -> Result<Self, Diagnostic> {
        let root = parse::parse(&source)?;
        Ok(Self { source, root })
    }

    /// The source text.
    #[must_use]
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// The whole value.
    #[must_use]
    pub fn root(&self) -> &Node {
        &self.root
    }

    /// The whole value without positions, keeping the order of keys.
    #[must_use]
    pub fn to_value(&self) -> Value {
        self.root.to_value()
    }

    /// The position of the value at `path`; an item of a list is named by its index.
    #[must_use]
    pub fn locate(&self, path: &[impl AsRef<str>]) -> Option<Place> {
        let (place, depth) = self.walk(path);
        (depth == path.len()).then_some(place)
    }

    /// The position of the value at `path`, or of its closest existing ancestor.
    #[must_use]
    pub fn locate_nearest(&self, path: &[impl AsRef<str>]) -> Place {
        self.walk(path).0
    }

    /// The position of the value at a JSON pointer (RFC 6901), such as `/job/image`.
    #[must_use]
    pub fn locate_pointer(&self, pointer: &str) -> Option<Place> {
        self.locate(&pointer_segments(pointer)?)
    }

    /// The problem of a key that is not one of the known ones, with what was probably meant.
    #[must_use]
    pub fn unknown_key(&self, key: &Key, known: &[&str]) -> Diagnostic {
        let name = &key.text;
        let problem = Diagnostic::error(format!("unknown key `{name}`"));
        let help = match did_you_mean(name, known.iter().copied()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("expected {}", all_of(known)),
        };
        problem.at(&self.source, key.span).help(help)
    }

    fn walk(&self, path: &[impl AsRef<str>]) -> (Place, usize) {
        let mut node = &self.root;
        let mut key = None;
        for (depth, segment) in path.iter().enumerate() {
            let next = node.child(segment.as_ref());
            let Some((next_key, next_node)) = next else {
                return (
                    Place {
                        key,
                        value: node.span,
                    },
                    depth,
                );
            };
            key = next_key;
            node = next_node;
        }
        (
            Place {
                key,
                value: node.span,
            },
            path.len(),
        )
    }
}

impl fmt::Debug for Document {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Document")
            .field("name", &self.source.name())
            .finish_non_exhaustive()
    }
}

/// The segments of a JSON pointer; `None` if it does not start with `/`.
fn pointer_segments(pointer: &str) -> Option<Vec<String>> {
    if pointer.is_empty() {
        return Some(Vec::new());
    }
    let segments = pointer.strip_prefix('/')?.split('/');
    Some(
        segments
            .map(|segment| segment.replace("~1", "/").replace("~0", "~"))
            .collect(),
    )
}
