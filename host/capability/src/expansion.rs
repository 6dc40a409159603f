//! `$(NAME)` in the words of a command.

/// Replaces `$(NAME)` by the result of `value_of`, like the kubelet in `command` and `args`.
///
/// `$$` is a plain `$`, an unknown name stays unchanged, and a value is not expanded again. Source:
/// `third_party/forked/golang/expansion/expand.go` in Kubernetes. It differs in one case: the original garbles a
/// non-ASCII character that follows a `$` (it converts the first byte of the character to a rune); here the character
/// stays.
pub fn expand<'a>(input: &'a str, value_of: impl Fn(&str) -> Option<&'a str>) -> String {
    replace(input, "$", value_of)
}

/// Replaces `$(NAME)` by another text that is still to be expanded; every other byte stays unchanged.
pub fn rewrite<'a>(input: &'a str, text_of: impl Fn(&str) -> Option<&'a str>) -> String {
    replace(input, "$$", text_of)
}

/// Returns the names that the text refers to.
pub fn references(input: &str) -> impl Iterator<Item = &str> {
    parts(input).filter_map(|part| match part {
        Part::Reference(name) => Some(name),
        Part::Text(_) | Part::Dollar => None,
    })
}

#[derive(Clone, Copy)]
enum Part<'a> {
    Text(&'a str),
    /// `$$`.
    Dollar,
    /// `$(NAME)`.
    Reference(&'a str),
}

fn replace<'a>(input: &'a str, dollar: &str, value_of: impl Fn(&str) -> Option<&'a str>) -> String {
    let mut output = String::with_capacity(input.len());
    for part in parts(input) {
        match part {
            Part::Text(text) => output.push_str(text),
            Part::Dollar => output.push_str(dollar),
            Part::Reference(name) => match value_of(name) {
                Some(value) => output.push_str(value),
                None => output.extend(["$(", name, ")"]),
            },
        }
    }
    output
}

fn parts(input: &str) -> impl Iterator<Item = Part<'_>> {
    let mut rest = input;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let Some(after) = rest.strip_prefix('$') else {
            let (text, after) = rest.split_at(rest.find('$').unwrap_or(rest.len()));
            rest = after;
            return Some(Part::Text(text));
        };
        let (part, after) = if let Some(after) = after.strip_prefix('$') {
            (Part::Dollar, after)
        } else if let Some((name, after)) = reference(after) {
            (Part::Reference(name), after)
        } else {
            (Part::Text("$"), after)
        };
        rest = after;
        Some(part)
    })
}

/// Returns the name between the parentheses at the beginning of `text`, and the rest.
fn reference(text: &str) -> Option<(&str, &str)> {
    text.strip_prefix('(')?.split_once(')')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(input: &str, expected: &str) {
        let value_of = |name: &str| match name {
            "VAR_A" => Some("A"),
            "VAR_B" => Some("B"),
            "VAR_C" => Some("C"),
            "VAR_REF" => Some("$(VAR_A)"),
            "VAR_EMPTY" => Some(""),
            "VAR(X" => Some("odd"),
            _ => None,
        };
        assert_eq!(expand(input, value_of), expected, "input {input:?}");
    }

    /// The cases of `expand_test.go` in Kubernetes.
    #[test]
    fn expands_as_the_kubelet_does() {
        for (input, expected) in [
            ("$(VAR_A)", "A"),
            ("___$(VAR_B)___", "___B___"),
            ("___$(VAR_C)", "___C"),
            ("$(VAR_A)-$(VAR_A)", "A-A"),
            ("$(VAR_A)-1", "A-1"),
            ("$(VAR_EMPTY)", ""),
            ("f000-$VAR_A", "f000-$VAR_A"),
            ("foo\\$(VAR_C)bar", "foo\\Cbar"),
            ("foo\\\\$(VAR_C)bar", "foo\\\\Cbar"),
            ("foo\\\\\\\\$(VAR_A)", "foo\\\\\\\\A"),
            ("$(VAR_A$(VAR_B))", "$(VAR_A$(VAR_B))"),
            ("$(VAR_A$(VAR_B)", "$(VAR_A$(VAR_B)"),
            ("$(VAR_REF)", "$(VAR_A)"),
            ("%%$(VAR_REF)--$(VAR_REF)%%", "%%$(VAR_A)--$(VAR_A)%%"),
            ("foo$(VAR_EMPTY)bar", "foobar"),
            ("foo$(VAR_Awhoops!", "foo$(VAR_Awhoops!"),
            ("f00__(VAR_A)__", "f00__(VAR_A)__"),
            ("$?_boo_$!", "$?_boo_$!"),
            ("$VAR_A", "$VAR_A"),
            ("$(VAR_DNE)", "$(VAR_DNE)"),
            ("$$$$$$(BIG_MONEY)", "$$$(BIG_MONEY)"),
            ("$$$$$$(VAR_A)", "$$$(VAR_A)"),
            ("$$$$$$$(GOOD_ODDS)", "$$$$(GOOD_ODDS)"),
            ("$$$$$$$(VAR_A)", "$$$A"),
            ("$VAR_A)", "$VAR_A)"),
            ("${VAR_A}", "${VAR_A}"),
            ("$(VAR_B)_______$(A", "B_______$(A"),
            ("$(VAR_C)_______$(", "C_______$("),
            ("$(VAR_A)foobarzab$", "Afoobarzab$"),
            ("foo-\\$(VAR_A", "foo-\\$(VAR_A"),
            ("--$($($($($--", "--$($($($($--"),
            ("$($($($($--foo$(", "$($($($($--foo$("),
            ("foo0--$($($($(", "foo0--$($($($("),
            ("$(foo$$var)", "$(foo$$var)"),
        ] {
            check(input, expected);
        }
    }

    #[test]
    fn leaves_what_only_looks_like_a_reference() {
        for (input, expected) in [
            ("", ""),
            ("$", "$"),
            ("$$", "$"),
            ("$(", "$("),
            ("$()", "$()"),
            ("$$(VAR_A)", "$(VAR_A)"),
            ("$(VAR_A", "$(VAR_A"),
            ("$(VAR(X)", "odd"),
            ("$é$(VAR_A)ü", "$éAü"),
        ] {
            check(input, expected);
        }
    }

    #[test]
    fn rewrites_references_and_nothing_else() {
        let text_of = |name: &str| (name == "VAR_A").then_some("@$(FILE)");
        for (input, expected) in [
            ("$(VAR_A)", "@$(FILE)"),
            ("a=$(VAR_A) $(VAR_B)", "a=@$(FILE) $(VAR_B)"),
            ("$$(VAR_A) $$$(VAR_A) $", "$$(VAR_A) $$@$(FILE) $"),
        ] {
            assert_eq!(rewrite(input, text_of), expected, "input {input:?}");
        }
    }

    #[test]
    fn lists_what_a_text_refers_to() {
        let names = |input| references(input).collect::<Vec<_>>();
        assert_eq!(names("a$(B)$$(C)-$(D) $(E"), ["B", "D"]);
        assert_eq!(names("$$$(A)"), ["A"]);
    }
}
