//! Mistakes in a script that its interpreter reports, so that every engine reports them alike.

use crate::{AttemptEnd, Explanation, Reason};

/// Number of lines at the end of the output that are searched: `node` writes a dozen of its own after the cause.
const LINES: usize = 20;
/// Maximum number of bytes at the end that are searched, and of characters of a quoted complaint.
const MAX_BYTES: usize = 16 << 10;
const MAX_CHARACTERS: usize = 200;
const FIELD: &str = "script";

/// The line of a mistake, and the interpreter's message.
type Mistake<'log> = (u64, &'log str);

/// Completes the end of an attempt if the end of its output shows that the interpreter could not read the script
/// itself: a mistake in what the script imports or evaluates is the script's own failure.
///
/// `command` is the job's command, `script` the script's file name.
pub fn with_syntax_error(
    end: AttemptEnd,
    command: &[impl AsRef<str>],
    script: &str,
    tail: &[u8],
) -> AttemptEnd {
    let (Some(Reason::ScriptError), Some(code)) = (end.reason(), end.exit_code) else {
        return end;
    };
    let interpreter = interpreter(command);
    let text = last_bytes(tail);
    let lines = last_lines(&text);
    let Some((line, said)) = mistake(interpreter, code, script, &lines) else {
        return end;
    };
    let said: String = said.trim().chars().take(MAX_CHARACTERS).collect();
    let message = format!("could not be read by `{interpreter}`: line {line}: {said}");
    end.because(
        Explanation::new(Reason::SyntaxError, message)
            .with_hint(format!("correct line {line} of the script"))
            .with_field(FIELD),
    )
}

/// Returns the end of the output as text.
#[must_use]
pub fn last_bytes(tail: &[u8]) -> std::borrow::Cow<'_, str> {
    let from = tail.len().saturating_sub(MAX_BYTES);
    String::from_utf8_lossy(tail.get(from..).unwrap_or(tail))
}

/// Returns the last lines in order, without empty ones at the end.
#[must_use]
pub fn last_lines(text: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = text.trim_end().lines().rev().take(LINES).collect();
    lines.reverse();
    lines
}

/// Returns the last part of a path.
#[must_use]
pub fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Returns the name of the program that reads the script; `env` only searches for it.
fn interpreter(command: &[impl AsRef<str>]) -> &str {
    let mut names = command.iter().map(|part| file_name(part.as_ref()));
    let is_program = |name: &&str| !name.starts_with('-') && !name.contains('=');
    match names.next() {
        Some("env") => names.find(is_program).unwrap_or_default(),
        name => name.unwrap_or_default(),
    }
}

fn mistake<'log>(
    interpreter: &str,
    code: i32,
    script: &str,
    lines: &[&'log str],
) -> Option<Mistake<'log>> {
    let is_version = |character: char| character.is_ascii_digit() || character == '.';
    match (interpreter.trim_end_matches(is_version), code) {
        ("python" | "pypy", 1) => python(script, lines),
        ("sh" | "bash" | "dash" | "ash", 1 | 2) => shell(script, lines),
        ("node" | "nodejs", 1) => node(script, lines),
        // The exit code for a failed statement under `ON_ERROR_STOP`.
        ("psql", 3) => psql(script, lines),
        _ => None,
    }
}

/// ```text
///   File "/job/main.py", line 2
///     print(a
///          ^
/// SyntaxError: '(' was never closed
/// ```
/// Imported or evaluated code has a traceback above. The message for bytes that are not text is
/// `SyntaxError: Non-UTF-8 code starting with '\xff' in file /job/main.py on line 1, but …`.
fn python<'log>(script: &str, lines: &[&'log str]) -> Option<Mistake<'log>> {
    const ERRORS: [&str; 3] = ["SyntaxError: ", "IndentationError: ", "TabError: "];
    let last = lines.last()?;
    let said = ERRORS.iter().find_map(|error| last.strip_prefix(error))?;
    if lines.iter().any(|line| line.starts_with("Traceback ")) {
        return None;
    }
    let place = lines
        .iter()
        .rev()
        .find_map(|line| line.strip_prefix("  File \""));
    let (path, number) = match place {
        Some(place) => place.split_once("\", line ")?,
        None => said.split_once(" in file ")?.1.split_once(" on line ")?,
    };
    let number = number.split(',').next().unwrap_or(number);
    at(path, script, number, said)
}

