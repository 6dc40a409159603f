use std::fmt::{Display, Write as _};

/// Lists all names in a sentence: `` `a`, `b` and `c` ``. Empty where there are none.
#[must_use]
pub fn all_of<Name: Display>(names: impl IntoIterator<Item = Name>) -> String {
    listed(names, "and")
}

/// Lists alternatives in a sentence: `` `a`, `b` or `c` ``. Empty where there are none.
#[must_use]
pub fn any_of<Name: Display>(names: impl IntoIterator<Item = Name>) -> String {
    listed(names, "or")
}

/// Lists at most `most` of the names, and the number of the others: `` `a`, `b` and 3 more ``.
#[must_use]
pub fn some_of<Name: Display>(names: impl IntoIterator<Item = Name>, most: usize) -> String {
    let mut names = names.into_iter();
    let shown: Vec<_> = names.by_ref().take(most).collect();
    match names.count() {
        0 => all_of(shown),
        more => {
            let quoted: Vec<_> = shown.iter().map(|name| format!("`{name}`")).collect();
            format!("{} and {more} more", quoted.join(", "))
        }
    }
}

fn listed<Name: Display>(names: impl IntoIterator<Item = Name>, conjunction: &str) -> String {
    let mut text = String::new();
    let mut names = names.into_iter().peekable();
    while let Some(name) = names.next() {
        let is_first = text.is_empty();
        let is_last = names.peek().is_none();
        // Writing to a string does not fail.
        let _written = match (is_first, is_last) {
            (true, _) => write!(text, "`{name}`"),
            (false, false) => write!(text, ", `{name}`"),
            (false, true) => write!(text, " {conjunction} `{name}`"),
        };
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 4] = ["a", "b", "c", "d"];

    #[test]
    fn lists_names_as_a_sentence_does() {
        for (count, all, any) in [
            (0, "", ""),
            (1, "`a`", "`a`"),
            (2, "`a` and `b`", "`a` or `b`"),
            (3, "`a`, `b` and `c`", "`a`, `b` or `c`"),
        ] {
            let names = &NAMES[..count];
            assert_eq!((all_of(names), any_of(names)), (all.into(), any.into()));
        }
    }

    #[test]
    fn counts_what_it_does_not_list() {
        assert_eq!(some_of(NAMES, 4), "`a`, `b`, `c` and `d`");
        assert_eq!(some_of(NAMES, 2), "`a`, `b` and 2 more");
        assert_eq!(some_of(NAMES, 1), "`a` and 3 more");
    }
}
