//! Redacting a stream gives what redacting the whole gives, and no secret is left in it.
//!
//! The input is some secrets, each ended by a zero byte, and after an empty one the text. `\x01` in the text
//! stands for the first secret, `\x02` for the second and so on, up to `\x08`; `\x10` and up for the same in
//! the forms of [`forms`] in turn, by the length of the text so far. What was planted is not left, and neither
//! is a secret with a line break or an escape sequence inside.

#![no_main]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use libfuzzer_sys::fuzz_target;
use secrecy::SecretString;
use toolhost::sealing::{MIN_SECRET_BYTES, REDACTED, Redactor, StreamRedaction};

/// The most secrets of one input.
const MAX_SECRETS: usize = 8;

fuzz_target!(|input: &str| {
    let (secrets, text) = parse(input);
    let wrapped: Vec<_> = secrets.iter().map(|text| SecretString::from(*text)).collect();
    let Some(redactor) = Redactor::new(&wrapped) else {
        assert!(!secrets.iter().any(|secret| is_sought(secret)));
        return;
    };
    let whole = redactor.redact(&text).into_owned();
    assert_eq!(whole.contains(REDACTED) && !text.contains(REDACTED), redactor.finds(text.as_bytes()) && !text.contains(REDACTED));
    if !redactor.finds(text.as_bytes()) {
        assert_eq!(whole, text);
    }
    for size in chunk_sizes(input) {
        let mut stream = StreamRedaction::default();
        let mut passed = Vec::new();
        let mut rest = text.as_bytes();
        let mut next = size;
        while !rest.is_empty() {
            let (chunk, after) = rest.split_at(next.clamp(1, rest.len()));
            stream.push(&redactor, chunk, |bytes| passed.extend_from_slice(bytes));
            rest = after;
            // Chunks of sizes that repeat only after a while.
            next = (next * 7 + 3) % (size * 4 + 1);
        }
        stream.finish(&redactor, |bytes| passed.extend_from_slice(bytes));
        assert_eq!(String::from_utf8_lossy(&passed), whole, "in chunks of about {size}");
    }
    for secret in secrets.iter().filter(|secret| is_sought(secret)) {
        // The remaining text and the adjacent stars can look like a secret that starts with stars.
        if secret.contains('*') {
            continue;
        }
        for form in forms(secret) {
            // An escape sequence that is begun before it takes its first character away, and with that it is neither
            // what is shown nor what is written.
            if form.contains('\x1b') && input.contains('\x1b') {
                continue;
            }
            assert!(!whole.contains(&form), "{form:?} of {secret:?} is left in {whole:?}");
        }
    }
});

/// Line breaks, with the blanks that follow them, and escape sequences make no secret of a text. That there are
/// none is asked here, and not what is left without them.
fn is_sought(secret: &str) -> bool {
    let is_plain = !secret.contains(['\n', '\r', '\x1b']);
    is_plain && secret.trim().len() >= MIN_SECRET_BYTES
}

/// The secrets, and the text.
fn parse(input: &str) -> (Vec<&str>, String) {
    let mut secrets = Vec::new();
    let mut rest = input;
    while let Some((secret, after)) = rest.split_once('\0') {
        rest = after;
        if secret.is_empty() || secrets.len() == MAX_SECRETS {
            break;
        }
        secrets.push(secret);
    }
    let mut text = String::new();
    for character in rest.chars() {
        let number = u32::from(character) as usize;
        let planted = secrets.get((number % 16).wrapping_sub(1));
        match planted {
            Some(secret) if number < 0x09 => text.push_str(secret),
            Some(secret) if (0x10..0x19).contains(&number) => {
                let forms = forms(secret);
                text.push_str(&forms[text.len() % forms.len()]);
            }
            _ => text.push(character),
        }
    }
    (secrets, text)
}

/// Some forms, made in another way than the library makes them.
fn forms(secret: &str) -> Vec<String> {
    let json = serde_json::to_string(secret).expect("a text is JSON");
    let bytes = |prefix: &str| -> String {
        secret.bytes().map(|byte| format!("{prefix}{byte:02x}")).collect()
    };
    let units = secret.encode_utf16().map(|unit| format!("\\u{unit:04X}"));
    let encoded = STANDARD.encode(secret);
    let mut forms = vec![
        secret.to_owned(),
        encoded.clone(),
        bytes(""),
        json[1..json.len() - 1].to_owned(),
        secret.to_ascii_uppercase(),
        bytes("").to_ascii_uppercase(),
    ];
    // What few ask for is not searched for of lines of a secret, or of a very long one.
    if secret.trim().lines().count() == 1 && secret.len() < 4096 {
        forms.extend([bytes("%"), bytes("\\x"), units.collect()]);
        forms.push(bytes(" ").trim_start().to_owned());
    }
    for (gap, width) in [("\n", 7), ("\r\n   ", 19), ("\x1b[0m", 3)] {
        let characters: Vec<_> = encoded.chars().collect();
        let lines = characters.chunks(width).map(|line| line.iter().collect::<String>());
        forms.push(lines.collect::<Vec<_>>().join(gap));
    }
    forms
}

fn chunk_sizes(input: &str) -> [usize; 3] {
    let sum: usize = input.bytes().map(usize::from).sum();
    [1, 2 + sum % 30, 32 + sum % 200]
}
