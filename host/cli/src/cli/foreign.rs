//! Escaping of foreign text for a terminal.
//!
//! Text from tools, jobs, servers, playbooks and file names may contain characters that move the cursor,
//! rename the window, hide or reverse text, or start a line that looks like one of this program. They are
//! shown as escapes of a Rust literal: `\x1b`, `\u{202e}`, `\n`. A backslash is not escaped, so that ordinary
//! text is unchanged.
//!
//! [`terminal`](super::terminal) passes everything that it writes through this module, so that commands need
//! not do so.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Resets all colors, according to ECMA-48: "select graphic rendition" without a parameter to set.
const RESET: &str = "\u{1b}[0m";
/// The maximum size of an incomplete line that is held; a longer one is shown in parts.
const MAX_HELD_BYTES: usize = 64 << 10;

/// A part of one line, without line breaks and tabs.
pub(crate) fn line(text: &str) -> Cow<'_, str> {
    escape(text, |_| false, escape_character)
}

/// A text of several lines. Line breaks and tabs are kept, so foreign text must not be able to start a line:
/// a document, or a problem with its excerpt.
pub(crate) fn lines(text: &str) -> Cow<'_, str> {
    let is_layout = |character| matches!(character, '\n' | '\t');
    if text.contains("\r\n") {
        let text = text.replace("\r\n", "\n");
        return escape(&text, is_layout, escape_character)
            .into_owned()
            .into();
    }
    escape(text, is_layout, escape_character)
}

/// A JSON document, with the same meaning afterwards. JSON itself escapes fewer characters than terminals
/// interpret.
pub(crate) fn json(text: &str) -> Cow<'_, str> {
    escape(text, |character| character == '\n', escape_in_json)
}

/// A line of a log. Tabs are kept, and with `color` also color sequences, which are reset at the end of the
/// line.
pub(crate) fn log_line(text: &str, color: bool) -> String {
    // Windows ends lines with both, and the line feed is gone already.
    let text = text.strip_suffix('\r').unwrap_or(text);
    let is_tab = |character| character == '\t';
    if !color {
        return escape(text, is_tab, escape_character).into_owned();
    }
    let mut shown = String::with_capacity(text.len());
    let mut is_colored = false;
    let mut rest = text;
    while let Some(start) = rest.find('\u{1b}') {
        let (before, sequence) = rest.split_at(start);
        shown.push_str(&escape(before, is_tab, escape_character));
        let length = color_sequence(sequence);
        is_colored |= length.is_some();
        let (sequence, after) = sequence.split_at(length.unwrap_or(1));
        match length {
            Some(_) => shown.push_str(sequence),
            None => shown.push_str(&line(sequence)),
        }
        rest = after;
    }
    shown.push_str(&escape(rest, is_tab, escape_character));
    if is_colored {
        shown.push_str(RESET);
    }
    shown
}

/// The first line of a text, truncated to the given number of characters with an ellipsis.
pub(crate) fn brief(text: &str, max_characters: usize) -> Cow<'_, str> {
    let text = text.trim();
    let first = text.lines().next().unwrap_or_default();
    let cut = first.char_indices().nth(max_characters);
    let shown = cut.map_or(first, |(end, _)| first.get(..end).unwrap_or_default());
    if shown.len() == text.len() {
        shown.into()
    } else {
        format!("{shown}…").into()
    }
}

/// Splits the bytes of a log, which arrive in pieces of any size, into lines.
#[derive(Debug)]
pub(crate) struct LogText {
    /// The beginning of an incomplete line.
    held: Vec<u8>,
    color: bool,
}

impl LogText {
    pub(crate) const fn new(color: bool) -> Self {
        Self {
            held: Vec::new(),
            color,
        }
    }

    /// Adds bytes and returns the text to show.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> String {
        self.held.extend_from_slice(bytes);
        let end = self.held.iter().rposition(|byte| *byte == b'\n');
        let whole = end.map_or(0, |end| end + 1);
        let rest = self.held.split_off(whole);
        let complete = std::mem::replace(&mut self.held, rest);
        let mut shown = String::with_capacity(complete.len());
        for line in complete.split_inclusive(|byte| *byte == b'\n') {
            let line = line.strip_suffix(b"\n").unwrap_or(line);
            shown.push_str(&log_line(&decoded(line), self.color));
            shown.push('\n');
        }
        if self.held.len() > MAX_HELD_BYTES {
            shown.push_str(&self.finish());
        }
        shown
    }

    /// Returns the text of the incomplete line.
    pub(crate) fn finish(&mut self) -> String {
        log_line(&decoded(&std::mem::take(&mut self.held)), self.color)
    }
}

/// Text with invalid UTF-8 as escapes.
fn decoded(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            let _infallible = write!(text, "\\x{byte:02x}");
        }
    }
    text
}

fn escape(
    text: &str,
    is_kept: impl Fn(char) -> bool,
    escape: impl Fn(&mut String, char),
) -> Cow<'_, str> {
    let must_go = |character| acts_unseen(character) && !is_kept(character);
    let Some(first) = text.find(must_go) else {
        return text.into();
    };
    let (clean, rest) = text.split_at(first);
    let mut shown = String::with_capacity(text.len() * 2);
    shown.push_str(clean);
    for character in rest.chars() {
        if must_go(character) {
            escape(&mut shown, character);
        } else {
            shown.push(character);
        }
    }
    shown.into()
}

