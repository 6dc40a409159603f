use std::ops::Range;

use super::matcher::Matcher;
use super::redactor::{REDACTED, Redactor};

/// How much of a chunk is searched at a time, so that little memory is needed for what is found.
const BLOCK_BYTES: usize = 64 << 10;

/// Redacts a stream of bytes that comes in chunks of any size.
///
/// The result is that of the whole stream at once, whatever the chunks are. It holds back only what may
/// be the beginning of a secret, so a prompt without a line end is passed on at once, and never more than
/// one pattern: less than 64 bytes.
#[derive(Debug, Default)]
pub struct StreamRedaction {
    /// The end of what was given, which may be the beginning of a secret.
    held: Vec<u8>,
    /// Where the redaction that was passed on last goes to: how many of the held bytes it stands for. None
    /// where something else followed it.
    covered: Option<usize>,
    /// What was found; kept to be used again.
    ranges: Vec<Range<usize>>,
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
            let hold = redactor.matcher.possible_start(text);
            self.pass_on(&redactor.matcher, text, hold, &mut pass);
            if hold < text.len() {
                self.held = text.get(hold..).unwrap_or_default().to_vec();
            }
        }
    }

    /// Passes on what was held back: nothing follows it.
    pub fn finish(&mut self, redactor: &Redactor, mut pass: impl FnMut(&[u8])) {
        let held = std::mem::take(&mut self.held);
        self.pass_on(&redactor.matcher, &held, held.len(), &mut pass);
        self.covered = None;
    }

    /// Passes on the text up to `hold`, and any secret that begins before.
    fn pass_on(
        &mut self,
        matcher: &Matcher,
        text: &[u8],
        hold: usize,
        pass: &mut impl FnMut(&[u8]),
    ) {
        if text.is_empty() {
            return;
        }
        let mut ranges = std::mem::take(&mut self.ranges);
        matcher.find(text, &mut ranges);
        // Up to where the text is dealt with.
        let mut position = self.covered.unwrap_or(0);
        let mut follows_redaction = self.covered.is_some();
        for Range { start, end } in ranges.iter().cloned() {
            if start >= hold {
                break;
            }
            if start > position {
                pass(text.get(position..start).unwrap_or_default());
                follows_redaction = false;
            }
            if !follows_redaction {
                pass(REDACTED.as_bytes());
                follows_redaction = true;
            }
            position = position.max(end);
        }
        if position < hold {
            pass(text.get(position..hold).unwrap_or_default());
            follows_redaction = false;
        }
        self.covered = follows_redaction.then(|| position.saturating_sub(hold));
        self.ranges = ranges;
    }
}
