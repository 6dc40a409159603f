//! What the end of a log says about an interpreter that could not run the script.

use super::cause::{Cause, between, quoted};
use super::start::{TOO_LONG, interpreter_missing};
use crate::capability::{AttemptEnd, Reason};

/// How many lines from the end are looked at: `node` writes a dozen of its own after the cause.
const LINES: usize = 20;
/// The most bytes of the end that are looked at.
const MAX_BYTES: usize = 16 << 10;
const FIELD: &str = "script.uri";

/// Completes the end of an attempt by the end of what it wrote, where that is certain: the interpreter could
/// not read the script, or is not there.
///
/// `command` is the job's command, `script` the script's file name. Everything else that an output
/// may tell is the tool's business.
pub(crate) fn from_log_tail(
    end: AttemptEnd,
    command: &[String],
    script: &str,
    tail: &[u8],
) -> AttemptEnd {
    let (Some(Reason::ScriptError), Some(code)) = (end.reason, end.exit_code) else {
        return end;
    };
    let from = tail.len().saturating_sub(MAX_BYTES);
    let text = String::from_utf8_lossy(tail.get(from..).unwrap_or(tail));
    let mut lines: Vec<&str> = text.lines().rev().take(LINES).collect();
    lines.reverse();
    let interpreter = command.first().map_or("", |program| file_name(program));
    let cause = not_executed(&lines)
        .or_else(|| program_missing(code, command, &lines))
        .or_else(|| syntax_error(code, interpreter, script, &lines));
    match cause {
        Some(cause) => cause.end_attempt(end),
        None => end,
    }
}

/// What runc writes when the kernel does not execute the program: `exec PATH: argument list too long`.
fn not_executed(lines: &[&str]) -> Option<Cause> {
    let line = lines.last().filter(|_| lines.len() == 1)?;
    let (program, said) = line.strip_prefix("exec ")?.rsplit_once(": ")?;
    let program = quoted(program);
    Some(match said.trim() {
        "argument list too long" => Cause::new(
            Reason::StartFailed,
            "could not be started: the command and the environment are too long",
        )
        .with_hint(TOO_LONG),
        "exec format error" => Cause::new(
            Reason::StartFailed,
            format!("could not be started: `{program}` is not made for the node's kind of machine"),
        )
        .with_hint(
            "use an image for the node's architecture, or choose a node with `job.nodeSelector`",
        )
        .with_field("job.image"),
        "no such file or directory" => predicate(interpreter_missing(&program)),
        _ => return None,
    })
}

/// Shells and `env` that cannot find the interpreter: `sh: python3: not found`,
/// `env: 'python3': No such file or directory`.
fn program_missing(code: i32, command: &[String], lines: &[&str]) -> Option<Cause> {
    if code != 127 {
        return None;
    }
    let last = lines.last()?;
    let absent = [
        "not found",
        "No such file or directory",
        "required file not found",
    ];
    if !absent.iter().any(|text| last.trim_end().ends_with(text)) {
        return None;
    }
    let is_named = |program: &&String| {
        let mut words = last.split([':', ' ', '\'', '`', '"', '’', '‘']);
        words.any(|word| word == program.as_str())
    };
    // Of the command's parts the first is a shell or `env`, which did run.
    let program = command
        .iter()
        .skip(1)
        .filter(|part| !part.is_empty())
        .find(is_named)?;
    Some(predicate(interpreter_missing(&quoted(program))))
}

fn syntax_error(code: i32, interpreter: &str, script: &str, lines: &[&str]) -> Option<Cause> {
    let name = interpreter
        .trim_end_matches(|character: char| character.is_ascii_digit() || character == '.');
    let (line, said) = match (name, code) {
        ("python" | "pypy", 1) => python(script, lines),
        ("sh" | "bash" | "dash" | "ash" | "ksh", 2) => shell(script, lines),
        ("node" | "nodejs", 1) => node(script, lines),
        ("psql", 1 | 3) => psql(script, lines),
        ("ruby", 1) => ruby(script, lines),
        _ => None,
    }?;
    let message = format!(
        "could not be read by `{interpreter}`: line {line}: {}",
        quoted(said)
    );
    let cause = Cause::new(Reason::SyntaxError, message)
        .with_hint(format!("correct line {line} of the script"))
        .with_field(FIELD);
    Some(cause)
}

