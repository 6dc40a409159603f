use std::fmt;
use std::str::FromStr;

/// Maximum length of a pattern: names in Kubernetes and names of images are not longer.
const MAX_BYTES: usize = 512;

/// A name in which `*` stands for any characters, or none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern(String);

/// Why a text is not a valid pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParsePatternError {
    /// It is empty.
    #[error("an empty pattern matches nothing")]
    Empty,
    /// It contains characters that no name contains.
    #[error("a pattern must not contain spaces or control characters")]
    Blank,
    /// It is too long.
    #[error("a pattern must not be longer than {MAX_BYTES} bytes")]
    TooLong,
}

impl Pattern {
    /// Whether the pattern matches the name.
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        let Some((first, rest)) = self.0.split_once('*') else {
            return self.0 == name;
        };
        let Some(mut name) = name.strip_prefix(first) else {
            return false;
        };
        let (middle, last) = rest.rsplit_once('*').unwrap_or(("", rest));
        // For each part in between, the first match leaves the most for the following parts.
        for part in middle.split('*') {
            match name.split_once(part) {
                Some((_, after)) => name = after,
                None => return false,
            }
        }
        name.ends_with(last)
    }

    /// Whether it matches every name.
    pub(super) fn is_any(&self) -> bool {
        self.0.bytes().all(|byte| byte == b'*')
    }
}

impl FromStr for Pattern {
    type Err = ParsePatternError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty() {
            return Err(ParsePatternError::Empty);
        }
        if text.len() > MAX_BYTES {
            return Err(ParsePatternError::TooLong);
        }
        if text.contains(|character: char| character.is_whitespace() || character.is_control()) {
            return Err(ParsePatternError::Blank);
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Whether one of the patterns matches.
pub(super) fn any_matches(patterns: &[Pattern], name: &str) -> bool {
    patterns.iter().any(|pattern| pattern.matches(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_characters() {
        for (pattern, name, expected) in [
            ("noetl", "noetl", true),
            ("noetl", "noetl-2", false),
            ("etl-*", "etl-a", true),
            ("etl-*", "etl-", true),
            ("etl-*", "my-etl-a", false),
            ("*-etl", "a-etl", true),
            ("*-etl", "a-etl-b", false),
            ("a*b*c", "a1b2c", true),
            ("a*b*c", "abbc", true),
            ("a*b*c", "ac", false),
            ("a*a", "a", false),
            ("a*ab*ba", "aabba", true),
            ("a*ab*ba", "aaba", false),
            ("*", "", true),
            ("**", "x", true),
        ] {
            let parsed: Pattern = pattern.parse().unwrap();
            assert_eq!(parsed.matches(name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn invalid_patterns_are_refused() {
        for (text, expected) in [
            ("", ParsePatternError::Empty),
            ("a b", ParsePatternError::Blank),
            ("a\n", ParsePatternError::Blank),
            (&"a".repeat(513), ParsePatternError::TooLong),
        ] {
            assert_eq!(text.parse::<Pattern>(), Err(expected));
        }
    }
}
