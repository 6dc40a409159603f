use std::ops::Range;

use super::gaps::has_escape;
use super::matcher::Matcher;
use super::search::{Search, merge};

/// How much of a text is searched at a time, so that little memory is needed for what is found.
const BLOCK_BYTES: usize = 64 << 10;

/// A part of a text: what belongs to a secret, or what does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Segment<'text> {
    Plain(&'text [u8]),
    Secret(&'text [u8]),
}

/// Cuts a stream into what belongs to secrets and what does not.
///
/// Which byte belongs to a secret does not depend on the chunks that the stream comes in. A text with escape sequences
/// is searched in both its readings, and belongs to a secret where either says so.
#[derive(Debug, Default)]
pub(super) struct Segments {
    /// The end of what was given, which may be the beginning of a secret.
    held: Vec<u8>,
    /// How many of the held bytes were passed on.
    passed: usize,
    /// Parts of secrets in what is held, found in one reading where the other is undecided.
    found: Vec<Range<usize>>,
    shown: Search,
    /// Only where it may find something else.
    written: Option<Search>,
}

impl Segments {
    /// Takes some bytes and passes on what is decided.
    pub(super) fn push(
        &mut self,
        matcher: &Matcher,
        bytes: &[u8],
        mut pass: impl FnMut(Segment<'_>),
    ) {
        for block in bytes.chunks(BLOCK_BYTES) {
            self.take(matcher, block, false, &mut pass);
        }
    }

    /// Passes on what was held back: nothing follows it.
    pub(super) fn finish(&mut self, matcher: &Matcher, mut pass: impl FnMut(Segment<'_>)) {
        self.take(matcher, &[], true, &mut pass);
        *self = Self::default();
    }

    fn take(
        &mut self,
        matcher: &Matcher,
        block: &[u8],
        is_last: bool,
        pass: &mut impl FnMut(Segment<'_>),
    ) {
        let mut joined = std::mem::take(&mut self.held);
        let text = if joined.is_empty() {
            block
        } else {
            joined.extend_from_slice(block);
            joined.as_slice()
        };
        let decided = self.search(matcher, text, is_last);
        self.pass_on(text, decided, pass);
        let mut keep = self.shown.start();
        if let Some(written) = &self.written {
            keep = keep.min(written.start());
        }
        self.forget(keep);
        self.passed = decided.saturating_sub(keep);
        let held = text.get(keep..).unwrap_or_default();
        if let Some(written) = &self.written
            && written.stands_where(&self.shown)
            && !has_escape(held)
        {
            self.written = None;
        }
        self.held = held.to_vec();
    }

    /// Finds the parts of secrets in a text that begins with what was held, and returns up to where they are all
    /// of them.
    fn search(&mut self, matcher: &Matcher, text: &[u8], is_last: bool) -> usize {
        if self.written.is_none() && has_escape(text) {
            self.written = Some(self.shown.of_what_is_written());
        }
        let found = &mut self.found;
        let decided = self.shown.advance(matcher, text, is_last, found);
        let Some(written) = &mut self.written else {
            return decided;
        };
        let decided = decided.min(written.advance(matcher, text, is_last, found));
        merge(found);
        decided
    }

    fn pass_on(&self, text: &[u8], decided: usize, pass: &mut impl FnMut(Segment<'_>)) {
        let part = |range: Range<usize>| text.get(range).unwrap_or_default();
        let mut position = self.passed;
        for range in &self.found {
            let start = range.start.max(position);
            let end = range.end.min(decided);
            if start >= end {
                continue;
            }
            if start > position {
                pass(Segment::Plain(part(position..start)));
            }
            pass(Segment::Secret(part(start..end)));
            position = end;
        }
        if position < decided {
            pass(Segment::Plain(part(position..decided)));
        }
    }

    /// Forgets what is not held, and what was found there.
    fn forget(&mut self, bytes: usize) {
        self.shown.forget(bytes);
        if let Some(written) = &mut self.written {
            written.forget(bytes);
        }
        self.found.retain_mut(|range| {
            let is_held = range.end > bytes;
            *range = range.start.saturating_sub(bytes)..range.end.saturating_sub(bytes);
            is_held
        });
    }
}
