/// JSON of a constant without insignificant white space, as a constant string. The constants of a component
/// are in the memory of every call, so each page of them counts.
#[macro_export]
macro_rules! compact_json {
    ($readable:expr) => {{
        const READABLE: &[u8] = $readable;
        const LENGTH: usize = $crate::compact(READABLE, &mut [0; READABLE.len()]);
        const COMPACT: [u8; LENGTH] = {
            let mut compacted = [0; READABLE.len()];
            $crate::compact(READABLE, &mut compacted);
            match compacted.first_chunk() {
                Some(chunk) => *chunk,
                None => panic!("JSON cannot grow by losing white space"),
            }
        };
        match ::core::str::from_utf8(&COMPACT) {
            Ok(text) => text,
            Err(_) => panic!("the JSON is not UTF-8"),
        }
    }};
}

/// Copies JSON without the white space outside of its strings, and returns the number of bytes.
pub const fn compact(mut json: &[u8], mut compacted: &mut [u8]) -> usize {
    let space = compacted.len();
    let mut in_text = false;
    let mut is_escaped = false;
    while let [byte, rest @ ..] = json {
        json = rest;
        if !in_text && byte.is_ascii_whitespace() {
            continue;
        }
        if *byte == b'"' && !is_escaped {
            in_text = !in_text;
        }
        is_escaped = *byte == b'\\' && !is_escaped;
        let [place, space_left @ ..] = compacted else {
            break;
        };
        *place = *byte;
        compacted = space_left;
    }
    space - compacted.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_the_readable_text_says() {
        const TEXT: &str = compact_json!(b"{ \"a\":\n\t[ 1, \" b \" ] }");
        assert_eq!(TEXT, r#"{"a":[1," b "]}"#);
    }

    #[test]
    fn keeps_white_space_in_texts() {
        let json = br#"{ "a \" b\\" : [ " c " ] }"#;
        let mut compacted = [0; 64];
        let length = compact(json, &mut compacted);
        assert_eq!(compacted[..length], *br#"{"a \" b\\":[" c "]}"#);
    }
}
