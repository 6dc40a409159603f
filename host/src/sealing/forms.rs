//! The texts that a secret is searched for as.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};

use super::escaping::{self, Digits};

/// Shorter secrets are not searched for: they would be found in every other word.
pub const MIN_SECRET_BYTES: usize = 6;
/// The longest text that is searched for. A longer form is searched for in pieces that adjoin each other,
/// so that what a stream holds back is short however long a secret is, and so that a part of a long secret
/// is found too, for instance where a line was wrapped.
pub(super) const MAX_PATTERN_BYTES: usize = 64;
/// Where programs wrap base64: `openssl` and PEM; `base64` and MIME.
const WRAPPED_BYTES: [usize; 2] = [64, 76];
/// A shorter last line of wrapped base64 is left: it is the end of six bytes at most.
const MIN_LAST_LINE_BYTES: usize = 8;

/// Patterns, each once and in order.
pub(super) type Patterns = BTreeSet<Box<[u8]>>;

/// Adds everything that a secret is searched for as.
pub(super) fn add(secret: &str, patterns: &mut Patterns) {
    let mut texts = BTreeSet::from([secret, secret.trim()]);
    if secret.contains('\n') {
        texts.extend(secret.lines().map(str::trim));
    }
    for text in texts {
        // White space around a short text makes no secret of it.
        if text.trim().len() >= MIN_SECRET_BYTES {
            add_text(text, patterns);
        }
    }
}

fn add_text(text: &str, patterns: &mut Patterns) {
    let mut forms = BTreeSet::new();
    let mut add = |form: String| {
        forms.insert(form);
    };
    escaping::all_json(text, &mut add);
    let json = escaping::json(text);
    let ascii = escaping::ascii_only(&json, Digits::Lower);
    // The arguments are JSON, and that is shown as any other text is.
    for text in BTreeSet::from([text, &json, &ascii]) {
        add(text.to_owned());
        escaping::all_urls(text, &mut add);
        escaping::all_reprs(text, &mut add);
        escaping::all_shells(text, &mut add);
        escaping::all_markup(text, &mut add);
        escaping::all_hexadecimal(text, &mut add);
        for alignment in 0..3 {
            let standard = base64_inside(text, alignment);
            add(standard.replace('+', "-").replace('/', "_"));
            add(standard);
        }
        // With its end, where nothing follows.
        add(STANDARD.encode(text));
        add(URL_SAFE.encode(text));
    }
    for form in &forms {
        add_pieces(form, MAX_PATTERN_BYTES, patterns);
    }
    let encoded = base64_inside(text, 0);
    for width in WRAPPED_BYTES {
        for line in pieces(&encoded, width) {
            if line.len() >= MIN_LAST_LINE_BYTES {
                add_pieces(line, MAX_PATTERN_BYTES, patterns);
            }
        }
    }
}

/// Adds a form in pieces of at most `length` bytes. The last one overlaps the one before, so that none is short.
fn add_pieces(form: &str, length: usize, patterns: &mut Patterns) {
    let mut add = |piece: &str| {
        patterns.insert(piece.as_bytes().into());
    };
    if form.len() <= length {
        return add(form);
    }
    // What remains at the end is no piece of its own: it may be as common as the name of a database.
    let count = pieces(form, length).count();
    pieces(form, length).take(count - 1).for_each(&mut add);
    let start = form.ceil_char_boundary(form.len() - length);
    add(form.get(start..).unwrap_or_default());
}

/// A text in parts of at most `length` bytes, with every character in one of them: what is found in a text
/// can be replaced without breaking a character.
fn pieces(text: &str, length: usize) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let (piece, after) = rest.split_at_checked(rest.floor_char_boundary(length))?;
        rest = after;
        (!piece.is_empty()).then_some(piece)
    })
}

/// The characters of base64 that `text` alone decides, where `alignment` bytes stand before it.
fn base64_inside(text: &str, alignment: usize) -> String {
    let mut bytes = vec![0; alignment];
    bytes.extend_from_slice(text.as_bytes());
    let encoded = STANDARD.encode(&bytes);
    // Each character holds six bits; those that share bits with what stands around are not decided.
    let first = (alignment * 8).div_ceil(6);
    let last = bytes.len() * 8 / 6;
    encoded.get(first..last).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patterns(secret: &str) -> Vec<String> {
        let mut patterns = Patterns::new();
        add(secret, &mut patterns);
        let text = |pattern: Box<[u8]>| String::from_utf8(pattern.into()).unwrap();
        patterns.into_iter().map(text).collect()
    }

    #[test]
    fn a_plain_word_is_searched_for_in_few_forms() {
        // Itself, base64 at three alignments and with its end, hexadecimal twice.
        assert_eq!(patterns("hunter2hunter2").len(), 7);
    }

    #[test]
    fn no_pattern_is_short_or_long() {
        let long = "ä€𝄞\"".repeat(200);
        for secret in ["123456", &long, "-----BEGIN-----\nabcdefgh\n", "      12"] {
            for pattern in patterns(secret) {
                let length = pattern.len();
                assert!(
                    (MIN_SECRET_BYTES..=MAX_PATTERN_BYTES).contains(&length),
                    "{pattern}"
                );
            }
        }
    }

    #[test]
    fn pieces_cover_every_byte_of_a_long_form() {
        let numbers: Vec<_> = (0..1000).map(|number| number.to_string()).collect();
        let text = numbers.join("é");
        let mut found = Patterns::new();
        add_pieces(&text, MAX_PATTERN_BYTES, &mut found);
        let mut covered = vec![false; text.len()];
        for piece in &found {
            let piece = std::str::from_utf8(piece).unwrap();
            for (start, _) in text.match_indices(piece) {
                covered[start..start + piece.len()].fill(true);
            }
        }
        assert!(covered.iter().all(|covered| *covered));
    }
}
