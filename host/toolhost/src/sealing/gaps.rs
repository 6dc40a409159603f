//! What may stand inside a secret without being a part of it: line breaks and escape sequences.
//!
//! `base64`, `xxd -p`, mail and terminals break lines where it suits them, and whoever colours a word puts
//! an escape sequence into it. So secrets are searched for in a text from which these gaps are left out
//! ([`Joined`]), and so are the gaps of the secrets themselves.
//!
//! A gap is any run of
//!
//! * line breaks (`\r`, `\n`) with the blanks that follow them, which are indentation, and
//! * escape sequences that colour, move and erase (CSI, ECMA-48 section 5.4) or choose a character set
//!   (`tput sgr0` writes one). Those that carry text, such as a window's title, are text.
//!
//! Where an escape sequence ends is a matter of what follows it: `ESC [` right before a secret takes the secret's
//! first character for its end. So a text with escape sequences has two [readings](Reading), and both are searched.

use std::borrow::Cow;
use std::ops::Range;

use memchr::{memchr, memchr3};

const ESCAPE: u8 = 0x1b;
/// The longest escape sequence. One that sets two colours of 24 bits has 36 bytes.
const MAX_ESCAPE_BYTES: usize = 48;
/// The longest gap inside a secret. It bounds what a stream holds back; blank lines without end follow many
/// a line.
const MAX_GAP_BYTES: usize = 128;
/// What stands for a longer gap, so that nothing is found across it: no pattern holds it.
const BARRIER: u8 = b'\n';

/// What a text says.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    /// What a terminal shows: escape sequences are gaps.
    #[default]
    Shown,
    /// What is written: escape sequences are text.
    Written,
}

/// Whether the two readings of a text may differ.
pub(super) fn has_escape(text: &[u8]) -> bool {
    memchr(ESCAPE, text).is_some()
}

/// A text without its gaps, and what of it stood where. Positions are in the joined text unless they say otherwise.
#[derive(Debug, Default)]
pub(super) struct Joined {
    /// Empty where the text has no gap.
    bytes: Vec<u8>,
    length: usize,
    /// In order; the first begins with the text.
    pieces: Vec<Piece>,
    /// Where in the text an escape sequence begins whose end is not there yet.
    undecided: Option<usize>,
    before_undecided: GapState,
    end: GapState,
}

/// A part of the text without a gap inside.
#[derive(Debug, Clone, Copy)]
struct Piece {
    start: usize,
    /// Where it begins in the text.
    text_start: usize,
    follows_line_break: bool,
}

/// The gap that a text ends with, if it ends with one.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct GapState {
    bytes: usize,
    has_line_break: bool,
}

impl Joined {
    /// Joins a text that follows a gap, or something else. Where it is not the last one, an escape sequence
    /// that it ends in is left undecided.
    pub(super) fn join(&mut self, reading: Reading, text: &[u8], before: GapState, is_last: bool) {
        self.bytes.clear();
        self.pieces.clear();
        self.undecided = None;
        self.end = before;
        let mut position = self.skip_blanks(text, 0);
        loop {
            let rest = text.get(position..).unwrap_or_default();
            let Some(length) = memchr3(b'\n', b'\r', ESCAPE, rest) else {
                if position == 0 {
                    // There is nothing to leave out, and nothing to copy.
                    self.pieces.push(Piece {
                        start: 0,
                        text_start: 0,
                        follows_line_break: before.has_line_break,
                    });
                    self.length = text.len();
                    if !text.is_empty() {
                        self.end = GapState::default();
                    }
                    return;
                }
                self.push(position, rest);
                break;
            };
            let (visible, gap) = rest.split_at(length);
            self.push(position, visible);
            position += length;
            if gap.first() != Some(&ESCAPE) {
                self.end.has_line_break = true;
                position = self.skip_blanks(text, position);
                continue;
            }
            let sequence = match reading {
                Reading::Shown => escape_sequence(gap),
                Reading::Written => EscapeSequence::None,
            };
            match sequence {
                EscapeSequence::Complete(bytes) => {
                    self.widen_gap(bytes, position);
                    position = self.skip_blanks(text, position + bytes);
                }
                EscapeSequence::Incomplete if !is_last => {
                    self.undecided = Some(position);
                    self.before_undecided = self.end;
                    break;
                }
                EscapeSequence::Incomplete | EscapeSequence::None => {
                    self.push(position, gap.get(..1).unwrap_or_default());
                    position += 1;
                }
            }
        }
        self.length = self.bytes.len();
    }

