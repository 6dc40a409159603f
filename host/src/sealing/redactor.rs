use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt::{self, Write as _};

use aho_corasick::{AhoCorasick, BuildError, MatchKind};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

/// What stands where a secret was.
pub const REDACTED: &str = "***";
/// Shorter secrets are not searched for: they would be found in every other word.
pub const MIN_SECRET_BYTES: usize = 6;

/// Finds secrets, in the forms in which they usually travel, and replaces them.
///
/// The forms are the text itself, line by line where it has several lines; escaped as in JSON, with and
/// without non-ASCII characters; escaped as in URLs; and base64 of any text that contains it, at each of
/// the three alignments, in both alphabets.
pub struct Redactor {
    automaton: AhoCorasick,
    /// Every pattern in order, to tell whether the end of a chunk may begin one.
    patterns: Vec<Box<[u8]>>,
    /// The bytes that patterns begin with.
    first_bytes: [bool; 256],
    /// The length of the longest pattern.
    longest: usize,
}

impl Redactor {
    /// A redactor of these texts; none where there is nothing to search for.
    ///
    /// # Errors
    ///
    /// Where the texts are too many or too large for one automaton.
    pub fn new(texts: &[SecretString]) -> Result<Option<Self>, BuildError> {
        let mut forms = BTreeSet::new();
        for text in texts {
            add_forms(text.expose_secret(), &mut forms);
        }
        if forms.is_empty() {
            return Ok(None);
        }
        let automaton = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .build(&forms)?;
        let mut first_bytes = [false; 256];
        for byte in forms.iter().filter_map(|form| form.first()) {
            if let Some(slot) = first_bytes.get_mut(usize::from(*byte)) {
                *slot = true;
            }
        }
        let longest = forms.iter().map(|form| form.len()).max().unwrap_or(0);
        Ok(Some(Self {
            automaton,
            patterns: forms.into_iter().collect(),
            first_bytes,
            longest,
        }))
    }

    /// Whether the text holds a secret.
    #[must_use]
    pub fn finds(&self, text: &[u8]) -> bool {
        self.automaton.is_match(text)
    }

    /// The text with every secret replaced.
    #[must_use]
    pub fn redact<'text>(&self, text: &'text str) -> Cow<'text, str> {
        if !self.automaton.is_match(text) {
            return Cow::Borrowed(text);
        }
        let mut redacted = String::with_capacity(text.len());
        self.automaton
            .replace_all_with(text, &mut redacted, |_, _, result| {
                result.push_str(REDACTED);
                true
            });
        Cow::Owned(redacted)
    }

    /// Replaces every secret in the texts and names of a JSON value.
    pub fn redact_value(&self, value: &mut Value) {
        match value {
            Value::Null | Value::Bool(_) => {}
            Value::Number(number) => {
                let text = number.to_string();
                if self.finds(text.as_bytes()) {
                    *value = Value::String(REDACTED.to_owned());
                }
            }
            Value::String(text) => {
                if let Cow::Owned(redacted) = self.redact(text) {
                    *text = redacted;
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.redact_value(item)),
            Value::Object(members) => {
                if members.keys().any(|name| self.finds(name.as_bytes())) {
                    *members = std::mem::take(members)
                        .into_iter()
                        .map(|(name, member)| (self.redact(&name).into_owned(), member))
                        .collect();
                }
                members
                    .values_mut()
                    .for_each(|member| self.redact_value(member));
            }
        }
    }

    /// Where the end of `text` begins that may be the beginning of a secret; its length where none does.
    fn possible_start(&self, text: &[u8]) -> usize {
        let from = text.len().saturating_sub(self.longest.saturating_sub(1));
        (from..text.len())
            .find(|position| {
                text.get(*position..)
                    .is_some_and(|end| self.begins_pattern(end))
            })
            .unwrap_or(text.len())
    }

    /// Whether `end` is shorter than, and the beginning of, a pattern.
    fn begins_pattern(&self, end: &[u8]) -> bool {
        let first = end.first().map_or(0, |byte| usize::from(*byte));
        if !self.first_bytes.get(first).copied().unwrap_or(false) {
            return false;
        }
        let candidate = self
            .patterns
            .partition_point(|pattern| pattern.as_ref() <= end);
        self.patterns
            .get(candidate)
            .is_some_and(|pattern| pattern.len() > end.len() && pattern.starts_with(end))
    }
}

