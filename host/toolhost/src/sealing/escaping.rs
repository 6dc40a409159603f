//! Escapings of a text by common programs.

use std::fmt::Write as _;

use serde_json::Value;

/// The characters that are not escaped in URLs, in addition to letters and digits, by
/// implementation: RFC 3986 and `curl`; Python's `quote`; JavaScript's `encodeURIComponent`, its
/// `encodeURI`, and forms as WHATWG has them.
const KEPT_IN_URLS: [&str; 5] = ["-_.~", "-_.~/", "-_.~!*'()", "-_.~!*'();/?:@&=+$,#", "-_.*"];
/// The characters that `printf %q` escapes with a backslash.
const SPECIAL_IN_SHELLS: &str = " \t!\"#$&'()*,;<>?[\\]^`{|}~";
/// The names of the quotes in HTML and XML, as pairs of double and single; both literal in a text.
const QUOTES_IN_MARKUP: [(&str, &str); 6] = [
    ("\"", "'"),
    ("&quot;", "'"),
    ("&quot;", "&#39;"),
    ("&quot;", "&#x27;"),
    ("&quot;", "&apos;"),
    ("&#34;", "&#39;"),
];

/// The number of bytes in the groups of a dump: `od -t x1` and `hexdump -C`, `xxd`.
pub(super) const DUMP_GROUPS: [usize; 2] = [1, 2];

/// As `serde_json` writes it, without the quotes.
pub(super) fn json(text: &str) -> String {
    let quoted = Value::String(text.to_owned()).to_string();
    let inner = quoted.strip_prefix('"').unwrap_or(&quoted);
    inner.strip_suffix('"').unwrap_or(inner).to_owned()
}

/// Every way to write it in JSON, and in a JSON text that is a string of another one.
///
/// `for_markup` adds the forms of libraries that also escape for HTML.
pub(super) fn all_json(text: &str, for_markup: bool, add: &mut impl FnMut(String)) {
    let html_safe_sets: &[&str] = if for_markup {
        &["", "<>&", "<>&'"]
    } else {
        &[""]
    };
    let json = json(text);
    for json in [ascii_only(&json), json] {
        add(self::json(&json));
        for html_safe in html_safe_sets {
            let safe = escape(&json, |character, out| {
                html_safe.contains(character)
                    && write!(out, "\\u{:04x}", u32::from(character)).is_ok()
            });
            add(safe.replace('/', "\\/"));
            add(safe);
        }
    }
}

/// Escapes what is not ASCII, as Python's `json.dumps` does by default.
pub(super) fn ascii_only(text: &str) -> String {
    escape(text, |character, out| {
        let is_escaped = !character.is_ascii();
        if is_escaped {
            push_utf16(character, out);
        }
        is_escaped
    })
}

/// Every way to write it in a URL.
pub(super) fn all_urls(text: &str, add: &mut impl FnMut(String)) {
    for kept in KEPT_IN_URLS {
        let mut escaped = String::with_capacity(text.len());
        for byte in text.bytes() {
            if byte.is_ascii_alphanumeric() || kept.as_bytes().contains(&byte) {
                escaped.push(char::from(byte));
            } else {
                escaped.push('%');
                push_hexadecimal(byte, &mut escaped);
            }
        }
        if escaped.contains("%20") {
            add(escaped.replace("%20", "+"));
        }
        add(escaped);
    }
}

/// Every byte of it escaped, which is never necessary but occurs: for URLs, for C, and for JSON.
pub(super) fn every_byte(text: &str, add: &mut impl FnMut(String)) {
    for prefix in ["%", "\\x"] {
        let mut escaped = String::with_capacity(text.len() * (prefix.len() + 2));
        for byte in text.bytes() {
            escaped.push_str(prefix);
            push_hexadecimal(byte, &mut escaped);
        }
        add(escaped);
    }
    add(escape(text, |character, out| {
        push_utf16(character, out);
        true
    }));
}

