use std::fmt;
use std::sync::Arc;

use miette::NamedSource;

/// A source text with its name. Cheap to clone.
#[derive(Clone)]
pub struct Source {
    inner: Arc<Inner>,
}

struct Inner {
    text: NamedSource<String>,
    confidential: bool,
}

impl Source {
    /// A text that may be shown with a problem.
    #[must_use]
    pub fn new(name: &str, text: &str) -> Self {
        Self::build(name, text, false)
    }

    /// A text that contains secrets: problems name the position and never show a line of it.
    #[must_use]
    pub fn confidential(name: &str, text: &str) -> Self {
        Self::build(name, text, true)
    }

    fn build(name: &str, text: &str, confidential: bool) -> Self {
        Self {
            inner: Arc::new(Inner {
                // A file name may contain line breaks, and a part of it could be mistaken for a line of a
                // report.
                text: NamedSource::new(name.replace('\n', "\\n"), text.to_owned()),
                confidential,
            }),
        }
    }

    /// The name of the text: usually its path.
    #[must_use]
    pub fn name(&self) -> &str {
        self.inner.text.name()
    }

    /// The whole text.
    #[must_use]
    pub fn text(&self) -> &str {
        self.inner.text.inner()
    }

    /// Whether the text must not be shown.
    #[must_use]
    pub fn is_confidential(&self) -> bool {
        self.inner.confidential
    }

    pub(super) fn named(&self) -> &NamedSource<String> {
        &self.inner.text
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Source")
            .field("name", &self.name())
            .finish_non_exhaustive()
    }
}

/// A part of a [`Source`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Span {
    /// The first byte.
    pub start: usize,
    /// The byte after the last one.
    pub end: usize,
    /// The line of the first byte, from 1.
    pub line: usize,
    /// The column of the first byte, in characters, from 1.
    pub column: usize,
}

impl Span {
    /// The span of `start..end`, with line and column counted in `text`.
    #[must_use]
    pub fn locate(text: &str, start: usize, end: usize) -> Self {
        let before = text.get(..start).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |position| position + 1);
        Self {
            start,
            end,
            line: before.matches('\n').count() + 1,
            column: before
                .get(line_start..)
                .map_or(0, |line| line.chars().count())
                + 1,
        }
    }

    /// The text of the span in the source.
    #[must_use]
    pub fn slice<'text>(&self, text: &'text str) -> &'text str {
        text.get(self.start..self.end).unwrap_or_default()
    }
}
