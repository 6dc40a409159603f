use std::ops::Range;

use super::gaps::{GapState, Joined};
use super::matcher::Matcher;
use super::redactor::{REDACTED, Redactor};

/// How much of a chunk is searched at a time, so that little memory is needed for what is found.
const BLOCK_BYTES: usize = 64 << 10;
/// What a secret must have before a line break for that to be redacted. With less, the end of every other
/// line would be the beginning of a secret, and had to be held back until another line comes.
const MIN_BEFORE_BREAK_BYTES: usize = 4;

/// Redacts a stream of bytes that comes in chunks of any size.
///
/// The result is that of the whole stream at once, whatever the chunks are. It holds back only what may
/// be the beginning of a secret, so a prompt without a line end is passed on at once, and never more than
/// one pattern: less than 64 bytes, and the line breaks and escape sequences between them.
#[derive(Debug, Default)]
pub struct StreamRedaction {
    /// The end of what was given, which may be the beginning of a secret.
    held: Vec<u8>,
    /// How many of the held bytes were passed on: the end of a line that may belong to what follows it.
    passed: usize,
    /// Up to where what is held belongs to secrets that begin before, where one ends there or later. A position in
    /// the joined text.
    covered: Option<usize>,
    /// Whether the redaction of a secret was passed on last.
    follows_redaction: bool,
    /// The gap before what is held.
    gap: GapState,
    /// What was found, and the text that it was found in; kept to be used again.
    ranges: Vec<Range<usize>>,
    joined: Joined,
}

impl StreamRedaction {
    /// Takes some bytes and passes on what is safe.
    pub fn push(&mut self, redactor: &Redactor, bytes: &[u8], mut pass: impl FnMut(&[u8])) {
        for block in bytes.chunks(BLOCK_BYTES) {
            let mut joined = std::mem::take(&mut self.held);
            let text = if joined.is_empty() {
                block
            } else {
                joined.extend_from_slice(block);
                joined.as_slice()
            };
            let keep = self.pass_on(&redactor.matcher, text, false, &mut pass);
            self.held = text.get(keep..).unwrap_or_default().to_vec();
        }
    }

    /// Passes on what was held back: nothing follows it.
    pub fn finish(&mut self, redactor: &Redactor, pass: impl FnMut(&[u8])) {
        self.push_last(redactor, &[], pass);
    }

    /// Takes the last bytes, and passes on everything.
    pub(super) fn push_last(
        &mut self,
        redactor: &Redactor,
        bytes: &[u8],
        mut pass: impl FnMut(&[u8]),
    ) {
        let mut joined = std::mem::take(&mut self.held);
        let text = if joined.is_empty() {
            bytes
        } else {
            joined.extend_from_slice(bytes);
            joined.as_slice()
        };
        self.pass_on(&redactor.matcher, text, true, &mut pass);
        *self = Self::default();
    }

    /// Passes on what is safe of a text that begins with what was held. Returns from where on it is to be
    /// held.
    fn pass_on(
        &mut self,
        matcher: &Matcher,
        text: &[u8],
        is_last: bool,
        pass: &mut impl FnMut(&[u8]),
    ) -> usize {
        let mut joined = std::mem::take(&mut self.joined);
        joined.join(text, self.gap, is_last);
        let bytes = joined.bytes(text);
        let mut ranges = std::mem::take(&mut self.ranges);
        matcher.find(bytes, &mut ranges);
        ranges.extend(self.covered.map(|end| 0..end));
        merge(&mut ranges);
        let keep = if is_last {
            bytes.len()
        } else {
            matcher.possible_start(bytes)
        };
        let last_before = last_before(&ranges, keep, self.covered.is_some());
        let end_of = |number: usize| ranges.get(number)?.end.checked_sub(keep);
        let covered = last_before.and_then(end_of);
        leave_short_beginnings(&joined, &mut ranges, self.covered.is_some());
        // A secret whose beginning is left is not before what follows in the same line.
        let is_before = |number: &usize| {
            let range = ranges.get(*number);
            range.is_some_and(|range| range.start < keep || range.start == 0)
        };
        let follows_secret = covered.is_some() && last_before.as_ref().is_some_and(is_before);
        let pending = Pending::new(&joined, text, keep, follows_secret);

        // Up to where the text is dealt with.
        let mut position = self.passed;
        let begun = ranges.iter().take_while(|range| range.start < pending.hold);
        for range in begun {
            let parts = joined.in_text(range.clone());
            for Range { start, end } in parts.take_while(|part| part.start < pending.hold_in_text) {
                let end = end.min(pending.hold_in_text);
                if end <= position {
                    continue;
                }
                if start > position {
                    pass(text.get(position..start).unwrap_or_default());
                    self.follows_redaction = false;
                }
                if !self.follows_redaction {
                    pass(REDACTED.as_bytes());
                    self.follows_redaction = true;
                }
                position = end;
            }
        }
        if position < pending.hold_in_text {
            pass(text.get(position..pending.hold_in_text).unwrap_or_default());
            self.follows_redaction = false;
        }
        self.passed = pending.hold_in_text - pending.keep_in_text;
        self.covered = covered;
        self.gap = pending.gap;
        self.ranges = ranges;
        self.joined = joined;
        pending.keep_in_text
    }
}

/// What of a text is not decided yet.
struct Pending {
    /// From where on it is kept, since a secret may begin there.
    keep_in_text: usize,
    /// From where on it must not be passed on. This is later where a secret would begin with so little of a line
    /// that this is left.
    hold: usize,
    hold_in_text: usize,
    /// The gap before what is kept.
    gap: GapState,
}

impl Pending {
    /// What is kept from `keep` on. `follows_secret` says whether a secret ends there or later.
    fn new(joined: &Joined, text: &[u8], keep: usize, follows_secret: bool) -> Self {
        let undecided = joined.undecided();
        let end = undecided.map_or(text.len(), |(position, _)| position);
        let hold = match joined.line_break_after(keep) {
            Some(next) if next - keep < MIN_BEFORE_BREAK_BYTES && !follows_secret => next,
            _ => keep,
        };
        let gap = if keep < joined.length() {
            GapState::default()
        } else {
            undecided.map_or(joined.end(), |(_, gap)| gap)
        };
        Self {
            keep_in_text: joined.text_position(keep).unwrap_or(end),
            hold,
            hold_in_text: joined.text_position(hold).unwrap_or(end),
            gap,
        }
    }
}

/// The last range that begins before `keep`; or with the text, where that follows a secret.
fn last_before(ranges: &[Range<usize>], keep: usize, follows_secret: bool) -> Option<usize> {
    let is_before =
        |range: &&Range<usize>| range.start < keep || (follows_secret && range.start == 0);
    ranges.iter().take_while(is_before).count().checked_sub(1)
}

/// Leaves the beginnings of secrets that are too short for the line that they end, where no other secret ends.
/// `follows_secret` says whether one ends where the text begins.
fn leave_short_beginnings(joined: &Joined, ranges: &mut [Range<usize>], follows_secret: bool) {
    for range in ranges {
        if follows_secret && range.start == 0 {
            continue;
        }
        if let Some(next) = joined.line_break_after(range.start)
            && next < range.end
            && next - range.start < MIN_BEFORE_BREAK_BYTES
        {
            range.start = next;
        }
    }
}

/// Sorts ranges, and joins those that overlap or adjoin.
fn merge(ranges: &mut Vec<Range<usize>>) {
    ranges.sort_unstable_by_key(|range| range.start);
    ranges.dedup_by(|next, last| {
        let joins = next.start <= last.end;
        if joins {
            last.end = last.end.max(next.end);
        }
        joins
    });
}
