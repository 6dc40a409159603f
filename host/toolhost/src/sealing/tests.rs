//! Redaction as a whole: what a stream becomes, in which forms secrets are found, and what stays.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use secrecy::SecretString;
use serde_json::Value;

use super::{MIN_SECRET_BYTES, REDACTED, Redactor, StreamRedaction};

const SECRET: &str = "p@ss wörd/\"1\"+x";
/// Each loop's cases; seeds are printed where one fails.
const CASES: u64 = 200;

fn redactor(texts: &[&str]) -> Redactor {
    let texts: Vec<_> = texts.iter().map(|text| SecretString::from(*text)).collect();
    Redactor::new(&texts).unwrap()
}

fn streamed<'chunk>(redactor: &Redactor, chunks: impl IntoIterator<Item = &'chunk [u8]>) -> String {
    let mut stream = StreamRedaction::default();
    let mut result = Vec::new();
    for chunk in chunks {
        stream.push(redactor, chunk, |bytes| result.extend_from_slice(bytes));
    }
    stream.finish(redactor, |bytes| result.extend_from_slice(bytes));
    String::from_utf8(result).unwrap()
}

/// Numbers that look random: `SplitMix64`.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).unwrap()
    }

    fn text(&mut self, alphabet: &str, length: usize) -> String {
        let alphabet: Vec<char> = alphabet.chars().collect();
        (0..length)
            .map(|_| alphabet[self.below(alphabet.len())])
            .collect()
    }

    /// A text cut into chunks, many of them tiny.
    fn chunks<'text>(&mut self, mut text: &'text [u8]) -> Vec<&'text [u8]> {
        let mut chunks = Vec::new();
        while !text.is_empty() {
            let most = [1, 3, 10, 100, 1000][self.below(5)];
            let (chunk, rest) = text.split_at(self.below(most + 1).min(text.len()));
            chunks.push(chunk);
            text = rest;
        }
        chunks
    }
}

#[test]
fn replaces_every_usual_form() {
    let redactor = redactor(&[SECRET]);
    let json = Value::String(SECRET.to_owned()).to_string();
    let json = json.trim_matches('"');
    for text in [
        SECRET,
        json,
        r#"p@ss w\u00f6rd/\"1\"+x"#,
        r#"p@ss w\u00F6rd/\"1\"+x"#,
        r#"p@ss w\u00f6rd\/\"1\"+x"#,
        r#"p@ss wörd/\\\"1\\\"+x"#,
        "p%40ss%20w%C3%B6rd/%221%22%2Bx",
        "p%40ss%20w%C3%B6rd%2F%221%22%2Bx",
        "p%40ss+w%C3%B6rd%2F%221%22%2Bx",
        "p%40ss+w%c3%b6rd%2f%221%22%2bx",
        "p@ss%20w%C3%B6rd/%221%22+x",
        r#"p@ss w\xc3\xb6rd/"1"+x"#,
        r#"p@ss\ wörd/\"1\"+x"#,
        "p@ss wörd/&quot;1&quot;+x",
        "p@ss wörd/&#34;1&#34;+x",
        "7040737320 77c3b67264 2f2231222b78",
        "70407373207 7C3B67264 2F2231222B78",
    ] {
        let text = if text.starts_with('7') {
            text.replace(' ', "")
        } else {
            text.to_owned()
        };
        assert_eq!(redactor.redact(&text), REDACTED, "{text}");
    }
}

