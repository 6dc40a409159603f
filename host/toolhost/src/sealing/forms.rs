//! The forms in which a secret is searched for.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};

use super::escaping;
use super::gaps::without_gaps;

/// Shorter secrets are not searched for: they would be found in every other word. Line breaks do not count.
pub const MIN_SECRET_BYTES: usize = 6;
/// The longest text that is searched for. A longer form is searched for in adjoining pieces, so
/// that a stream holds back little however long a secret is, and so that a part of a long secret
/// is found too.
pub(super) const MAX_PATTERN_BYTES: usize = 64;
/// For a longer secret, forms that take a pattern for each of its bytes are not searched for.
/// Passwords and most tokens are shorter; the patterns of longer texts would differ in no more than
/// common words.
const MAX_VARIED_BYTES: usize = 64;
/// For a longer text only the usual forms are searched for: all forms of 100 kB would take a second to
/// prepare.
const MAX_UNUSUAL_BYTES: usize = 16 << 10;
/// For a secret of more lines, each line is only searched for verbatim; for one of fewer lines, in the usual
/// forms. A private key of 4096 bits has 52 lines.
const MAX_LINES_IN_FORMS: usize = 64;
/// The size of a window on a dump in bytes: a line of 16 bytes contains one wherever a secret of eleven bytes
/// starts.
const WINDOW_BYTES: usize = 6;

/// Patterns in lower case, in any order, some more than once.
pub(super) type Patterns = Vec<Box<[u8]>>;

/// Adds all forms of a secret.
pub(super) fn add(secret: &str, patterns: &mut Patterns) {
    let variant = identifier_variant(secret.trim());
    let whole = BTreeSet::from([secret, secret.trim()]);
    let whole = whole.into_iter().chain(variant.as_deref());
    // The white space around a long text does not justify twice the patterns.
    let whole = whole.filter(|text| text.len() <= MAX_UNUSUAL_BYTES || *text == text.trim());
    for text in whole.filter(|text| is_sought(text)) {
        let variety = if text.len() <= MAX_VARIED_BYTES {
            Variety::Every
        } else if text.len() <= MAX_UNUSUAL_BYTES {
            Variety::Unusual
        } else {
            Variety::Usual
        };
        add_text(text, variety, patterns);
    }
    if secret.contains(['\n', '\r']) {
        let lines = secret.lines().flat_map(|line| line.split('\r'));
        let lines: BTreeSet<_> = lines.map(str::trim).collect();
        let has_many = lines.len() > MAX_LINES_IN_FORMS;
        for line in lines.into_iter().filter(|line| is_sought(line)) {
            if has_many {
                add_pieces(line, patterns);
            } else {
                add_text(line, Variety::Usual, patterns);
            }
        }
    }
}

/// White space around a short text does not count for its length, and neither do line breaks within.
fn is_sought(text: &str) -> bool {
    let text = text.trim();
    text.len() >= MIN_SECRET_BYTES && without_gaps(text).len() >= MIN_SECRET_BYTES
}

/// The set of forms in which a text is searched for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Variety {
    /// The forms that programs write by default.
    Usual,
    /// And those that have to be requested.
    Unusual,
    /// And those that take a pattern for each byte.
    Every,
}

