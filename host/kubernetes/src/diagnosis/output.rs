//! Detects from the end of a log that a program could not be run.

use toolhost_capability::syntax::{last_bytes, last_lines, with_syntax_error};
use toolhost_capability::{AttemptEnd, Explanation, Hint, Reason};

use super::quote::quoted;
use super::start::{interpreter_missing, too_long};

/// Completes the end of an attempt from the end of its log, where that is certain: the interpreter could not read the
/// script, or does not exist.
///
/// `command` is the job's command as the user specified it, `script` the script's file name. Everything else in the
/// output is left to the tool.
pub(crate) fn from_log_tail(
    end: AttemptEnd,
    command: &[String],
    script: &str,
    tail: &[u8],
) -> AttemptEnd {
    let (Some(Reason::ScriptError), Some(code)) = (end.reason(), end.exit_code) else {
        return end;
    };
    let text = last_bytes(tail);
    let lines = last_lines(&text);
    match not_executed(&lines).or_else(|| not_found(code, command, &lines)) {
        Some(cause) => {
            let message = format!("could not be started: {}", cause.message);
            end.because(Explanation { message, ..cause })
        }
        None => with_syntax_error(end, command, script, tail),
    }
}

/// What runc writes, alone, when the kernel does not execute the program:
/// `exec /usr/bin/python3: argument list too long`.
fn not_executed(lines: &[&str]) -> Option<Explanation> {
    let [line] = lines else { return None };
    let (program, said) = line.strip_prefix("exec ")?.rsplit_once(": ")?;
    let program = quoted(program);
    Some(match said {
        "argument list too long" => Explanation::new(
            Reason::StartFailed,
            "the command and the environment are too long",
        )
        .with_hint(too_long()),
        "exec format error" => Explanation::new(
            Reason::StartFailed,
            format!("`{program}` is not built for the node's architecture"),
        )
        .with_hint(
            Hint::from("use an image for the node's architecture, or choose a node with ")
                .field("nodeSelector"),
        )
        .with_field("image"),
        "no such file or directory" => interpreter_missing(&program),
        _ => return None,
    })
}

/// Messages of shells and `env` that do not find the interpreter: `sh: python3: not found`,
/// `env: 'python3': No such file or directory`.
fn not_found(code: i32, command: &[String], lines: &[&str]) -> Option<Explanation> {
    const ABSENT: [&str; 3] = [
        "not found",
        "No such file or directory",
        "required file not found",
    ];
    let last = lines.last().filter(|_| code == 127)?;
    if !ABSENT.iter().any(|text| last.ends_with(text)) {
        return None;
    }
    let is_named = |program: &&String| {
        let mut words = last.split([':', ' ', '\'', '`', '"', '‘', '’']);
        words.any(|word| word == program.as_str())
    };
    // The first part of the command is a shell or `env`, which did run.
    let mut programs = command.iter().skip(1).filter(|part| !part.is_empty());
    let program = programs.find(is_named)?;
    Some(interpreter_missing(&quoted(program)))
}

#[cfg(test)]
mod tests {
    use toolhost_capability::controller::exited;

    use super::*;

    fn check(command: &[&str], code: i32, output: &str) -> AttemptEnd {
        let command: Vec<_> = command.iter().map(|part| (*part).to_owned()).collect();
        from_log_tail(exited(code), &command, "main.py", output.as_bytes())
    }

    #[test]
    fn a_program_that_was_never_run_is_recognized() {
        let env = ["/usr/bin/env", "python9", "/job/main.py"];
        #[rustfmt::skip]
        let cases: [(&[&str], i32, &str, Reason, &str); 6] = [
            (&["python3"], 1, "exec /usr/bin/python3: argument list too long\n", Reason::StartFailed, "too long"),
            (&["python3"], 255, "exec /usr/bin/python3: exec format error\n", Reason::StartFailed, "the node's architecture"),
            (&["/job/run"], 255, "exec /job/run: no such file or directory\n", Reason::InterpreterMissing, "`/job/run` does not exist"),
            (&env, 127, "env: ‘python9’: No such file or directory\n", Reason::InterpreterMissing, "`python9` is not in the image"),
            (&env, 127, "env: can't execute 'python9': No such file or directory\n", Reason::InterpreterMissing, "`python9`"),
            (&["sh", "-c", "python9"], 127, "sh: 1: python9: not found\n", Reason::InterpreterMissing, "`python9`"),
        ];
        for (command, code, output, reason, message) in cases {
            let end = check(command, code, output);
            assert_eq!(end.reason(), Some(reason), "{output}");
            let said = end.explanation.unwrap().message;
            assert!(
                said.starts_with("could not be started: ") && said.contains(message),
                "{said}"
            );
            assert_eq!(end.exit_code, Some(code));
        }
    }

    #[test]
    fn a_mistake_in_the_script_is_reported_as_by_the_other_engines() {
        let output =
            "  File \"/job/main.py\", line 1\n    x = \n        ^\nSyntaxError: invalid syntax\n";
        let end = check(&["python3"], 1, output);
        assert_eq!(
            end,
            with_syntax_error(exited(1), &["python3"], "main.py", output.as_bytes())
        );
        assert_eq!(end.reason(), Some(Reason::SyntaxError));
    }

    #[test]
    fn programs_that_the_script_runs_are_its_own_affair() {
        for (code, output) in [
            (127, "sh: nosuchprogram: not found\n"),
            (
                127,
                "bash: line 1: /tmp/a: cannot execute: required file not found\n",
            ),
            (126, "sh: /etc/passwd: Permission denied\n"),
            (
                1,
                "working\nexec /usr/bin/python3: argument list too long\n",
            ),
            (3, ""),
        ] {
            assert_eq!(
                check(&["sh", "/job/main.sh"], code, output),
                exited(code),
                "{output}"
            );
        }
    }
}