impl fmt::Debug for Redactor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let patterns = self.patterns.len();
        formatter
            .debug_struct("Redactor")
            .field("patterns", &patterns)
            .finish_non_exhaustive()
    }
}

/// Redacts a stream of bytes that comes in chunks of any size.
///
/// It holds back only what may be the beginning of a secret, so a prompt without a line end is passed on
/// at once; at most as many bytes as the longest form of a secret has.
#[derive(Debug, Default)]
pub struct StreamRedaction {
    /// The end of what was given, not passed on yet.
    held: Vec<u8>,
}

impl StreamRedaction {
    /// Takes some bytes and passes on what is safe.
    pub fn push(&mut self, redactor: &Redactor, bytes: &[u8], mut pass: impl FnMut(&[u8])) {
        let mut joined = std::mem::take(&mut self.held);
        let text = if joined.is_empty() {
            bytes
        } else {
            joined.extend_from_slice(bytes);
            joined.as_slice()
        };
        let mut hold = redactor.possible_start(text);
        let mut position = 0;
        for found in redactor.automaton.find_iter(text) {
            if found.start() >= hold {
                break;
            }
            pass(text.get(position..found.start()).unwrap_or_default());
            pass(REDACTED.as_bytes());
            position = found.end();
            hold = hold.max(position);
        }
        pass(text.get(position..hold).unwrap_or_default());
        self.held = text.get(hold..).unwrap_or_default().to_vec();
    }

    /// Passes on what was held back: nothing follows it.
    pub fn finish(&mut self, redactor: &Redactor, mut pass: impl FnMut(&[u8])) {
        let held = std::mem::take(&mut self.held);
        let mut position = 0;
        for found in redactor.automaton.find_iter(&held) {
            pass(held.get(position..found.start()).unwrap_or_default());
            pass(REDACTED.as_bytes());
            position = found.end();
        }
        pass(held.get(position..).unwrap_or_default());
    }
}

fn add_forms(text: &str, forms: &mut BTreeSet<Box<[u8]>>) {
    add_forms_of_line(text, forms);
    if text.contains('\n') {
        for line in text.lines() {
            add_forms_of_line(line.trim(), forms);
        }
    }
}

fn add_forms_of_line(text: &str, forms: &mut BTreeSet<Box<[u8]>>) {
    if text.len() < MIN_SECRET_BYTES {
        return;
    }
    let json = json_escaped(text);
    let mut add = |form: String| {
        forms.insert(form.into_bytes().into_boxed_slice());
    };
    add(text.to_owned());
    add(ascii_escaped(&json));
    add(json);
    for kept in ["-_.~", "-_.~/", "-_.~!*'()"] {
        let escaped = url_escaped(text, kept, false);
        add(escaped.replace("%20", "+"));
        add(escaped);
        add(url_escaped(text, kept, true));
    }
    for alignment in 0..3 {
        let standard = base64_inside(text, alignment);
        add(standard.replace('+', "-").replace('/', "_"));
        add(standard);
    }
    add(STANDARD.encode(text));
    add(URL_SAFE.encode(text));
}

fn json_escaped(text: &str) -> String {
    let quoted = Value::String(text.to_owned()).to_string();
    quoted
        .get(1..quoted.len() - 1)
        .unwrap_or_default()
        .to_owned()
}

/// As Python's `json.dumps` writes it by default.
fn ascii_escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_ascii() {
            escaped.push(character);
        } else {
            let mut units = [0; 2];
            for unit in character.encode_utf16(&mut units) {
                let _infallible = write!(escaped, "\\u{unit:04x}");
            }
        }
    }
    escaped
}

