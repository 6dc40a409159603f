//! Writing to standard output and standard error.

use std::error::Error;
use std::fmt::Write as _;
use std::io::{IsTerminal as _, Write as _};

use toolhost::diagnostic::Diagnostic;

/// Whether standard error is a terminal.
pub(crate) fn stderr_is_terminal() -> bool {
    std::io::stderr().is_terminal()
}

/// Whether standard error takes colors, and the user wants them (<https://no-color.org>).
pub(crate) fn stderr_has_color() -> bool {
    let is_unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    stderr_is_terminal() && !is_unwanted
}

/// Writes a line of results. A reader that is gone does not matter.
pub(crate) fn print(line: &str) {
    let _gone = writeln!(std::io::stdout().lock(), "{line}");
}

/// Writes results as they are.
pub(crate) fn print_bytes(bytes: &[u8]) {
    let mut stdout = std::io::stdout().lock();
    let _gone = stdout.write_all(bytes).and_then(|()| stdout.flush());
}

/// Writes a line for the person who watches.
pub(crate) fn tell(line: &str) {
    let _gone = writeln!(std::io::stderr().lock(), "{line}");
}

/// Writes problems with their places.
pub(crate) fn show(diagnostics: &[Diagnostic]) {
    for diagnostic in diagnostics {
        tell(diagnostic.render(stderr_has_color()).trim_end());
    }
}

/// Writes an error that has no place.
pub(crate) fn complain(message: &str, help: Option<String>) {
    let diagnostic = Diagnostic::error(message);
    show(&[match help {
        Some(help) => diagnostic.help(help),
        None => diagnostic,
    }]);
}

/// An error and what caused it, in one sentence.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let _infallible = write!(text, ": {error}");
        cause = error.source();
    }
    text
}

/// A line of somebody else's output without what could take over a terminal: colors stay, every other
/// control sequence becomes visible.
pub(crate) fn harmless(line: &str) -> String {
    let mut result = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(character) = rest.chars().next() {
        let length = color_sequence(rest).unwrap_or(0);
        if length > 0 {
            let (sequence, after) = rest.split_at(length);
            result.push_str(sequence);
            rest = after;
            continue;
        }
        let is_control = character.is_control() && character != '\t';
        result.push(if is_control {
            char::REPLACEMENT_CHARACTER
        } else {
            character
        });
        rest = rest.get(character.len_utf8()..).unwrap_or_default();
    }
    result
}

/// The length of the sequence that sets colors at the beginning of the text, if there is one.
fn color_sequence(text: &str) -> Option<usize> {
    let parameters = text.strip_prefix("\u{1b}[")?;
    let end = parameters.find(|character: char| !character.is_ascii_digit() && character != ';')?;
    parameters.get(end..)?.starts_with('m').then_some(end + 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_of_others_keeps_its_colors_and_nothing_else() {
        let colored = "\u{1b}[1;31mred\u{1b}[0m\tü";
        assert_eq!(harmless(colored), colored);
        let hostile = "\u{1b}]0;title\u{7}\u{1b}[2J\r\u{1b}[";
        let shown = "\u{fffd}]0;title\u{fffd}\u{fffd}[2J\u{fffd}\u{fffd}[";
        assert_eq!(harmless(hostile), shown);
    }
}
