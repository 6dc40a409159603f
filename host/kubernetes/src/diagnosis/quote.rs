/// Maximum number of characters that are quoted from the cluster. Errors of a registry or a webhook may be whole pages;
/// the beginning contains what matters.
const MAX_CHARACTERS: usize = 600;

/// Formats a text of the cluster for a message: on one line, without control characters, bounded.
pub(super) fn quoted(text: &str) -> String {
    let mut words = String::new();
    let mut left = MAX_CHARACTERS;
    for word in text.split(|character: char| character.is_whitespace() || character.is_control()) {
        if word.is_empty() {
            continue;
        }
        if !words.is_empty() {
            words.push(' ');
        }
        let characters = word.chars().count();
        if characters > left {
            // Whole words only: a part of a secret would not be recognized and redacted.
            words.push('…');
            break;
        }
        words.push_str(word);
        left = left.saturating_sub(characters + 1);
    }
    words
}

/// Returns the text between the first `before` and the next `after`.
pub(super) fn between<'text>(text: &'text str, before: &str, after: &str) -> Option<&'text str> {
    let (_, rest) = text.split_once(before)?;
    let (inside, _) = rest.split_once(after)?;
    Some(inside)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_becomes_one_bounded_line() {
        assert_eq!(quoted("\n\n a\tb\u{1b}[0m\n"), "a b [0m");
        assert_eq!(quoted(&format!("a {}", "ä".repeat(10_000))), "a …");
        let words = quoted(&"word ".repeat(10_000));
        assert!(words.chars().count() <= MAX_CHARACTERS + 1, "{words}");
        assert!(words.ends_with('…'));
    }

    #[test]
    fn the_text_between_two_texts_is_found() {
        assert_eq!(between("a \"b\" c", "\"", "\""), Some("b"));
        assert_eq!(between("a \"b c", "\"", "\""), None);
    }
}