fn add_text(text: &str, variety: Variety, patterns: &mut Patterns) {
    let mut forms = BTreeSet::new();
    let mut add = |form: String| {
        forms.insert(form);
    };
    let json = escaping::json(text);
    let ascii = escaping::ascii_only(&json);
    escaping::all_json(text, variety > Variety::Usual, &mut add);
    // The arguments are JSON, which is printed like any other text.
    let mut spellings = vec![text, json.as_str(), ascii.as_str()];
    spellings.dedup();
    for text in spellings {
        add(text.to_owned());
        add(escaping::hexadecimal(text));
        escaping::all_urls(text, &mut add);
        escaping::all_reprs(text, &mut add);
        for alignment in 0..3 {
            let standard = base64_inside(text, alignment);
            add(standard.replace('+', "-").replace('/', "_"));
            add(standard);
        }
        // With padding, if nothing follows.
        add(STANDARD.encode(text));
        add(URL_SAFE.encode(text));
        if variety == Variety::Usual {
            // For a long text only in its own spelling.
            break;
        }
        escaping::all_shells(text, &mut add);
        escaping::all_markup(text, &mut add);
        escaping::all_quoted_printable(text, &mut add);
    }
    if !text.is_ascii() {
        // Patterns are compared case-insensitively only for ASCII.
        add(text.to_lowercase());
        add(text.to_uppercase());
    }
    if variety == Variety::Every {
        // The form if a line is wrapped between words.
        for (place, blank) in text.match_indices([' ', '\t']) {
            let (before, after) = (text.get(..place), text.get(place + blank.len()..));
            add([before.unwrap_or_default(), after.unwrap_or_default()].concat());
        }
    }
    if variety >= Variety::Unusual {
        escaping::every_byte(text, &mut add);
        for group in escaping::DUMP_GROUPS {
            for offset in 0..group {
                add(escaping::dump(text.as_bytes(), group, offset));
            }
        }
    }
    for form in &forms {
        add_pieces(form, patterns);
    }
    if variety == Variety::Every {
        add_windows(text, patterns);
        add_soft_breaks(text, patterns);
    }
}

/// Adds what the lines of a dump (`xxd`, `od -t x1`) may contain of a text that starts and ends anywhere in
/// them.
fn add_windows(text: &str, patterns: &mut Patterns) {
    for (offset, window) in text.as_bytes().windows(WINDOW_BYTES).enumerate() {
        for group in escaping::DUMP_GROUPS {
            // In a dump with larger groups any window may be at the start of a group.
            if offset % 2 == 0 || group > 1 {
                let pattern = escaping::dump(window, group, 0);
                patterns.push(pattern.into_bytes().into());
            }
        }
    }
}

/// Adds each way to end a line of quoted-printable in the middle of a text (RFC 2045, section 6.7): by `=` before
/// the line break, which is left out.
fn add_soft_breaks(text: &str, patterns: &mut Patterns) {
    escaping::all_quoted_printable(text, &mut |form| {
        for_each_piece(&without_gaps(&form), MAX_PATTERN_BYTES - 1, |piece| {
            let piece = piece.to_ascii_lowercase();
            for place in 1..piece.len() {
                let Some((before, after)) = piece.split_at_checked(place) else {
                    continue;
                };
                let mut add = |after: &str| {
                    let pattern = [before, "=", after].concat();
                    if pattern.len() >= MIN_SECRET_BYTES {
                        patterns.push(pattern.into_bytes().into());
                    }
                };
                add(after);
                // A space at the start of a line is removed from the searched text.
                let without_blanks = after.trim_start_matches([' ', '\t']);
                if without_blanks != after {
                    add(without_blanks);
                }
            }
        });
    });
}

/// A UUID without its dashes, and text that may be a UUID with them.
fn identifier_variant(text: &str) -> Option<String> {
    /// Where the dashes are, among the digits (RFC 9562, section 4).
    const DASHES: [usize; 4] = [8, 12, 16, 20];
    const DIGITS: usize = 32;
    let digits: String = text.chars().filter(|character| *character != '-').collect();
    if digits.len() != DIGITS || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let mut dashed = digits.clone();
    for place in DASHES.into_iter().rev() {
        dashed.insert(place, '-');
    }
    if text == dashed {
        Some(digits)
    } else {
        (text == digits).then_some(dashed)
    }
}

/// Adds a form without its gaps, in pieces.
fn add_pieces(form: &str, patterns: &mut Patterns) {
    for_each_piece(&without_gaps(form), MAX_PATTERN_BYTES, |piece| {
        patterns.push(piece.to_ascii_lowercase().into_bytes().into());
    });
}

/// Splits a form into pieces of at most `length` bytes; none if it is too short to be searched for. The last
/// piece overlaps the previous one, so that none is short: a short remainder may be as common as the name of
/// a database.
fn for_each_piece(form: &str, length: usize, mut add: impl FnMut(&str)) {
    if form.len() < MIN_SECRET_BYTES {
        return;
    }
    let mut rest = form;
    while rest.len() > length {
        let (piece, after) = rest.split_at(rest.floor_char_boundary(length));
        add(piece);
        rest = after;
    }
    let start = form.len().saturating_sub(length);
    add(form
        .get(form.ceil_char_boundary(start)..)
        .unwrap_or_default());
}