#[test]
fn replaces_what_quotes_make_of_a_secret() {
    let redactor = redactor(&["it's <b>&co", "say \"it's\" äh"]);
    for text in [
        r"it'\''s <b>&co",
        r#"it'"'"'s <b>&co"#,
        r"it\'s\ \<b\>\&co",
        r"it\'s <b>&co",
        "it's &lt;b&gt;&amp;co",
        "it&#39;s &lt;b&gt;&amp;co",
        "it&#x27;s &lt;b&gt;&amp;co",
        "it&apos;s &lt;b&gt;&amp;co",
        r"it's \u003cb\u003e\u0026co",
        r"it\u0027s \u003cb\u003e\u0026co",
        // JSON, as Python and shells show it.
        r#"say \\"it\'s\\" äh"#,
        r#"say \\"it\'s\\" \\u00e4h"#,
        r#"say \"it'\''s\" äh"#,
    ] {
        assert_eq!(redactor.redact(text), REDACTED, "{text}");
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
    let whole = STANDARD.encode(SECRET);
    assert_eq!(redactor.redact(&whole), REDACTED);
}

#[test]
fn finds_base64_of_the_json_that_holds_a_secret() {
    let redactor = redactor(&[SECRET]);
    let json = serde_json::json!({"key": SECRET}).to_string();
    let redacted = redactor.redact(&STANDARD.encode(json)).into_owned();
    assert!(redacted.contains(REDACTED), "{redacted}");
}

#[test]
fn leaves_nothing_of_a_long_secret_that_is_wrapped() {
    let mut random = Random(1);
    let secret = random.text("abcdefghijklmnopqrstuvwxyz+/ 0123456789", 4096);
    let redactor = redactor(&[&secret]);
    for width in [5, 8, 13, 20, 60, 64, 76, 1000] {
        for end in ["\n", "\r\n", "\n      ", "\x1b[0m\n\x1b[32m"] {
            for encoded in [
                STANDARD.encode(&secret),
                URL_SAFE.encode(&secret),
                hexadecimal(&secret),
            ] {
                let wrapped = wrapped(&encoded, width, end);
                let redacted = redactor.redact(&wrapped);
                let left = redacted.replace(end, "").replace(REDACTED, "");
                // What the last few bytes became.
                assert!(left.len() <= 8, "{width} {end:?}: {left}");
                assert_eq!(redacted.matches(end).count(), wrapped.matches(end).count());
            }
        }
    }
}

#[test]
fn finds_a_part_of_a_long_secret() {
    let secret = Random(2).text("abcdefghijklmnopqrstuvwxyz", 4096);
    let redactor = redactor(&[&secret]);
    assert_eq!(redactor.redact(&secret[..1024]), REDACTED);
    let truncated = redactor.redact(&secret[1000..]);
    assert!(truncated.len() < 64, "{truncated}");
}

#[test]
fn redacts_a_secret_of_several_lines_line_by_line() {
    let redactor = redactor(&["-----BEGIN-----\nMIIEvQIBADAN\r\nab\n-----END-----"]);
    assert_eq!(redactor.redact("x MIIEvQIBADAN y"), "x *** y");
    assert_eq!(
        redactor.redact(r"-----BEGIN-----\nMIIEvQIBADAN\r\nab\n-----END-----"),
        "***"
    );
    assert_eq!(redactor.redact("  ab\n"), "  ab\n");
}

#[test]
fn finds_a_secret_without_the_white_space_around_it() {
    let redactor = redactor(&[" hunter2-hunter2 \n"]);
    assert_eq!(redactor.redact("[hunter2-hunter2]"), "[***]");
}

#[test]
fn leaves_no_part_of_secrets_that_overlap() {
    let redactor = redactor(&["user:hunter22", "hunter22@host-name"]);
    assert_eq!(redactor.redact("at user:hunter22@host-name."), "at ***.");
}

#[test]
fn redacts_a_stream_cut_at_any_byte_as_if_it_were_whole() {
    let redactor = redactor(&["secret", "secret-2", "cret-2-and-more", "aaaaaaab"]);
    let text = "a secret secret-2 secretsecret-2-and-more aaaaaaaaaab secre secret";
    let whole = redactor.redact(text).into_owned();
    let bytes = text.as_bytes();
    for first in 0..=bytes.len() {
        for second in first..=bytes.len() {
            let chunks = [&bytes[..first], &bytes[first..second], &bytes[second..]];
            assert_eq!(
                streamed(&redactor, chunks),
                whole,
                "cut at {first} and {second}"
            );
        }
    }
    assert_eq!(streamed(&redactor, bytes.chunks(1)), whole);
}

/// The beginning of the first secret is too short to be redacted, and the second may begin in the middle of it.
#[test]
fn a_beginning_that_is_left_stays_so_while_another_secret_may_begin_in_it() {
    let redactor = redactor(&["hunter", "nter1-and-more"]);
    let text = "a hun\nter1-hunter2";
    assert_eq!(redactor.redact(text), "a hun\n***1-***2");
    for first in 0..=text.len() {
        for second in first..=text.len() {
            let chunks = [&text[..first], &text[first..second], &text[second..]];
            assert_eq!(
                streamed(&redactor, chunks.map(str::as_bytes)),
                "a hun\n***1-***2",
                "cut at {first} and {second}"
            );
        }
    }
}

/// Secrets that resemble each other, in a text that resembles them.
#[test]
fn a_stream_in_any_chunks_becomes_what_the_whole_becomes() {
    for seed in 0..CASES {
        let mut random = Random(seed);
        let (alphabet, between) = [
            ("ab", "ab"),
            ("abc-", "abc-"),
            ("aé\n", "aé\n"),
            ("ab", "ab\n"),
            ("ab=\"\\/+", "ab=\"\\/+"),
            ("ab\r\n \x1b[m", "ab\r\n \x1b[m"),
            // A secret may look like the end of an escape sequence that is begun before it.
            ("a1;[m", "a1;[m\x1b\n"),
        ][random.below(7)];
        let mut secrets = Vec::new();
        for _ in 0..=random.below(4) {
            let length = 6 + [3, 30, 200][random.below(3)];
            let length = 6 + random.below(length);
            secrets.push(random.text(alphabet, length));
        }
        let texts: Vec<_> = secrets.iter().map(String::as_str).collect();
        let Some(redactor) = redactor_or_none(&texts) else {
            continue;
        };
        let mut text = String::new();
        for _ in 0..random.below(30) {
            let length = random.below(60);
            text.push_str(&random.text(between, length));
            let secret = &secrets[random.below(secrets.len())];
            let most = secret.chars().count();
            let length = if random.below(2) == 0 {
                most
            } else {
                random.below(most)
            };
            let breaks_at = [random.below(most), length][random.below(2)];
            for (number, character) in secret.chars().take(length).enumerate() {
                if number == breaks_at {
                    text.push('\n');
                }
                text.push(character);
            }
        }
        let whole = redactor.redact(&text).into_owned();
        let chunks = random.chunks(text.as_bytes());
        assert_eq!(
            streamed(&redactor, chunks),
            whole,
            "seed {seed}: {texts:?} in {text:?}"
        );
        // Of one with line breaks, a short beginning may be left, and so may what has few bytes without them.
        let is_sought = |secret: &&String| {
            secret.trim().len() >= MIN_SECRET_BYTES && !secret.contains(['\n', '\r', '\x1b'])
        };
        for secret in secrets.iter().filter(is_sought) {
            assert!(
                !whole.contains(secret.as_str()),
                "seed {seed}: {secret:?} in {whole:?}"
            );
        }
    }
}

/// In lines of so many characters.
fn wrapped(text: &str, width: usize, end: &str) -> String {
    let lines: Vec<_> = text
        .as_bytes()
        .chunks(width)
        .map(|line| std::str::from_utf8(line).unwrap())
        .collect();
    lines.join(end)
}

fn hexadecimal(text: &str) -> String {
    escaped(text, "")
}

/// Each byte in hexadecimal, behind `prefix`.
fn escaped(text: &str, prefix: &str) -> String {
    text.bytes().fold(String::new(), |mut escaped, byte| {
        write!(escaped, "{prefix}{byte:02x}").unwrap();
        escaped
    })
}

fn redactor_or_none(texts: &[&str]) -> Option<Redactor> {
    let texts: Vec<_> = texts.iter().map(|text| SecretString::from(*text)).collect();
    Redactor::new(&texts)
}

/// What the forms are made of is not asked here, but written once more.
#[test]
fn no_form_of_a_planted_secret_is_left() {
    let alphabet = "abcXYZ019 +/=-_.~!*'\"\\()<>&%$#@é€𝄞\n\t";
    for seed in 0..CASES {
        let mut random = Random(seed);
        let length = 8 + random.below(150);
        let secret = format!("k{}k", random.text(alphabet, length));
        let redactor = redactor(&[&secret]);
        let forms = planted_forms(&secret);
        let mut text = String::new();
        for form in &forms {
            text.push_str(&random.text("xyz \n", 5));
            text.push_str(form);
        }
        let chunks = random.chunks(text.as_bytes());
        let result = streamed(&redactor, chunks);
        for form in &forms {
            assert!(
                !result.contains(form.as_str()),
                "seed {seed}: {form:?} is left of {secret:?}"
            );
        }
        // Not one of them is left in part either.
        assert!(
            result.len() < forms.len() * 20,
            "seed {seed}: {secret:?} gave {result:?}"
        );
    }
}

fn planted_forms(secret: &str) -> Vec<String> {
    let json = Value::String(secret.to_owned()).to_string();
    let json = json[1..json.len() - 1].to_owned();
    let mut hexadecimal = String::new();
    let mut url = String::new();
    let mut upper_url = String::new();
    for byte in secret.bytes() {
        write!(hexadecimal, "{byte:02x}").unwrap();
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            url.push(char::from(byte));
            upper_url.push(char::from(byte));
        } else {
            write!(url, "%{byte:02x}").unwrap();
            write!(upper_url, "%{byte:02X}").unwrap();
        }
    }
    let mut forms = vec![
        secret.to_owned(),
        json.replace('/', "\\/"),
        STANDARD.encode(secret),
        URL_SAFE.encode(secret),
        hexadecimal.to_uppercase(),
        hexadecimal,
        url,
        upper_url.replace("%20", "+"),
        upper_url,
        secret.replace('\'', "'\\''"),
        secret
            .replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;"),
        json,
    ];
    for before in ["x", "xy"] {
        forms.push(STANDARD.encode(format!("{before}{secret}xyz")));
    }
    forms
}

