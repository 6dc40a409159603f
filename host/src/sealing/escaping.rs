//! A text as the programs of this world write it.

use std::fmt::Write as _;

use serde_json::Value;

/// What stays as it is in URLs, besides letters and digits, by who escapes: RFC 3986 and `curl`; Python's
/// `quote`; JavaScript's `encodeURIComponent`, its `encodeURI`, and forms as WHATWG has them.
const KEPT_IN_URLS: [&str; 5] = ["-_.~", "-_.~/", "-_.~!*'()", "-_.~!*'();/?:@&=+$,#", "-_.*"];
/// What `printf %q` puts a backslash before.
const SPECIAL_IN_SHELLS: &str = " \t!\"#$&'()*,;<>?[\\]^`{|}~";
/// The names of the quotes in HTML and XML, as pairs of double and single; both as they are in a text.
const QUOTES_IN_MARKUP: [(&str, &str); 6] = [
    ("\"", "'"),
    ("&quot;", "'"),
    ("&quot;", "&#39;"),
    ("&quot;", "&#x27;"),
    ("&quot;", "&apos;"),
    ("&#34;", "&#39;"),
];

/// Digits of hexadecimal numbers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Digits {
    /// `ff`.
    Lower,
    /// `FF`.
    Upper,
}

const BOTH: [Digits; 2] = [Digits::Lower, Digits::Upper];

/// As `serde_json` writes it, without the quotes.
pub(super) fn json(text: &str) -> String {
    let quoted = Value::String(text.to_owned()).to_string();
    let inner = quoted.strip_prefix('"').unwrap_or(&quoted);
    inner.strip_suffix('"').unwrap_or(inner).to_owned()
}

/// Every way to write it in JSON, and in a JSON text that is a string of another one.
pub(super) fn all_json(text: &str, add: &mut impl FnMut(String)) {
    let json = json(text);
    let mut ascii = vec![json.clone()];
    ascii.extend(BOTH.map(|digits| ascii_only(&json, digits)));
    for json in ascii {
        add(self::json(&json));
        for html_safe in ["", "<>&", "<>&'"] {
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
pub(super) fn ascii_only(text: &str, digits: Digits) -> String {
    escape(text, |character, out| {
        if character.is_ascii() {
            return false;
        }
        let mut units = [0; 2];
        for unit in character.encode_utf16(&mut units) {
            let _infallible = match digits {
                Digits::Lower => write!(out, "\\u{unit:04x}"),
                Digits::Upper => write!(out, "\\u{unit:04X}"),
            };
        }
        true
    })
}

/// Every way to write it in a URL.
pub(super) fn all_urls(text: &str, add: &mut impl FnMut(String)) {
    for kept in KEPT_IN_URLS {
        for digits in BOTH {
            let mut escaped = String::with_capacity(text.len());
            for byte in text.bytes() {
                if byte.is_ascii_alphanumeric() || kept.as_bytes().contains(&byte) {
                    escaped.push(char::from(byte));
                } else {
                    escaped.push('%');
                    push_hexadecimal(byte, digits, &mut escaped);
                }
            }
            add(escaped.replace("%20", "+"));
            add(escaped);
        }
    }
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
                            push_hexadecimal(byte, Digits::Lower, &mut escaped);
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
pub(super) fn all_hexadecimal(text: &str, add: &mut impl FnMut(String)) {
    for digits in BOTH {
        let mut escaped = String::with_capacity(text.len() * 2);
        for byte in text.bytes() {
            push_hexadecimal(byte, digits, &mut escaped);
        }
        add(escaped);
    }
}

/// Copies a text, but for the characters that `replace` writes in its own way.
fn escape(text: &str, mut replace: impl FnMut(char, &mut String) -> bool) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if !replace(character, &mut escaped) {
            escaped.push(character);
        }
    }
    escaped
}

fn push_hexadecimal(byte: u8, digits: Digits, text: &mut String) {
    let _infallible = match digits {
        Digits::Lower => write!(text, "{byte:02x}"),
        Digits::Upper => write!(text, "{byte:02X}"),
    };
}