type Mistake<'log> = (u64, &'log str);

/// ```text
///   File "/job/main.py", line 2
///     print(a
///          ^
/// SyntaxError: '(' was never closed
/// ```
/// A mistake in a module that the script imports, or in a text that it evaluates, has a traceback above.
fn python<'log>(script: &str, lines: &[&'log str]) -> Option<Mistake<'log>> {
    let said = lines.last()?;
    let known = ["SyntaxError: ", "IndentationError: ", "TabError: "];
    let text = known.iter().find_map(|start| said.strip_prefix(start))?;
    let place = lines
        .iter()
        .rposition(|line| line.starts_with("  File \""))?;
    let above = place.checked_sub(1).and_then(|above| lines.get(above));
    if above.is_some_and(|line| line.starts_with("    ") || line.starts_with("Traceback")) {
        return None;
    }
    let line = lines.get(place)?;
    let path = between(line, "\"", "\"")?;
    let (_, number) = line.rsplit_once("line ")?;
    is_script(path, script).then_some((number.trim().parse().ok()?, text))
}

/// `/job/main.sh: line 3: syntax error: …` of bash and busybox, `/job/main.sh: 3: Syntax error: …` of dash.
fn shell<'log>(script: &str, lines: &[&'log str]) -> Option<Mistake<'log>> {
    lines.iter().find_map(|line| {
        let (path, rest) = line.split_once(": ")?;
        let rest = rest.strip_prefix("line ").unwrap_or(rest);
        let (number, said) = rest.split_once(": ")?;
        let is_syntax = said.starts_with("syntax error")
            || said.starts_with("Syntax error")
            || said.starts_with("unexpected EOF");
        (is_syntax && is_script(path, script)).then_some((number.parse().ok()?, said))
    })
}

/// ```text
/// /job/main.js:2
/// …
/// SyntaxError: Unexpected token ')'
///     at wrapSafe (node:internal/modules/cjs/loader:1378:20)
/// ```
/// The same error of `JSON.parse` or `eval` has another function first.
fn node<'log>(script: &str, lines: &[&'log str]) -> Option<Mistake<'log>> {
    const COMPILERS: [&str; 4] = [
        "wrapSafe",
        "ompileFunction",
        "compileSourceTextModule",
        "checkSyntax",
    ];
    let place = lines
        .iter()
        .position(|line| line.starts_with("SyntaxError: "))?;
    let said = lines.get(place)?.strip_prefix("SyntaxError: ")?;
    let caller = lines.get(place + 1)?;
    if !COMPILERS.iter().any(|compiler| caller.contains(compiler)) {
        return None;
    }
    let number = lines.iter().take(place).find_map(|line| {
        let (path, number) = line.rsplit_once(':')?;
        is_script(path, script).then(|| number.parse().ok())?
    })?;
    Some((number, said))
}

/// `psql:/job/main.sql:3: ERROR:  syntax error at or near "x"`
fn psql<'log>(script: &str, lines: &[&'log str]) -> Option<Mistake<'log>> {
    lines.iter().find_map(|line| {
        let (place, said) = line.strip_prefix("psql:")?.split_once(": ERROR:")?;
        let (path, number) = place.rsplit_once(':')?;
        let said = said.trim_start();
        let is_syntax = said.starts_with("syntax error");
        (is_syntax && is_script(path, script)).then_some((number.parse().ok()?, said))
    })
}

/// `/job/main.rb:3: syntax error, unexpected …`, and `… syntax errors found (SyntaxError)` from 3.4 on.
fn ruby<'log>(script: &str, lines: &[&'log str]) -> Option<Mistake<'log>> {
    lines.iter().find_map(|line| {
        let (place, said) = line.split_once(": ")?;
        let (path, number) = place.rsplit_once(':')?;
        let is_syntax = said.starts_with("syntax error") || said.contains("(SyntaxError)");
        (is_syntax && is_script(path, script)).then_some((number.parse().ok()?, said))
    })
}

fn is_script(path: &str, script: &str) -> bool {
    file_name(path) == script
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// The cause as the predicate of an attempt.
fn predicate(cause: Cause) -> Cause {
    let message = format!("could not be started: {}", cause.message);
    Cause { message, ..cause }
}
