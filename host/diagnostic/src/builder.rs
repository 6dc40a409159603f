use std::collections::HashMap;

use granit_parser::{Event, ScalarStyle, Tag};
use serde_json::Value;

use super::scalar::{self, ScalarError};
use super::{
    Diagnostic, Entry, Key, MAX_ALIASED_BYTES, MAX_ALIASED_NODES, MAX_DEPTH, MAX_NODES, Node,
    NodeKind, Source, Span,
};

/// The key that merges the entries of other mappings into a mapping, as in YAML 1.1 and `PyYAML`.
const MERGE_KEY: &str = "<<";

/// Builds the tree from the parser's events, without recursion.
pub(super) struct Builder<'source> {
    source: &'source Source,
    root: Option<Node>,
    open: Vec<Collection>,
    /// Finished nodes that an alias may repeat, by the parser's number of their anchor.
    anchors: HashMap<usize, Node>,
    documents: usize,
    nodes: usize,
    aliased: Weight,
}

/// A list or mapping whose end has not been reached yet.
struct Collection {
    span: Span,
    anchor: usize,
    content: Content,
}

enum Content {
    Sequence(Vec<Node>),
    Mapping {
        entries: Vec<Entry>,
        /// The position of each key in the text.
        keys: HashMap<String, Span>,
        /// The key whose value is next.
        key: Option<PendingKey>,
        /// The mappings named by merge keys.
        merged: Vec<Node>,
    },
}

struct PendingKey {
    key: Key,
    merges: bool,
}

#[derive(Clone, Copy, Default)]
struct Weight {
    nodes: usize,
    bytes: usize,
}

impl<'source> Builder<'source> {
    pub(super) fn new(source: &'source Source) -> Self {
        Self {
            source,
            root: None,
            open: Vec::new(),
            anchors: HashMap::new(),
            documents: 0,
            nodes: 0,
            aliased: Weight::default(),
        }
    }

    pub(super) fn finish(self) -> Node {
        self.root.unwrap_or(Node {
            span: Span::locate("", 0, 0),
            kind: NodeKind::Scalar(Value::Null),
        })
    }