/// `/job/main.sh: line 3: syntax error: …` of bash and busybox, `/job/main.sh: 3: Syntax error: …` of dash.
fn shell<'log>(script: &str, lines: &[&'log str]) -> Option<Mistake<'log>> {
    const ERRORS: [&str; 3] = ["syntax error", "Syntax error", "unexpected EOF"];
    lines.iter().find_map(|line| {
        let (path, rest) = line.split_once(": ")?;
        let (number, said) = rest
            .strip_prefix("line ")
            .unwrap_or(rest)
            .split_once(": ")?;
        let is_syntax = ERRORS.iter().any(|error| said.starts_with(error));
        is_syntax.then(|| at(path, script, number, said))?
    })
}

/// ```text
/// /job/main.js:2
/// …
/// SyntaxError: Unexpected token ')'
///     at wrapSafe (node:internal/modules/cjs/loader:1464:18)
/// ```
/// For evaluated code, or a text that is read by `JSON.parse`, another function comes first.
fn node<'log>(script: &str, lines: &[&'log str]) -> Option<Mistake<'log>> {
    const COMPILERS: [&str; 4] = [
        "wrapSafe",
        "internalCompileFunction",
        "compileSourceTextModule",
        "checkSyntax",
    ];
    let place = lines
        .iter()
        .rposition(|line| line.starts_with("SyntaxError: "))?;
    let said = lines.get(place)?.strip_prefix("SyntaxError: ")?;
    let caller = lines.get(place + 1)?;
    if !COMPILERS.iter().any(|compiler| caller.contains(compiler)) {
        return None;
    }
    lines.iter().take(place).find_map(|line| {
        let (path, number) = line.rsplit_once(':')?;
        at(path, script, number, said)
    })
}

/// `psql:/job/main.sql:3: ERROR:  syntax error at or near "x"`
fn psql<'log>(script: &str, lines: &[&'log str]) -> Option<Mistake<'log>> {
    lines.iter().find_map(|line| {
        let (place, said) = line.strip_prefix("psql:")?.split_once(": ERROR:")?;
        let (path, number) = place.rsplit_once(':')?;
        let said = said.trim_start();
        said.starts_with("syntax error")
            .then(|| at(path, script, number, said))?
    })
}