    /// The text without its gaps.
    pub(super) fn bytes<'all>(&'all self, text: &'all [u8]) -> &'all [u8] {
        if self.bytes.is_empty() {
            text.get(..self.length).unwrap_or_default()
        } else {
            &self.bytes
        }
    }

    /// How many bytes the joined text has.
    pub(super) fn length(&self) -> usize {
        self.length
    }

    /// Where in the text an escape sequence begins whose end is not there yet, and the gap before it.
    pub(super) fn undecided(&self) -> Option<(usize, GapState)> {
        self.undecided
            .map(|position| (position, self.before_undecided))
    }

    /// The gap that the text ends with.
    pub(super) fn end(&self) -> GapState {
        self.end
    }

    /// The first line break after `start`: the position of what follows it.
    pub(super) fn line_break_after(&self, start: usize) -> Option<usize> {
        let next = self.pieces.partition_point(|piece| piece.start <= start);
        let mut later = self.pieces.get(next..).unwrap_or_default().iter();
        let found = later.find(|piece| piece.follows_line_break);
        match found {
            Some(piece) => Some(piece.start),
            None => self.end.has_line_break.then_some(self.length),
        }
    }

    /// Where what stands at this position stands in the text; none at the end.
    pub(super) fn text_position(&self, position: usize) -> Option<usize> {
        if position >= self.length {
            return None;
        }
        let next = self.pieces.partition_point(|piece| piece.start <= position);
        let piece = self.pieces.get(next.checked_sub(1)?)?;
        Some(piece.text_start + (position - piece.start))
    }

    /// Where in the text the parts of a range stand: several where gaps are between them.
    pub(super) fn in_text(&self, range: Range<usize>) -> impl Iterator<Item = Range<usize>> {
        let next = self
            .pieces
            .partition_point(|piece| piece.start <= range.start);
        let pieces = self.pieces.get(next.saturating_sub(1)..);
        let pieces = pieces.unwrap_or_default();
        let ends = pieces.iter().skip(1).map(|piece| piece.start);
        let ends = ends.chain([self.length]);
        let parts = pieces.iter().zip(ends);
        let parts = parts.take_while(move |(piece, _)| piece.start < range.end);
        parts.map(move |(piece, end)| {
            let place = |position: usize| piece.text_start + (position - piece.start);
            place(range.start.max(piece.start))..place(range.end.min(end))
        })
    }

    /// Adds a part of the text that belongs to no gap.
    fn push(&mut self, text_start: usize, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let start = self.bytes.len();
        let continues = self
            .pieces
            .last()
            .is_some_and(|last| last.text_start + (start - last.start) == text_start);
        if !continues {
            self.pieces.push(Piece {
                start,
                text_start,
                follows_line_break: self.end.has_line_break,
            });
        }
        self.bytes.extend_from_slice(bytes);
        self.end = GapState::default();
    }

    /// Takes line breaks and blanks into a gap that has a line break, and returns where it ends.
    fn skip_blanks(&mut self, text: &[u8], position: usize) -> usize {
        if !self.end.has_line_break {
            return position;
        }
        let rest = text.get(position..).unwrap_or_default();
        let is_blank = |byte: &&u8| matches!(byte, b'\n' | b'\r' | b' ' | b'\t');
        let bytes = rest.iter().take_while(is_blank).count();
        self.widen_gap(bytes, position);
        position + bytes
    }

    fn widen_gap(&mut self, bytes: usize, position: usize) {
        let before = self.end.bytes;
        let after = before + bytes;
        if before <= MAX_GAP_BYTES && after > MAX_GAP_BYTES {
            self.pieces.push(Piece {
                start: self.bytes.len(),
                text_start: position,
                follows_line_break: self.end.has_line_break,
            });
            self.bytes.push(BARRIER);
        }
        self.end.bytes = after;
    }
}

/// A form of a secret without its gaps, as it is searched for.
pub(super) fn without_gaps(form: &str) -> Cow<'_, str> {
    let mut joined = Joined::default();
    joined.join(Reading::Shown, form.as_bytes(), GapState::default(), true);
    if joined.bytes.is_empty() && joined.length == form.len() {
        return Cow::Borrowed(form);
    }
    let text = String::from_utf8_lossy(joined.bytes(form.as_bytes()));
    Cow::Owned(text.replace(char::from(BARRIER), ""))
}

