use std::borrow::Cow;

use super::list::some_of;

/// Minimum similarity of two words, by Jaro-Winkler, for one to be suggested instead of the other. Below it are pairs
/// such as `image` and `name`, above it typing errors, swapped letters and a missing plural.
const SIMILARITY: f64 = 0.84;
/// Candidates and words longer than this are not compared: they are not typing errors, and the cost is quadratic.
const MAX_WORD_BYTES: usize = 128;

/// Maximum number of listed names; more are not readable at a glance.
const MAX_NAMES: usize = 12;
/// A longer name is truncated in the list.
const MAX_NAME_BYTES: usize = 64;

/// Returns the candidate that was probably meant by `word`, if one is similar enough.
///
/// Differences in case, and between `snake_case`, `kebab-case` and `camelCase`, are ignored.
#[must_use]
pub fn did_you_mean<'candidate>(
    word: &str,
    candidates: impl IntoIterator<Item = &'candidate str>,
) -> Option<&'candidate str> {
    if word.len() > MAX_WORD_BYTES {
        return None;
    }
    let folded = fold(word);
    candidates
        .into_iter()
        .filter(|candidate| *candidate != word && candidate.len() <= MAX_WORD_BYTES)
        .map(|candidate| (similarity(&folded, &fold(candidate)), candidate))
        .filter(|(similarity, _)| *similarity >= SIMILARITY)
        // The first of equally good ones is kept, so that the result follows the candidates' order.
        .fold(
            None,
            |best: Option<(f64, &str)>, (similarity, candidate)| match best {
                Some((highest, _)) if highest >= similarity => best,
                _ => Some((similarity, candidate)),
            },
        )
        .map(|(_, candidate)| candidate)
}

/// Returns the suffix of a message about an unknown name: the existing names. Empty where there are none.
#[must_use]
pub fn there_are<'name>(names: impl IntoIterator<Item = &'name str>) -> String {
    let mut names = names.into_iter().map(shown).peekable();
    let Some(first) = names.next() else {
        return String::new();
    };
    let verb = if names.peek().is_some() { "are" } else { "is" };
    let names = std::iter::once(first).chain(names);
    format!("; there {verb} {}", some_of(names, MAX_NAMES))
}

fn shown(name: &str) -> Cow<'_, str> {
    if name.len() <= MAX_NAME_BYTES {
        return Cow::Borrowed(name);
    }
    let short = name.get(..name.floor_char_boundary(MAX_NAME_BYTES));
    Cow::Owned(format!("{}…", short.unwrap_or_default()))
}

fn similarity(word: &str, candidate: &str) -> f64 {
    // Words of up to three letters are too short for a ratio: they may differ by one edit.
    if word.chars().count() <= 3 || candidate.chars().count() <= 3 {
        return match strsim::osa_distance(word, candidate) {
            0 => 1.0,
            1 if word.chars().count() > 1 => 0.9,
            _ => 0.0,
        };
    }
    strsim::jaro_winkler(word, candidate)
}

fn fold(word: &str) -> String {
    word.chars()
        .filter(|character| !matches!(character, '_' | '-' | ' '))
        .flat_map(char::to_lowercase)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suggests_what_was_probably_meant() {
        let keys = ["image", "namespace", "backoffLimit", "env", "resources"];
        for (word, expected) in [
            ("imgae", Some("image")),
            ("Image", Some("image")),
            ("backoff_limit", Some("backoffLimit")),
            ("name_space", Some("namespace")),
            ("enf", Some("env")),
            ("resource", Some("resources")),
            ("volumes", None),
            ("x", None),
            ("image", None),
        ] {
            assert_eq!(did_you_mean(word, keys), expected, "{word}");
        }
    }

    #[test]
    fn names_that_there_are_are_listed_up_to_a_number_and_a_length() {
        let names = |count: usize| {
            (0..count)
                .map(|number| number.to_string())
                .collect::<Vec<_>>()
        };
        let listed = |count| there_are(names(count).iter().map(String::as_str));
        assert_eq!(listed(0), "");
        assert_eq!(listed(1), "; there is `0`");
        assert_eq!(listed(3), "; there are `0`, `1` and `2`");
        assert!(
            listed(15).ends_with("`10`, `11` and 3 more"),
            "{}",
            listed(15)
        );
        let long = there_are(["ä".repeat(1000).as_str()]);
        assert!(long.len() < 100 && long.ends_with("…`"), "{long}");
    }
}