    pub(super) fn accept(&mut self, event: Event<'_>, span: Span) -> Result<(), Diagnostic> {
        match event {
            Event::DocumentStart(..) => {
                self.documents += 1;
                if self.documents > 1 {
                    return Err(self
                        .problem("a second document starts here", span)
                        .help("put each document into its own file"));
                }
                Ok(())
            }
            Event::Scalar(text, style, anchor, tag) => {
                self.scalar(&text, style, tag.as_deref(), anchor, span)
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.check_collection_tag(tag.as_deref(), "seq", span)?;
                self.open(span, anchor, Content::Sequence(Vec::new()))
            }
            Event::MappingStart(_, anchor, tag) => {
                self.check_collection_tag(tag.as_deref(), "map", span)?;
                let content = Content::Mapping {
                    entries: Vec::new(),
                    keys: HashMap::new(),
                    key: None,
                    merged: Vec::new(),
                };
                self.open(span, anchor, content)
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(span),
            Event::Alias(anchor) => self.alias(anchor, span),
            // Anchors, comments and unresolved aliases are not requested.
            _ => Ok(()),
        }
    }

    fn scalar(
        &mut self,
        text: &str,
        style: ScalarStyle,
        tag: Option<&Tag>,
        anchor: usize,
        span: Span,
    ) -> Result<(), Diagnostic> {
        if self.takes_key() {
            // Every key is a string, so only the string tag is correct.
            if tag.is_some_and(|tag| tag.core_suffix() != Some("str")) {
                return Err(self.problem("a key cannot have a tag", span).help(
                    "remove the tag, which starts with `!`; `!name:` is also a tag, not a \
                           key",
                ));
            }
            let merges = text == MERGE_KEY && style == ScalarStyle::Plain && tag.is_none();
            return self.key(text, merges, span);
        }
        let core = match tag {
            Some(tag) => Some(
                tag.core_suffix()
                    .ok_or_else(|| self.scalar_problem(ScalarError::UnknownTag, text, span))?,
            ),
            None => None,
        };
        let value = scalar::resolve(text, style, core)
            .map_err(|error| self.scalar_problem(error, text, span))?;
        let kind = NodeKind::Scalar(value);
        self.add(Node { span, kind }, anchor)
    }

    fn key(&mut self, text: &str, merges: bool, span: Span) -> Result<(), Diagnostic> {
        let Some(Content::Mapping { keys, key, .. }) = self.innermost() else {
            return Ok(());
        };
        if merges {
            let text = text.to_owned();
            *key = Some(PendingKey {
                key: Key { text, span },
                merges,
            });
            return Ok(());
        }
        if let Some(first) = keys.insert(text.to_owned(), span) {
            let message = if self.source.is_confidential() {
                "duplicate key".to_owned()
            } else {
                format!("duplicate key `{text}`")
            };
            return Err(Diagnostic::error(message)
                .label(self.source, first, "first defined here")
                .label(self.source, span, "defined again here")
                .help("remove one of them: only one value can be used"));
        }
        let text = text.to_owned();
        *key = Some(PendingKey {
            key: Key { text, span },
            merges,
        });
        Ok(())
    }

    fn open(&mut self, span: Span, anchor: usize, content: Content) -> Result<(), Diagnostic> {
        if self.takes_key() {
            return Err(self.problem("a key must be a string, not a list or mapping", span));
        }
        if self.open.len() >= MAX_DEPTH {
            return Err(self.too_deep(span));
        }
        self.open.push(Collection {
            span,
            anchor,
            content,
        });
        Ok(())
    }

    fn close(&mut self, end: Span) -> Result<(), Diagnostic> {
        let Some(Collection {
            span,
            anchor,
            content,
        }) = self.open.pop()
        else {
            return Ok(());
        };
        let kind = match content {
            Content::Sequence(items) => NodeKind::Sequence(items),
            Content::Mapping {
                mut entries,
                mut keys,
                merged,
                ..
            } => {
                for node in merged {
                    self.merge(node, &mut entries, &mut keys)?;
                }
                NodeKind::Mapping(entries)
            }
        };
        let span = trimmed(span, end.end, self.source.text());
        self.add(Node { span, kind }, anchor)
    }

    /// Merges the entries of a mapping, or of each mapping of a list, unless their keys exist already.
    fn merge(
        &self,
        node: Node,
        entries: &mut Vec<Entry>,
        keys: &mut HashMap<String, Span>,
    ) -> Result<(), Diagnostic> {
        let span = node.span;
        match node.kind {
            NodeKind::Mapping(others) => {
                for entry in others {
                    if !keys.contains_key(&entry.key.text) {
                        keys.insert(entry.key.text.clone(), entry.key.span);
                        entries.push(entry);
                    }
                }
                Ok(())
            }
            NodeKind::Sequence(items) if items.iter().all(|item| item.entries().is_some()) => items
                .into_iter()
                .try_for_each(|item| self.merge(item, entries, keys)),
            NodeKind::Scalar(_) | NodeKind::Sequence(_) => {
                Err(self.problem("`<<` requires a mapping or a list of mappings", span))
            }
        }
    }

    fn alias(&mut self, anchor: usize, span: Span) -> Result<(), Diagnostic> {
        if self.takes_key() {
            return Err(self.problem("a key must be a string, not an alias", span));
        }
        let Some(node) = self.anchors.get(&anchor) else {
            return Err(self.problem("the alias is inside the value that it repeats", span));
        };
        let (weight, depth) = measure(node);
        if self.open.len() + depth > MAX_DEPTH {
            return Err(self.too_deep(span));
        }
        self.aliased.nodes = self.aliased.nodes.saturating_add(weight.nodes);
        self.aliased.bytes = self.aliased.bytes.saturating_add(weight.bytes);
        if self.aliased.nodes > MAX_ALIASED_NODES || self.aliased.bytes > MAX_ALIASED_BYTES {
            return Err(self.problem("aliases repeat too much", span).help(format!(
                "together they may repeat {MAX_ALIASED_NODES} values and {MAX_ALIASED_BYTES} bytes"
            )));
        }
        let node = Node {
            span,
            kind: node.kind.clone(),
        };
        self.nodes = self.nodes.saturating_add(weight.nodes);
        self.add(node, 0)
    }

    fn add(&mut self, node: Node, anchor: usize) -> Result<(), Diagnostic> {
        self.nodes = self.nodes.saturating_add(1);
        if self.nodes > MAX_NODES {
            return Err(self.problem(format!("more than {MAX_NODES} values"), node.span));
        }
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        match self.innermost() {
            None => self.root = Some(node),
            Some(Content::Sequence(items)) => items.push(node),
            Some(Content::Mapping {
                entries,
                key,
                merged,
                ..
            }) => match key.take() {
                Some(PendingKey { merges: true, .. }) => merged.push(node),
                Some(PendingKey { key, .. }) => entries.push(Entry { key, value: node }),
                // Collections and aliases as keys were rejected at their start.
                None => {}
            },
        }
        Ok(())
    }

    fn takes_key(&mut self) -> bool {
        matches!(self.innermost(), Some(Content::Mapping { key: None, .. }))
    }

    fn innermost(&mut self) -> Option<&mut Content> {
        self.open
            .last_mut()
            .map(|collection| &mut collection.content)
    }

    fn check_collection_tag(
        &self,
        tag: Option<&Tag>,
        expected: &str,
        span: Span,
    ) -> Result<(), Diagnostic> {
        match tag {
            Some(tag) if tag.core_suffix() != Some(expected) => {
                Err(self.scalar_problem(ScalarError::UnknownTag, "", span))
            }
            _ => Ok(()),
        }
    }

    fn scalar_problem(&self, error: ScalarError, text: &str, span: Span) -> Diagnostic {
        let message = if self.source.is_confidential() || text.is_empty() {
            error.to_string()
        } else {
            format!("{error}: `{}`", text.lines().next().unwrap_or_default())
        };
        let help = match error {
            ScalarError::NumberTooLarge | ScalarError::NotFinite => {
                "quote it to keep it as a string"
            }
            ScalarError::TagMismatch | ScalarError::UnknownTag => {
                "use `!!str`, `!!int`, `!!float`, `!!bool` or `!!null`, or no tag"
            }
        };
        self.problem(message, span).help(help)
    }

    fn too_deep(&self, span: Span) -> Diagnostic {
        self.problem(
            format!("values are nested more than {MAX_DEPTH} levels deep"),
            span,
        )
    }

    fn problem(&self, message: impl Into<String>, span: Span) -> Diagnostic {
        Diagnostic::error(message).at(self.source, span)
    }
}

/// The span up to `end`, without white space at its end.
pub(super) fn trimmed(span: Span, end: usize, text: &str) -> Span {
    let length = text
        .get(span.start..end.max(span.start))
        .map_or(0, |slice| slice.trim_end().len());
    Span {
        end: span.start + length,
        ..span
    }
}

/// The size and depth of a node.
fn measure(node: &Node) -> (Weight, usize) {
    let mut weight = Weight::default();
    let mut deepest = 0;
    let mut pending = vec![(node, 0)];
    while let Some((node, depth)) = pending.pop() {
        weight.nodes += 1;
        deepest = deepest.max(depth);
        match &node.kind {
            NodeKind::Scalar(value) => weight.bytes += value.as_str().map_or(8, str::len),
            NodeKind::Sequence(items) => {
                pending.extend(items.iter().map(|item| (item, depth + 1)));
            }
            NodeKind::Mapping(entries) => {
                for entry in entries {
                    weight.bytes += entry.key.text.len();
                    pending.push((&entry.value, depth + 1));
                }
            }
        }
    }
    (weight, deepest)
}