enum EscapeSequence {
    /// It has so many bytes.
    Complete(usize),
    /// It may become one.
    Incomplete,
    /// It is none that is left out.
    None,
}

/// What a text that begins with the escape character begins with.
fn escape_sequence(text: &[u8]) -> EscapeSequence {
    match text.get(1..) {
        Some([b'[', parameters @ ..]) => {
            let is_inner = |byte: &&u8| (0x20..=0x3f).contains(*byte);
            let inner = parameters.iter().take_while(is_inner).count();
            let bytes = inner + 3;
            match parameters.get(inner) {
                _ if bytes > MAX_ESCAPE_BYTES => EscapeSequence::None,
                Some(0x40..=0x7e) => EscapeSequence::Complete(bytes),
                Some(_) => EscapeSequence::None,
                None => EscapeSequence::Incomplete,
            }
        }
        Some([b'(' | b')', b'A' | b'B' | b'0'..=b'2', ..]) => EscapeSequence::Complete(3),
        Some([b'(' | b')'] | []) => EscapeSequence::Incomplete,
        _ => EscapeSequence::None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Joined, and where each piece of the whole stands.
    fn joined(text: &str) -> (String, Vec<String>) {
        let mut joined = Joined::default();
        joined.join(Reading::Shown, text.as_bytes(), GapState::default(), true);
        let bytes = joined.bytes(text.as_bytes());
        let parts = joined.in_text(0..bytes.len());
        let parts = parts.map(|range| text[range].to_owned()).collect();
        (String::from_utf8(bytes.to_vec()).unwrap(), parts)
    }

    #[test]
    fn leaves_out_line_breaks_with_indentation_and_escape_sequences() {
        for (text, parts) in [
            ("", vec![]),
            (" plain text ", vec![" plain text "]),
            ("a\r\n  b\n\n\tc \n", vec!["a", "b", "c "]),
            ("a\x1b[1;31mb\x1b(B\x1b[mc", vec!["a", "b", "c"]),
            ("a\n\x1b[0m  b", vec!["a", "b"]),
            // Neither is a sequence that is left out.
            ("a\x1b]0;title\x07b", vec!["a\x1b]0;title\x07b"]),
            ("a\x1b[1\x07b", vec!["a\x1b[1\x07b"]),
            ("a\x1b[1", vec!["a\x1b[1"]),
            ("a\x1b", vec!["a\x1b"]),
        ] {
            let (whole, found) = joined(text);
            assert_eq!(whole, parts.concat(), "{text:?}");
            assert_eq!(found.concat(), parts.concat(), "{text:?}");
            if !parts.is_empty() {
                assert_eq!(found, parts, "{text:?}");
            }
        }
    }

    #[test]
    fn escape_sequences_are_text_in_what_is_written() {
        let text = b"a\n \x1b[1mb\x1b[";
        let mut joined = Joined::default();
        joined.join(Reading::Written, text, GapState::default(), false);
        assert_eq!(joined.bytes(text), b"a\x1b[1mb\x1b[");
        assert_eq!(joined.undecided(), None);
    }

    #[test]
    fn a_gap_without_end_is_one_that_nothing_is_found_across() {
        let within = format!("a{}b", "\n".repeat(MAX_GAP_BYTES));
        assert_eq!(joined(&within).0, "ab");
        for blank in ["\n", "\x1b[m"] {
            let beyond = format!("a{}b", blank.repeat(MAX_GAP_BYTES + 1));
            assert_eq!(joined(&beyond).0, "a\nb", "{blank:?}");
        }
    }

    #[test]
    fn knows_where_lines_break() {
        let mut joined = Joined::default();
        joined.join(
            Reading::Shown,
            b"ab\x1b[mcd\nef\n",
            GapState::default(),
            false,
        );
        let breaks: Vec<_> = (0..6).map(|start| joined.line_break_after(start)).collect();
        assert_eq!(breaks, [4, 4, 4, 4, 6, 6].map(Some));
        assert_eq!(joined.text_position(2), Some(5));
        assert_eq!(joined.text_position(6), None);
    }
}