/// Returns the mistake, if it is in the script.
fn at<'log>(path: &str, script: &str, number: &str, said: &'log str) -> Option<Mistake<'log>> {
    let number = number.trim().parse().ok()?;
    (file_name(path) == script).then_some((number, said))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::controller::exited;

    fn check(command: &[&str], script: &str, code: i32, output: &str) -> AttemptEnd {
        with_syntax_error(exited(code), command, script, output.as_bytes())
    }

    /// Observed output of Python 3.11, busybox 1.36, dash 0.5, bash 5.2 and node 20.
    #[test]
    fn tells_the_line_that_an_interpreter_cannot_read() {
        #[rustfmt::skip]
        let cases: [(&[&str], &str, i32, &str, &str); 10] = [
            (&["python3"], "main.py", 1, "  File \"/tmp/main.py\", line 2\n    print(a\n         ^\nSyntaxError: '(' was never closed\n", "line 2: '(' was never closed"),
            (&["/usr/bin/env", "python3.11"], "main.py", 1, "  File \"/tmp/main.py\", line 3\n    y\n     ^\nIndentationError: unindent does not match any outer indentation level\n", "`python3.11`: line 3: unindent"),
            (&["python3"], "main.py", 1, "  File \"/tmp/main.py\", line 1\n    a\nSyntaxError: source code cannot contain null bytes\n", "line 1: source code"),
            (&["python3"], "main.py", 1, "SyntaxError: Non-UTF-8 code starting with '\\xff' in file /tmp/main.py on line 1, but no encoding declared; see https://peps.python.org/pep-0263/ for details\n", "line 1: Non-UTF-8"),
            (&["sh"], "main.sh", 2, "a\n/tmp/main.sh: line 3: syntax error: unexpected end of file (expecting \"fi\")\n", "line 3: syntax error: unexpected end of file"),
            (&["/bin/sh"], "main.sh", 2, "a\n/tmp/main.sh: 3: Syntax error: end of file unexpected (expecting \"fi\")\n", "line 3: Syntax error: end of file"),
            (&["bash"], "main.sh", 2, "/tmp/main.sh: line 2: syntax error near unexpected token `)'\n/tmp/main.sh: line 2: `if true; then )'\na\n", "line 2: syntax error near"),
            (&["bash"], "main.bash", 2, "main.bash: line 1: unexpected EOF while looking for matching `\"'\n", "line 1: unexpected EOF"),
            (&["node"], "main.js", 1, "/tmp/main.js:2\nif (a { }\n      ^\n\nSyntaxError: Unexpected token '{'\n    at wrapSafe (node:internal/modules/cjs/loader:1464:18)\n    at Module._compile (node:internal/modules/cjs/loader:1495:20)\n\nNode.js v20.20.2\n", "line 2: Unexpected token '{'"),
            (&["psql", "-X"], "main.sql", 3, "psql:/job/main.sql:3: ERROR:  syntax error at or near \"selec\"\nLINE 1: selec 1;\n        ^\n", "line 3: syntax error at or near \"selec\""),
        ];
        for (command, script, code, output, message) in cases {
            let end = check(command, script, code, output);
            assert_eq!(end.reason(), Some(Reason::SyntaxError), "{output}");
            assert!(
                end.explanation.as_ref().unwrap().message.contains(message),
                "{end:?}"
            );
            assert_eq!(end.exit_code, Some(code));
        }
    }

    #[test]
    fn leaves_to_the_script_what_is_not_its_own_text() {
        #[rustfmt::skip]
        let cases: [(&[&str], &str, i32, &str); 8] = [
            (&["python3"], "main.py", 1, "Traceback (most recent call last):\n  File \"/tmp/main.py\", line 1, in <module>\n    import broken\n  File \"/tmp/broken.py\", line 1\n    x = \n        ^\nSyntaxError: invalid syntax\n"),
            (&["python3"], "main.py", 1, "Traceback (most recent call last):\n  File \"/tmp/main.py\", line 1, in <module>\n    eval(\"x =\")\n  File \"<string>\", line 1\n    x =\n      ^\nSyntaxError: invalid syntax\n"),
            (&["python3"], "main.py", 1, "SyntaxError: mine\n"),
            (&["python3"], "main.py", 5, "  File \"/tmp/main.py\", line 2\n    print(a\n         ^\nSyntaxError: '(' was never closed\n"),
            (&["sh"], "main.sh", 2, "/tmp/other.sh: line 3: syntax error: unexpected end of file\n"),
            (&["node"], "main.js", 1, "<anonymous_script>:1\n{x\n ^\n\nSyntaxError: Expected property name or '}' in JSON at position 1\n    at JSON.parse (<anonymous>)\n    at Object.<anonymous> (/tmp/main.js:1:6)\n"),
            (&["psql"], "main.sql", 3, "psql:/job/main.sql:3: ERROR:  relation \"x\" does not exist\n"),
            (&[], "", 1, ""),
        ];
        for (command, script, code, output) in cases {
            assert_eq!(
                check(command, script, code, output),
                exited(code),
                "{output}"
            );
        }
        assert_eq!(
            check(&["python3"], "main.py", 0, "SyntaxError: x"),
            exited(0)
        );
    }

    #[test]
    fn bounds_what_it_repeats() {
        let output = format!("/tmp/main.sh: line 1: syntax error: {}", "x".repeat(10_000));
        let end = check(&["sh"], "main.sh", 2, &output);
        assert!(end.explanation.unwrap().message.len() < 300);
        // More than is searched, cut within a character.
        let output = "ä".repeat(MAX_BYTES);
        assert_eq!(check(&["sh"], "main.sh", 2, &output), exited(2));
    }
}
