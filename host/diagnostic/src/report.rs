use std::fmt;

use miette::{GraphicalReportHandler, GraphicalTheme, LabeledSpan, SourceCode, SourceSpan};

use super::{Source, Span};

/// The width at which help texts are wrapped. It is independent of the terminal, so that the same problem
/// always yields the same text.
const WIDTH: usize = 100;
/// An excerpt with a longer line is omitted: it would fill the terminal without being useful.
const MAX_EXCERPT_LINE_BYTES: usize = 1_000;

/// One problem, with its positions and how to fix it.
#[derive(Debug, Clone)]
pub struct Diagnostic {
    message: String,
    severity: Severity,
    source: Option<Source>,
    labels: Vec<Label>,
    help: Option<String>,
}

/// The severity of a [`Diagnostic`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// Nothing can be done until it is fixed.
    Error,
    /// Work continues, but probably not as intended.
    Warning,
}

#[derive(Debug, Clone)]
struct Label {
    span: Span,
    text: Option<String>,
}

impl Diagnostic {
    /// An error: a lowercase fragment that names the culprit.
    #[must_use]
    pub fn error(message: impl Into<String>) -> Self {
        Self::new(Severity::Error, message.into())
    }

    /// A warning: a lowercase fragment that names the culprit.
    #[must_use]
    pub fn warning(message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, message.into())
    }

    fn new(severity: Severity, message: String) -> Self {
        Self {
            message,
            severity,
            source: None,
            labels: Vec::new(),
            help: None,
        }
    }

    /// Converts it to a warning: work continues.
    #[must_use]
    pub fn as_warning(self) -> Self {
        Self {
            severity: Severity::Warning,
            ..self
        }
    }

    /// Adds a position without a label.
    #[must_use]
    pub fn at(self, source: &Source, span: Span) -> Self {
        self.point(source, span, None)
    }

    /// Adds a position with a label. All positions must be in the same source.
    #[must_use]
    pub fn label(self, source: &Source, span: Span, text: impl Into<String>) -> Self {
        self.point(source, span, Some(text.into()))
    }

    /// Adds how to fix it.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    fn point(mut self, source: &Source, span: Span, text: Option<String>) -> Self {
        self.source.get_or_insert_with(|| source.clone());
        self.labels.push(Label { span, text });
        self
    }

    /// The message, without positions.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// How to fix it, if known.
    #[must_use]
    pub fn help_text(&self) -> Option<&str> {
        self.help.as_deref()
    }

    /// The severity.
    #[must_use]
    pub fn severity(&self) -> Severity {
        self.severity
    }

    /// The first position.
    #[must_use]
    pub fn span(&self) -> Option<Span> {
        self.labels.first().map(|label| label.span)
    }

    /// `file:line:column` of the first position.
    #[must_use]
    pub fn location(&self) -> Option<String> {
        let source = self.source.as_ref()?;
        let span = self.span()?;
        Some(format!("{}:{}:{}", source.name(), span.line, span.column))
    }

    /// The problem rendered for a terminal: message, excerpt with carets, help.
    ///
    /// Messages, names and sources are quoted unchanged, including control characters.
    #[must_use]
    pub fn render(&self, color: bool) -> String {
        let theme = if color {
            GraphicalTheme::unicode()
        } else {
            GraphicalTheme::unicode_nocolor()
        };
        let handler = GraphicalReportHandler::new_themed(theme)
            .with_width(WIDTH)
            .with_links(false)
            .with_break_words(false);
        let mut text = String::new();
        match handler.render_report(&mut text, self) {
            Ok(()) => text,
            // Only a position outside the source makes the excerpt fail; the problem must still be visible.
            Err(_) => format!("{self}\n"),
        }
    }

    fn shown_source(&self) -> Option<&Source> {
        self.source.as_ref().filter(|source| {
            !source.is_confidential()
                && self
                    .labels
                    .iter()
                    .all(|label| has_short_lines(source.text(), label.span))
        })
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)?;
        // The excerpt names the position if it is shown; otherwise the message does.
        if self.shown_source().is_none()
            && let Some(location) = self.location()
        {
            write!(formatter, " (at {location})")?;
        }
        Ok(())
    }
}

impl std::error::Error for Diagnostic {}

impl miette::Diagnostic for Diagnostic {
    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.severity {
            Severity::Error => miette::Severity::Error,
            Severity::Warning => miette::Severity::Warning,
        })
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help
            .as_ref()
            .map(|help| Box::new(help) as Box<dyn fmt::Display + 'a>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.shown_source()
            .map(|source| source.named() as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let source = self.shown_source()?;
        Some(Box::new(
            self.labels
                .iter()
                .map(|label| labeled(label, source.text())),
        ))
    }
}

/// The part of a label that is underlined: its first line, since a caret under a whole block is not helpful.
fn labeled(label: &Label, text: &str) -> LabeledSpan {
    let slice = label.span.slice(text);
    let first_line = slice.lines().next().unwrap_or_default().trim_end();
    let span = SourceSpan::new(label.span.start.into(), first_line.len());
    LabeledSpan::new_with_span(label.text.clone(), span)
}

/// Whether the lines of an excerpt, from one before the position to one after it, are short.
fn has_short_lines(text: &str, span: Span) -> bool {
    let before = text.get(..span.start).unwrap_or_default();
    let after = text.get(span.start..).unwrap_or_default();
    let last_two = before.rsplit('\n').take(2).map(str::len).sum::<usize>();
    let next_two = after.split('\n').take(2).map(str::len).sum::<usize>();
    last_two + next_two <= MAX_EXCERPT_LINE_BYTES
}
