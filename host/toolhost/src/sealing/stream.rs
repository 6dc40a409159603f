use super::redactor::{REDACTED, Redactor};
use super::segments::{Segment, Segments};

/// Redacts a stream of bytes that comes in chunks of any size.
///
/// The result is that of the whole stream at once, whatever the chunks are. It holds back only what may
/// be the beginning of a secret, so a prompt without a line end is passed on at once, and never more than
/// one pattern: less than 64 bytes, and the line breaks and escape sequences between them.
#[derive(Debug, Default)]
pub struct StreamRedaction {
    segments: Segments,
    /// Whether the redaction of a secret was passed on last.
    follows_redaction: bool,
}

impl StreamRedaction {
    /// Takes some bytes and passes on what is safe.
    pub fn push(&mut self, redactor: &Redactor, bytes: &[u8], mut pass: impl FnMut(&[u8])) {
        let follows_redaction = &mut self.follows_redaction;
        self.segments.push(&redactor.matcher, bytes, |segment| {
            redact(segment, follows_redaction, &mut pass);
        });
    }

    /// Passes on what was held back: nothing follows it.
    pub fn finish(&mut self, redactor: &Redactor, mut pass: impl FnMut(&[u8])) {
        let mut follows_redaction = std::mem::take(&mut self.follows_redaction);
        self.segments.finish(&redactor.matcher, |segment| {
            redact(segment, &mut follows_redaction, &mut pass);
        });
    }
}

fn redact(segment: Segment<'_>, follows_redaction: &mut bool, pass: &mut impl FnMut(&[u8])) {
    match segment {
        Segment::Plain(text) => {
            pass(text);
            *follows_redaction = false;
        }
        Segment::Secret(_) if *follows_redaction => {}
        Segment::Secret(_) => {
            pass(REDACTED.as_bytes());
            *follows_redaction = true;
        }
    }
}
