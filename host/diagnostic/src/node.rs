use serde_json::{Map, Value};

use super::Span;

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
    /// A string, a number, a boolean or null; never a list or an object.
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

/// A name in a mapping, and its position. A key that is not a string is kept as it was written.
#[derive(Clone, PartialEq, Eq)]
pub struct Key {
    /// The name.
    pub text: String,
    /// Where it stands.
    pub span: Span,
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

    /// Whether this is null, explicitly or by omission.
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(&self.kind, NodeKind::Scalar(Value::Null))
    }

    /// Its type, for messages: `a string`, `a number`, `true or false`, `null`, `a list`, `a mapping`.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        match &self.kind {
            NodeKind::Scalar(Value::String(_)) => "a string",
            NodeKind::Scalar(Value::Number(_)) => "a number",
            NodeKind::Scalar(Value::Bool(_)) => "true or false",
            NodeKind::Scalar(_) => "null",
            NodeKind::Sequence(_) => "a list",
            NodeKind::Mapping(_) => "a mapping",
        }
    }

    /// The value without positions.
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

    pub(super) fn child(&self, segment: &str) -> Option<(Option<Span>, &Node)> {
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