/// The characters of base64 that only depend on `text`, if `alignment` bytes precede it.
fn base64_inside(text: &str, alignment: usize) -> String {
    let mut bytes = vec![0; alignment];
    bytes.extend_from_slice(text.as_bytes());
    let encoded = STANDARD.encode(&bytes);
    // Each character holds six bits; those that share bits with neighboring bytes are not determined.
    let first = (alignment * 8).div_ceil(6);
    let last = bytes.len() * 8 / 6;
    encoded.get(first..last).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    fn patterns(secret: &str) -> BTreeSet<String> {
        let mut patterns = Patterns::new();
        add(secret, &mut patterns);
        let text = |pattern: Box<[u8]>| String::from_utf8(pattern.into()).unwrap();
        patterns.into_iter().map(text).collect()
    }

    #[test]
    fn a_token_is_searched_for_in_few_forms() {
        // Each byte takes one for a line of quoted-printable that ends after it, and one and a half for
        // dumps.
        let count = patterns("hunter2hunter2hunter2hunter2").len();
        assert!(count < 100, "{count}");
    }

    /// Each takes about a microsecond to prepare, and a long secret may take a tenth of a second.
    #[test]
    fn a_secret_of_100_kilobytes_is_searched_for_in_a_bounded_number_of_forms() {
        let line = "\"key\": \"aZ09+/=<>&'\u{e9}\u{1D11E}\\\",%$`aZ09aZ09aZ09aZ09";
        for separator in ["", "\n", "\r\n  "] {
            let mut secret = String::new();
            for number in 0.. {
                if secret.len() > 100_000 {
                    break;
                }
                write!(secret, "{number}{line}{separator}").unwrap();
            }
            let mut found = Patterns::new();
            add(&secret, &mut found);
            assert!(found.len() < 80_000, "{}", found.len());
        }
    }

    #[test]
    fn no_pattern_is_short_or_long_or_has_a_gap() {
        let long = "ä€𝄞\"".repeat(200);
        for secret in [
            "123456",
            &long,
            "-----BEGIN-----\nabcdefgh\n",
            "      12",
            "a\nb\nc\n",
            "a\nb\nc\nd\ne\nf\n",
            "6ba7b810-9dad-11d1-80b4-00c04fd430c8",
        ] {
            for pattern in patterns(secret) {
                let length = pattern.len();
                assert!(
                    (MIN_SECRET_BYTES..=MAX_PATTERN_BYTES).contains(&length),
                    "{pattern}"
                );
                assert!(!pattern.contains('\n'), "{pattern}");
                assert_eq!(pattern, pattern.to_ascii_lowercase());
            }
        }
    }

    #[test]
    fn pieces_cover_every_byte_of_a_long_form() {
        let numbers: Vec<_> = (0..1000).map(|number| number.to_string()).collect();
        let text = numbers.join("é");
        let mut found = Patterns::new();
        add_pieces(&text, &mut found);
        let mut covered = vec![false; text.len()];
        for piece in &found {
            let piece = std::str::from_utf8(piece).unwrap();
            for (start, _) in text.match_indices(piece) {
                covered[start..start + piece.len()].fill(true);
            }
        }
        assert!(covered.iter().all(|covered| *covered));
    }

    #[test]
    fn a_uuid_has_a_variant_and_nothing_else_has() {
        let uuid = "6ba7b810-9dad-11d1-80b4-00c04fd430c8";
        let digits = uuid.replace('-', "");
        assert_eq!(identifier_variant(uuid), Some(digits.clone()));
        assert_eq!(identifier_variant(&digits).as_deref(), Some(uuid));
        for text in ["", "6ba7b8109-dad-11d1-80b4-00c04fd430c8", &digits[1..]] {
            assert_eq!(identifier_variant(text), None, "{text}");
        }
    }
}
