use std::fmt;

use serde_json::Value;

use super::parse;
use super::{Diagnostic, Node, Source, Span};

/// A YAML or JSON text as a tree whose every key and value knows its place.
#[derive(Clone)]
pub struct Document {
    source: Source,
    root: Node,
}

/// Where a path of a document leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The key under which the value stands; none for the root and for items of lists.
    pub key: Option<Span>,
    /// The value.
    pub value: Span,
}

impl Document {
    /// Reads a YAML 1.2 or JSON text; an empty one is null.
    ///
    /// # Errors
    ///
    /// A text that is not YAML, holds a key twice or more than one document, or exceeds one of the
    /// bounds [`MAX_DOCUMENT_BYTES`](super::MAX_DOCUMENT_BYTES), [`MAX_DEPTH`](super::MAX_DEPTH),
    /// [`MAX_NODES`](super::MAX_NODES), [`MAX_ALIASED_NODES`](super::MAX_ALIASED_NODES) and
    /// [`MAX_ALIASED_BYTES`](super::MAX_ALIASED_BYTES).
    pub fn parse(name: &str, text: &str) -> Result<Self, Diagnostic> {
        Self::from_source(Source::new(name, text))
    }

    /// As [`parse`](Self::parse), for a text of which no line may be shown.
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

    /// The text that was read.
    #[must_use]
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// The whole value.
    #[must_use]
    pub fn root(&self) -> &Node {
        &self.root
    }

    /// Everything without its places, with the order of keys kept.
    #[must_use]
    pub fn to_value(&self) -> Value {
        self.root.to_value()
    }

    /// Where the value at `path` stands; an item of a list is named by its index.
    #[must_use]
    pub fn locate(&self, path: &[impl AsRef<str>]) -> Option<Place> {
        let (place, depth) = self.walk(path);
        (depth == path.len()).then_some(place)
    }

    /// Where the value at `path` stands, or the closest thing around it that there is.
    #[must_use]
    pub fn locate_nearest(&self, path: &[impl AsRef<str>]) -> Place {
        self.walk(path).0
    }

    /// Where the value at a JSON pointer (RFC 6901) stands, such as `/job/image`.
    #[must_use]
    pub fn locate_pointer(&self, pointer: &str) -> Option<Place> {
        self.locate(&pointer_segments(pointer)?)
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

/// The segments of a JSON pointer; none where it does not begin with `/`.
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