fn url_escaped(text: &str, kept: &str, lowercase: bool) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || kept.as_bytes().contains(&byte) {
            escaped.push(char::from(byte));
        } else if lowercase {
            let _infallible = write!(escaped, "%{byte:02x}");
        } else {
            let _infallible = write!(escaped, "%{byte:02X}");
        }
    }
    escaped
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

    const SECRET: &str = "p@ss wörd/\"1\"+x";

    fn redactor(texts: &[&str]) -> Redactor {
        let texts: Vec<_> = texts
            .iter()
            .map(|text| SecretString::from((*text).to_owned()))
            .collect();
        Redactor::new(&texts).unwrap().unwrap()
    }

    fn streamed(redactor: &Redactor, chunks: &[&[u8]]) -> String {
        let mut stream = StreamRedaction::default();
        let mut result = Vec::new();
        for chunk in chunks {
            stream.push(redactor, chunk, |bytes| result.extend_from_slice(bytes));
        }
        stream.finish(redactor, |bytes| result.extend_from_slice(bytes));
        String::from_utf8(result).unwrap()
    }

    #[test]
    fn replaces_every_usual_form() {
        let redactor = redactor(&[SECRET]);
        let python = "p@ss w\\u00f6rd/\\\"1\\\"+x";
        let quoted = "p%40ss%20w%C3%B6rd/%221%22%2Bx";
        let component = "p%40ss%20w%C3%B6rd%2F%221%22%2Bx";
        let form = "p%40ss+w%C3%B6rd%2F%221%22%2Bx";
        let json = Value::String(SECRET.to_owned()).to_string();
        for text in [
            SECRET,
            python,
            quoted,
            component,
            form,
            &json,
            &component.to_lowercase(),
        ] {
            let redacted = redactor.redact(text);
            assert!(
                redacted.trim_matches('"') == REDACTED,
                "{text} became {redacted}"
            );
        }
    }

    #[test]
    fn finds_base64_at_every_alignment_and_with_anything_around() {
        let redactor = redactor(&[SECRET]);
        for before in ["", "a", "ab", "abc", "user:"] {
            for after in ["", "z", "zz", "zzz"] {
                let text = format!("{before}{SECRET}{after}");
                for encoded in [STANDARD.encode(&text), URL_SAFE.encode(&text)] {
                    let redacted = redactor.redact(&encoded);
                    assert!(redacted.contains(REDACTED), "{before}…{after}: {encoded}");
                }
            }
        }
    }

    #[test]
    fn redacts_a_stream_cut_at_any_byte_as_if_it_were_whole() {
        let redactor = redactor(&["secret", "secret-2", "cret-2-and-more", "aaaaaaab"]);
        let text = "a secret secret-2 secret-2-and-more aaaaaaaaaab secre secret";
        let whole = redactor.redact(text).into_owned();
        let bytes = text.as_bytes();
        for first in 0..=bytes.len() {
            for second in first..=bytes.len() {
                let chunks = [&bytes[..first], &bytes[first..second], &bytes[second..]];
                assert_eq!(
                    streamed(&redactor, &chunks),
                    whole,
                    "cut at {first} and {second}"
                );
            }
        }
        let single: Vec<_> = bytes.chunks(1).collect();
        assert_eq!(streamed(&redactor, &single), whole);
    }

    #[test]
    fn passes_on_at_once_what_cannot_be_a_secret() {
        let redactor = redactor(&["secret"]);
        let mut stream = StreamRedaction::default();
        let mut passed = Vec::new();
        stream.push(&redactor, b"password: ", |bytes| {
            passed.extend_from_slice(bytes);
        });
        assert_eq!(passed, b"password: ");
    }

    #[test]
    fn redacts_a_secret_of_several_lines_line_by_line() {
        let redactor = redactor(&["-----BEGIN-----\nMIIEvQIBADAN\nab\n-----END-----"]);
        assert_eq!(redactor.redact("x MIIEvQIBADAN y"), "x *** y");
    }

    #[test]
    fn leaves_secrets_alone_that_are_too_short_to_be_searched_for() {
        assert!(
            Redactor::new(&[SecretString::from("12345".to_owned())])
                .unwrap()
                .is_none()
        );
    }

    #[test]
    fn redacts_names_and_numbers_in_json() {
        let redactor = redactor(&["secret", "123456"]);
        let mut value = serde_json::json!({"a secret": ["secret", 123_456, 1, null]});
        redactor.redact_value(&mut value);
        assert_eq!(value, serde_json::json!({"a ***": ["***", "***", 1, null]}));
    }
}