/// As quoted-printable (RFC 2045, section 6.7), in a mail and in its header, if no line ends in it.
pub(super) fn all_quoted_printable(text: &str, add: &mut impl FnMut(String)) {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if matches!(byte, b'\t' | b'\n' | b'\r' | b' '..=b'~') && byte != b'=' {
            escaped.push(char::from(byte));
        } else {
            escaped.push('=');
            push_hexadecimal(byte, &mut escaped);
        }
    }
    // RFC 2047, section 4.2.
    if escaped.contains(' ') {
        add(escaped.replace('_', "=5f").replace(' ', "_"));
    }
    add(escaped);
}

/// Its bytes in hexadecimal, as `xxd` and `od` show them: in groups of the given number of bytes, the first
/// one with `offset` bytes fewer.
pub(super) fn dump(bytes: &[u8], group: usize, offset: usize) -> String {
    let mut text = String::with_capacity(bytes.len() * 3);
    for (position, byte) in bytes.iter().enumerate() {
        if position > 0 && (position + offset).is_multiple_of(group) {
            text.push(' ');
        }
        push_hexadecimal(*byte, &mut text);
    }
    text
}

/// As Python's `repr` writes a text and its bytes, without the quotes around.
pub(super) fn all_reprs(text: &str, add: &mut impl FnMut(String)) {
    for escapes_quotes in [false, true] {
        for is_bytes in [false, true] {
            let mut escaped = String::with_capacity(text.len());
            for character in text.chars() {
                match character {
                    '\\' => escaped.push_str("\\\\"),
                    '\n' => escaped.push_str("\\n"),
                    '\r' => escaped.push_str("\\r"),
                    '\t' => escaped.push_str("\\t"),
                    '\'' if escapes_quotes => escaped.push_str("\\'"),
                    _ if character.is_ascii_control() || (is_bytes && !character.is_ascii()) => {
                        let mut bytes = [0; 4];
                        for byte in character.encode_utf8(&mut bytes).bytes() {
                            escaped.push_str("\\x");
                            push_hexadecimal(byte, &mut escaped);
                        }
                    }
                    _ => escaped.push(character),
                }
            }
            add(escaped);
        }
    }
}

/// Quoted for a shell, without the quotes around.
pub(super) fn all_shells(text: &str, add: &mut impl FnMut(String)) {
    add(text.replace('\'', "'\\''"));
    add(text.replace('\'', "'\"'\"'"));
    add(escape(text, |character, out| {
        let is_special = SPECIAL_IN_SHELLS.contains(character);
        if is_special {
            out.push('\\');
            out.push(character);
        }
        is_special
    }));
    // Between double quotes.
    add(escape(text, |character, out| {
        let is_special = "\"$\\`".contains(character);
        if is_special {
            out.push('\\');
            out.push(character);
        }
        is_special
    }));
}

/// Every way to write it in HTML and XML.
pub(super) fn all_markup(text: &str, add: &mut impl FnMut(String)) {
    for (double, single) in QUOTES_IN_MARKUP {
        add(escape(text, |character, out| {
            out.push_str(match character {
                '&' => "&amp;",
                '<' => "&lt;",
                '>' => "&gt;",
                '"' => double,
                '\'' => single,
                _ => return false,
            });
            true
        }));
    }
}

/// Its bytes in hexadecimal.
pub(super) fn hexadecimal(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() * 2);
    for byte in text.bytes() {
        push_hexadecimal(byte, &mut escaped);
    }
    escaped
}

/// Copies a text, except for the characters that `replace` writes differently.
fn escape(text: &str, mut replace: impl FnMut(char, &mut String) -> bool) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if !replace(character, &mut escaped) {
            escaped.push(character);
        }
    }
    escaped
}

/// A character as JSON escapes it: by its UTF-16 code units.
fn push_utf16(character: char, text: &mut String) {
    let mut units = [0; 2];
    for unit in character.encode_utf16(&mut units) {
        text.push_str("\\u");
        for byte in unit.to_be_bytes() {
            push_hexadecimal(byte, text);
        }
    }
}

/// Patterns are compared without regard to case, so that one kind of digits is enough.
fn push_hexadecimal(byte: u8, text: &mut String) {
    for digit in [byte >> 4, byte & 0xf] {
        text.push(char::from_digit(u32::from(digit), 16).unwrap_or_default());
    }
}
