use granit_parser::Parser;

use super::builder::{Builder, trimmed};
use super::{Diagnostic, MAX_DEPTH, MAX_DOCUMENT_BYTES, Node, Source, Span};

/// The maximum length of a key that JSON may have on one line; YAML's own rule of 1,024 would reject valid
/// JSON.
const MAX_KEY_CHARACTERS: usize = 65_536;

/// Reads the one document of a source into a tree.
pub(super) fn parse(source: &Source) -> Result<Node, Diagnostic> {
    let text = source.text();
    if text.len() > MAX_DOCUMENT_BYTES {
        let message = format!(
            "`{}` has {} bytes; at most {MAX_DOCUMENT_BYTES} are allowed",
            source.name(),
            text.len()
        );
        return Err(Diagnostic::error(message).help("move large values to separate files"));
    }
    let mut options = granit_parser::options! {
        simple_key_max_lookahead: MAX_KEY_CHARACTERS,
        // One more than allowed, so that the message is that of this module.
        flow_nesting_limit: MAX_DEPTH + 1,
        block_nesting_limit: MAX_DEPTH + 1,
    };
    options.set_emit_comments(false);
    let mut builder = Builder::new(source);
    for next in Parser::new_from_str_with_options(text, options) {
        let (event, span) = next.map_err(|error| syntax_error(source, &error))?;
        builder.accept(event, convert(&span, text))?;
    }
    Ok(builder.finish())
}

fn syntax_error(source: &Source, error: &granit_parser::ScanError) -> Diagnostic {
    let text = source.text();
    let offset = error
        .marker()
        .byte_offset()
        .unwrap_or(text.len())
        .min(text.len());
    let span = Span::locate(text, offset, text.len());
    // A scanner's message may quote the text, for instance what follows `*` as an alias.
    if source.is_confidential() {
        return Diagnostic::error("not valid YAML")
            .at(source, span)
            .help("quote values that start with a special character");
    }
    let detail = error.info();
    Diagnostic::error("not valid YAML").label(source, span, detail)
}

fn convert(span: &granit_parser::Span, text: &str) -> Span {
    let start = span.start.byte_offset().unwrap_or(0);
    let converted = Span {
        start,
        end: span.end.byte_offset().unwrap_or(start).max(start),
        line: span.start.line(),
        column: span.start.col() + 1,
    };
    trimmed(converted, converted.end, text)
}
