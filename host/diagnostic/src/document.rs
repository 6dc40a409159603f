use std::fmt;

use serde_json::{Map, Value};

use super::parse;
use super::{Diagnostic, Source, Span};

/// A YAML or JSON text as a tree whose every key and value knows its place.
#[derive(Clone)]
pub struct Document {
    source: Source,
    root: Node,
}

/// A value and its place.
#[derive(Clone)]
pub struct Node {
    /// Where the value stands.
    pub span: Span,
    /// What it is.
    pub kind: NodeKind,
}

/// What a [`Node`] holds.
#[derive(Clone)]
pub enum NodeKind {
    /// A text, a number, a truth value or null; never a list or an object.
    Scalar(Value),
    /// A list.
    Sequence(Vec<Node>),
    /// Named values, in the order in which they were written; each name once.
    Mapping(Vec<Entry>),
}

/// One named value of a mapping.
#[derive(Clone)]
pub struct Entry {
    /// The name.
    pub key: Key,
    /// The value.
    pub value: Node,
}

/// A name in a mapping, and its place. A key that is not a text is held as it was written.
#[derive(Clone, PartialEq, Eq)]
pub struct Key {
    /// The name.
    pub text: String,
    /// Where it stands.
    pub span: Span,
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

impl Node {
    /// The value of a key of a mapping.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|entry| &entry.value)
    }

    /// A key of a mapping, with its value.
    #[must_use]
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries()?.iter().find(|entry| entry.key.text == key)
    }

    /// The entries, if this is a mapping.
    #[must_use]
    pub fn entries(&self) -> Option<&[Entry]> {
        match &self.kind {
            NodeKind::Mapping(entries) => Some(entries),
            NodeKind::Scalar(_) | NodeKind::Sequence(_) => None,
        }
    }

    /// The items, if this is a list.
    #[must_use]
    pub fn items(&self) -> Option<&[Node]> {
        match &self.kind {
            NodeKind::Sequence(items) => Some(items),
            NodeKind::Scalar(_) | NodeKind::Mapping(_) => None,
        }
    }

    /// The text, if this is one.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match &self.kind {
            NodeKind::Scalar(Value::String(text)) => Some(text),
            _ => None,
        }
    }

    /// Whether this is null, written or left out.
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(&self.kind, NodeKind::Scalar(Value::Null))
    }

    /// What it is, for messages: `a text`, `a number`, `true or false`, `null`, `a list`, `a mapping`.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        match &self.kind {
            NodeKind::Scalar(Value::String(_)) => "a text",
            NodeKind::Scalar(Value::Number(_)) => "a number",
            NodeKind::Scalar(Value::Bool(_)) => "true or false",
            NodeKind::Scalar(_) => "null",
            NodeKind::Sequence(_) => "a list",
            NodeKind::Mapping(_) => "a mapping",
        }
    }

    /// The value without its places.
    #[must_use]
    pub fn to_value(&self) -> Value {
        match &self.kind {
            NodeKind::Scalar(value) => value.clone(),
            NodeKind::Sequence(items) => items.iter().map(Node::to_value).collect(),
            NodeKind::Mapping(entries) => Value::Object(
                entries
                    .iter()
                    .map(|entry| (entry.key.text.clone(), entry.value.to_value()))
                    .collect::<Map<_, _>>(),
            ),
        }
    }

    fn child(&self, segment: &str) -> Option<(Option<Span>, &Node)> {
        match &self.kind {
            NodeKind::Scalar(_) => None,
            NodeKind::Sequence(items) => {
                let index: usize = segment.parse().ok()?;
                items.get(index).map(|item| (None, item))
            }
            NodeKind::Mapping(_) => self
                .entry(segment)
                .map(|entry| (Some(entry.key.span), &entry.value)),
        }
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
