use std::error::Error;

/// Formats the error and its causes in one line, each text once.
///
/// A cause whose text the error repeats already is skipped: several crates print their source themselves.
#[must_use]
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        if !text.contains(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{text}")]
    struct Layer {
        text: &'static str,
        source: Option<Box<Layer>>,
    }

    fn layers(texts: &[&'static str]) -> Layer {
        let (text, rest) = texts.split_first().unwrap();
        let source = (!rest.is_empty()).then(|| Box::new(layers(rest)));
        Layer { text, source }
    }

    #[test]
    fn says_each_cause_once() {
        for (texts, expected) in [
            (&["a"][..], "a"),
            (
                &["cannot read", "no such file"],
                "cannot read: no such file",
            ),
            (
                &["cannot read: no such file", "no such file", "deep"],
                "cannot read: no such file: deep",
            ),
        ] {
            assert_eq!(chain(&layers(texts)), expected);
        }
    }
}