#[test]
fn what_holds_no_secret_stays_as_it_is() {
    let redactor = redactor(&[SECRET, "hunter2-hunter2", "-----BEGIN-----\nabcdefgh\n"]);
    for seed in 0..CASES {
        let mut random = Random(seed);
        let length = random.below(5000);
        let bytes: Vec<u8> = (0..length)
            .map(|_| random.next().to_le_bytes()[0] % [2, 64, 255][random.below(3)])
            .collect();
        let mut stream = StreamRedaction::default();
        let mut result = Vec::new();
        for chunk in random.chunks(&bytes) {
            stream.push(&redactor, chunk, |bytes| result.extend_from_slice(bytes));
        }
        stream.finish(&redactor, |bytes| result.extend_from_slice(bytes));
        assert!(result == bytes, "seed {seed}");
    }
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
fn holds_back_less_than_a_pattern_however_long_a_secret_is() {
    let secret = "x".repeat(1 << 16);
    let redactor = redactor(&[&secret]);
    let mut stream = StreamRedaction::default();
    let (mut given, mut passed) = (0, 0);
    for _ in 0..100 {
        let chunk = format!("{} {}", "y".repeat(1000), "x".repeat(40));
        given += chunk.len();
        stream.push(&redactor, chunk.as_bytes(), |bytes| passed += bytes.len());
        assert!(given - passed < 64);
    }
}

#[test]
fn leaves_secrets_alone_that_are_too_short_to_be_searched_for() {
    assert!(redactor_or_none(&["12345", "  1234  ", ""]).is_none());
}

#[test]
fn finds_base64_and_hexadecimal_of_a_password_wrapped_anywhere() {
    for secret in [
        "hunter2-hunter2",
        "Zm9v+b/r",
        "a longer password, with more in it: 0123456789",
    ] {
        let redactor = redactor(&[secret]);
        for encoded in [
            STANDARD.encode(secret),
            hexadecimal(secret),
            hexadecimal(secret).to_uppercase(),
        ] {
            for width in 1..encoded.len() {
                let text = format!("x: {}\n", wrapped(&encoded, width, "\n"));
                let redacted = redactor.redact(&text);
                let left: String = redacted.replace(REDACTED, "").split_whitespace().collect();
                // Less than four characters before the first line break, and padding.
                let left = left.trim_start_matches("x:").trim_end_matches('=');
                assert!(left.len() < 4, "{width}: {redacted:?}");
            }
        }
    }
}

#[test]
fn finds_a_secret_in_any_case() {
    let uuid = "6ba7b810-9dad-11d1-80b4-00c04fd430c8";
    let redactor = redactor(&[
        "Hunter2-hunter2",
        uuid,
        "pässwört-ÄÖ",
        "0123456789ABCDEF0123456789abcdef",
    ]);
    let digits = uuid.replace('-', "");
    for text in [
        "hunter2-HUNTER2",
        &hexadecimal("Hunter2-hunter2").to_uppercase(),
        &uuid.to_uppercase(),
        &digits,
        &digits.to_uppercase(),
        "01234567-89ab-cdef-0123-456789ABCDEF",
        "pässwört-äö",
        "PÄSSWÖRT-ÄÖ",
    ] {
        assert_eq!(redactor.redact(text), REDACTED, "{text}");
    }
}

#[test]
fn finds_a_secret_whose_every_byte_is_escaped() {
    let redactor = redactor(&[SECRET]);
    for prefix in ["%", "\\x"] {
        let escaped = escaped(SECRET, prefix).to_uppercase().replace("\\X", "\\x");
        assert_eq!(redactor.redact(&escaped), REDACTED, "{escaped}");
    }
    let units = SECRET.encode_utf16();
    let escaped = units.fold(String::new(), |mut escaped, unit| {
        write!(escaped, "\\u{unit:04x}").unwrap();
        escaped
    });
    assert_eq!(redactor.redact(&escaped), REDACTED, "{escaped}");
}

#[test]
fn finds_quoted_printable_wherever_its_lines_end() {
    let redactor = redactor(&[SECRET, "Gr=n-hunter22"]);
    for whole in [
        "p@ss w=C3=B6rd/\"1\"+x",
        "p@ss_w=C3=B6rd/\"1\"+x",
        "Gr=3Dn-hunter22",
    ] {
        assert_eq!(redactor.redact(whole), REDACTED, "{whole}");
        for place in 4..whole.len() {
            let (first, second) = whole.split_at(place);
            for end in ["=\n", "=\r\n"] {
                let redacted = redactor
                    .redact(&format!("{first}{end}{second}"))
                    .into_owned();
                let left = redacted
                    .replace(REDACTED, "")
                    .replace(['=', '\r', '\n', ' '], "");
                // A line does not end inside of `=C3`.
                let is_inside = first.rfind('=').is_some_and(|sign| place - sign < 3);
                assert!(
                    left.is_empty() || is_inside,
                    "{first}{end}{second}: {redacted}"
                );
            }
        }
    }
}

#[test]
fn finds_a_secret_in_a_dump() {
    let secret = "hunter2-hunter2-and-more";
    let redactor = redactor(&[secret]);
    for group in [1, 2] {
        for before in 0..16 {
            let text = format!("{}{secret}.", "x".repeat(before));
            let bytes: Vec<_> = text.bytes().map(|byte| format!("{byte:02x}")).collect();
            let groups: Vec<_> = bytes.chunks(group).map(<[_]>::concat).collect();
            let line = groups.join(" ");
            assert!(redactor.redact(&line).contains(REDACTED), "{line}");
            // Lines of 16 bytes, each with its address: of each line at most a byte is left at both ends.
            let lines = groups.chunks(16 / group).enumerate();
            let dump: Vec<_> = lines
                .map(|(number, line)| format!("{:08x}: {}", number * 16, line.join(" ")))
                .collect();
            let redacted = redactor.redact(&dump.join("\n")).into_owned();
            let shown = redacted.replace(REDACTED, "??");
            for window in secret.as_bytes().windows(8) {
                let window: Vec<_> = window.iter().map(|byte| format!("{byte:02x}")).collect();
                let plain = shown.replace([' ', '\n'], "");
                assert!(!plain.contains(&window.concat()), "{redacted}");
            }
        }
    }
}

#[test]
fn finds_a_secret_with_escape_sequences_inside() {
    let redactor = redactor(&["hunter2-hunter2"]);
    for (text, expected) in [
        (
            "a \x1b[1;31mhunter2-hunter2\x1b[0m b",
            "a \x1b[1;31m***\x1b[0m b",
        ),
        ("hunter2\x1b[0m-hunter2", "***\x1b[0m***"),
        (
            "h\x1b(B\x1b[mu\x1b[38;2;255;100;0mnter2-hunter\x1b[K2",
            "***\x1b(B\x1b[m***\x1b[38;2;255;100;0m***\x1b[K***",
        ),
        (
            "hunter2-\x1b[7m\r\n\x1b[m  hunter2",
            "***\x1b[7m\r\n\x1b[m  ***",
        ),
        // What carries text is searched like text.
        ("\x1b]0;hunter2-hunter2\x07", "\x1b]0;***\x07"),
        // A secret is not the end of what was begun before it.
        ("hunt\x1b[hunter2-hunter2", "hunt\x1b[***"),
        ("\x1b[1;hunter2-\n hunter2", "\x1b[1;***\n ***"),
        ("\x1b(hunter2-hunter2\x1b[m", "\x1b(***\x1b[m"),
        (
            "hunter2-\x1b[mhunter2\x1b[hunter2-hunter2",
            "***\x1b[m***\x1b[***",
        ),
    ] {
        assert_eq!(redactor.redact(text), expected, "{text:?}");
        assert_eq!(
            streamed(&redactor, text.as_bytes().chunks(1)),
            expected,
            "{text:?}"
        );
    }
}

#[test]
fn finds_a_secret_whose_beginning_ends_an_escape_sequence() {
    for secret in ["ABCDEFGH", "12345678", "0;1;hunter2", "B0B0B0B0"] {
        let redactor = redactor(&[secret]);
        for begun in [
            "\x1b",
            "\x1b[",
            "\x1b[0;",
            "\x1b(",
            "\x1b)",
            "\x1b\x1b[",
            "\x1b[\n",
        ] {
            let text = format!("x{begun}{secret}z\n\x1b[m{secret}");
            let expected = format!("x{begun}***z\n\x1b[m***");
            assert!(redactor.finds(format!("{begun}{secret}").as_bytes()));
            assert_eq!(redactor.redact(&text), expected, "{text:?}");
            assert_eq!(streamed(&redactor, text.as_bytes().chunks(1)), expected);
        }
    }
}

#[test]
fn a_line_is_passed_on_at_its_end_although_a_secret_may_begin_there() {
    let redactor = redactor(&["secret-and-more"]);
    let mut stream = StreamRedaction::default();
    let mut passed = Vec::new();
    stream.push(&redactor, b"it went well: yes\n", |bytes| {
        passed.extend_from_slice(bytes);
    });
    assert_eq!(passed, b"it went well: yes\n");
    stream.push(&redactor, b"ecret-and-more", |bytes| {
        passed.extend_from_slice(bytes);
    });
    assert_eq!(passed, b"it went well: yes\n***");
    // Four bytes are held.
    passed.clear();
    stream.push(&redactor, b"\nsecr\n", |bytes| {
        passed.extend_from_slice(bytes);
    });
    assert_eq!(passed, b"\n");
    stream.push(&redactor, b"et-and-more", |bytes| {
        passed.extend_from_slice(bytes);
    });
    assert_eq!(passed, b"\n***\n***");
}

#[test]
fn what_is_held_back_is_bounded_whatever_gaps_there_are() {
    let redactor = redactor(&["secret-and-more"]);
    for gap in ["\n", "\x1b[m", "\x1b[", " \n"] {
        let mut stream = StreamRedaction::default();
        let (mut given, mut passed) = (0, 0);
        for text in std::iter::once("a secret").chain(std::iter::repeat_n(gap, 10_000)) {
            given += text.len();
            stream.push(&redactor, text.as_bytes(), |bytes| passed += bytes.len());
            assert!(given - passed < 64 + 256, "{gap:?}");
        }
    }
}

#[test]
fn redacts_names_and_numbers_in_json() {
    let redactor = redactor(&["secret", "123456"]);
    let mut value = serde_json::json!({"a secret": ["secret", 123_456, 1, null]});
    redactor.redact_value(&mut value);
    assert_eq!(value, serde_json::json!({"a ***": ["***", "***", 1, null]}));
}

#[test]
fn shows_no_secret_in_debug() {
    assert!(!format!("{:?}", redactor(&["hunter2-hunter2"])).contains("hunter2"));
}
