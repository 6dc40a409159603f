/// Maximum number of characters of a foreign text in a message; names that users choose are shorter.
const MAX_CHARACTERS: usize = 80;

/// Formats a foreign text for a message: short, and without control characters.
#[must_use]
pub fn shortened(text: &str) -> String {
    let mut shown: String = text
        .chars()
        .take(MAX_CHARACTERS)
        .flat_map(char::escape_debug)
        .collect();
    if text.chars().nth(MAX_CHARACTERS).is_some() {
        shown.push('…');
    }
    shown
}