/// Whether a character affects a terminal or the surrounding text, and is invisible itself: controls (C0, C1,
/// DEL), the separators of lines and paragraphs, and what Unicode calls `Default_Ignorable_Code_Point`
/// (<https://www.unicode.org/Public/UCD/latest/ucd/DerivedCoreProperties.txt>), which includes everything that
/// changes the direction of text or has no width.
///
/// The selectors U+FE00 to U+FE0F are excluded: they choose between two shapes of a visible character.
fn acts_unseen(character: char) -> bool {
    if character.is_ascii() {
        return character.is_ascii_control();
    }
    character.is_control()
        || matches!(
            character,
            '\u{ad}'
                | '\u{34f}'
                | '\u{61c}'
                | '\u{115f}'..='\u{1160}'
                | '\u{17b4}'..='\u{17b5}'
                | '\u{180b}'..='\u{180f}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{3164}'
                | '\u{feff}'
                | '\u{ffa0}'
                | '\u{fff0}'..='\u{fffb}'
                | '\u{1bca0}'..='\u{1bca3}'
                | '\u{1d173}'..='\u{1d17a}'
                | '\u{e0000}'..='\u{e0fff}'
        )
}

fn escape_character(shown: &mut String, character: char) {
    let _infallible = match character {
        '\n' => shown.write_str("\\n"),
        '\r' => shown.write_str("\\r"),
        '\t' => shown.write_str("\\t"),
        '\0'..='\u{7f}' => write!(shown, "\\x{:02x}", u32::from(character)),
        _ => write!(shown, "{}", character.escape_unicode()),
    };
}

fn escape_in_json(shown: &mut String, character: char) {
    for unit in character.encode_utf16(&mut [0; 2]) {
        let _infallible = write!(shown, "\\u{unit:04x}");
    }
}

/// The length of the color sequence at the beginning of the text, if there is one: "select graphic
/// rendition" of ECMA-48.
fn color_sequence(text: &str) -> Option<usize> {
    let parameters = text.strip_prefix("\u{1b}[")?;
    let is_parameter =
        |character: char| character.is_ascii_digit() || matches!(character, ';' | ':');
    let end = parameters.find(|character| !is_parameter(character))?;
    parameters.get(end..)?.starts_with('m').then_some(end + 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_acts_unseen_is_seen() {
        let hostile = "\u{1b}]0;t\u{7}\u{1b}[2J\r\n\t\0\u{7f}\u{85}\u{9b}31m\u{202e}\u{2066}\u{2028}\u{200b}\u{e0041}";
        let shown = r"\x1b]0;t\x07\x1b[2J\r\n\t\x00\x7f\u{85}\u{9b}31m\u{202e}\u{2066}\u{2028}\u{200b}\u{e0041}";
        assert_eq!(line(hostile), shown);
        for ordinary in ["", "plain", r"C:\x", "ü 漢字 العربية ❤️ 🦀\u{a0}"] {
            assert!(matches!(line(ordinary), Cow::Borrowed(same) if same == ordinary));
        }
    }

    #[test]
    fn several_lines_keep_what_makes_them_lines() {
        assert_eq!(lines("a\r\n\tb\rc\n\u{1b}c"), "a\n\tb\\rc\n\\x1bc");
    }

    #[test]
    fn json_means_the_same() {
        let value = serde_json::json!({"\u{9b}": "\u{7f}\u{1b}\n\u{202e}\u{e0041}ü🦀"});
        let shown = json(&format!("{value:#}")).into_owned();
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&shown).unwrap(),
            value
        );
        assert_eq!(
            shown,
            "{\n  \"\\u009b\": \"\\u007f\\u001b\\n\\u202e\\udb40\\udc41ü🦀\"\n}"
        );
    }

    #[test]
    fn a_log_keeps_its_colors_where_they_are_wanted_and_they_end_with_the_line() {
        let colored = "\u{1b}[1;31mred\u{1b}[38:2::1:2:3m\tü";
        assert_eq!(log_line(colored, true), format!("{colored}\u{1b}[0m"));
        assert_eq!(
            log_line(colored, false),
            "\\x1b[1;31mred\\x1b[38:2::1:2:3m\tü"
        );
        let hostile = "\u{1b}]0;t\u{7}\u{1b}[2J\rx\u{1b}[\u{1b}[9";
        for color in [true, false] {
            assert_eq!(
                log_line(hostile, color),
                r"\x1b]0;t\x07\x1b[2J\rx\x1b[\x1b[9"
            );
        }
        assert_eq!(log_line("from Windows\r", true), "from Windows");
    }

    #[test]
    fn a_log_in_pieces_is_the_same_as_in_one() {
        let bytes = b"\x1b[31mred\x1b[0m \xc3\xbc \x9b \xf0\x9f\n\x1b]0;t\x07\r\nno end";
        let mut whole = LogText::new(true);
        let expected = whole.push(bytes) + &whole.finish();
        assert_eq!(
            expected,
            "\u{1b}[31mred\u{1b}[0m ü \\x9b \\xf0\\x9f\u{1b}[0m\n\\x1b]0;t\\x07\nno end"
        );
        let mut pieces = LogText::new(true);
        let shown: String = bytes.iter().map(|byte| pieces.push(&[*byte])).collect();
        assert_eq!(shown + &pieces.finish(), expected);
    }

    #[test]
    fn a_line_without_end_is_shown_in_parts() {
        let mut text = LogText::new(false);
        assert_eq!(text.push(&vec![b'x'; MAX_HELD_BYTES]), "");
        assert_eq!(text.push(b"x").len(), MAX_HELD_BYTES + 1);
        assert_eq!(text.finish(), "");
    }

    #[test]
    fn a_brief_text_is_one_line() {
        assert_eq!(brief(" a b \n", 9), "a b");
        assert_eq!(brief("a\nforged", 9), "a…");
        assert_eq!(brief("äöüß", 3), "äöü…");
        assert_eq!(brief("", 3), "");
    }
}
