//! How to mend what went wrong, where that is certain.

use alloc::format;
use alloc::string::String;

/// What a hint is made of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Failure<'run> {
    /// Why it failed.
    pub reason: &'run str,
    /// How the program exited.
    pub exit_code: Option<i32>,
    /// The end of what it wrote.
    pub output: &'run str,
    /// The image that it ran in.
    pub image: &'run str,
    /// Where the configuration says what the program is.
    pub program_field: &'static str,
    /// The memory limit of the configuration.
    pub memory_limit: Option<&'run str>,
    /// The deadline of the configuration, in seconds.
    pub deadline_seconds: Option<u64>,
}

/// A hint, and the path of the configuration value to change where there is one.
pub(crate) type Hint = (String, Option<&'static str>);

/// How many lines from the end of the output are looked at: a Python traceback ends with its cause.
const LINES: usize = 10;

/// The hint for a failure.
pub(crate) fn hint(failure: &Failure<'_>) -> Option<Hint> {
    match failure.reason {
        "OOMKilled" => Some(out_of_memory(failure)),
        "DeadlineExceeded" => Some(deadline(failure)),
        "ScriptError" | "BackoffLimitExceeded" => from_output(failure),
        _ => None,
    }
}

fn out_of_memory(failure: &Failure<'_>) -> Hint {
    let field = "job.resources.limits.memory";
    let hint = match failure.memory_limit {
        Some(limit) => format!("raise `{field}`, which is `{limit}`, or let the script use less"),
        None => format!("set `{field}` above what the script needs, or let it use less"),
    };
    (hint, Some(field))
}

fn deadline(failure: &Failure<'_>) -> Hint {
    let field = "job.activeDeadlineSeconds";
    let hint = match failure.deadline_seconds {
        Some(seconds) => format!(
            "raise `{field}`, which is {seconds}, or see in the output where the script stopped"
        ),
        None => format!("raise `{field}`, or see in the output where the script stopped"),
    };
    (hint, Some(field))
}

fn from_output(failure: &Failure<'_>) -> Option<Hint> {
    let lines = failure.output.lines().rev().take(LINES);
    lines
        .map(str::trim)
        .find_map(|line| from_line(line, failure))
        .or_else(|| {
            (failure.exit_code == Some(127)).then(|| {
                let image = failure.image;
                let hint = format!("a command that the script calls is not in the image `{image}`");
                (hint, Some("job.image"))
            })
        })
}

fn from_line(line: &str, failure: &Failure<'_>) -> Option<Hint> {
    let quoted = |prefix: &str| {
        let name = line.strip_prefix(prefix)?.split('\'').next()?;
        (!name.is_empty()).then_some(name)
    };
    if let Some(module) = quoted("ModuleNotFoundError: No module named '") {
        let image = failure.image;
        let hint =
            format!("the image `{image}` has no Python module `{module}`: use one that has it");
        return Some((hint, Some("job.image")));
    }
    if line.starts_with("SyntaxError: ") || line.starts_with("IndentationError: ") {
        let hint =
            "the interpreter cannot read the script: see the line that it names in the output";
        return Some((hint.into(), Some(failure.program_field)));
    }
    if line.starts_with("EOFError: ") {
        let hint = "the script waits for input, and a job has none: pass values in `args`";
        return Some((hint.into(), Some("args")));
    }
    None
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    const FAILURE: Failure<'_> = Failure {
        reason: "ScriptError",
        exit_code: Some(1),
        output: "",
        image: "python:3.11-slim",
        program_field: "script.uri",
        memory_limit: None,
        deadline_seconds: None,
    };

    #[test]
    fn names_the_limit_that_was_too_low() {
        let failure = Failure {
            reason: "OOMKilled",
            memory_limit: Some("64Mi"),
            ..FAILURE
        };
        let (hint, field) = super::hint(&failure).unwrap();
        assert!(hint.contains("64Mi"), "{hint}");
        assert_eq!(field, Some("job.resources.limits.memory"));

        let failure = Failure {
            reason: "DeadlineExceeded",
            deadline_seconds: Some(60),
            ..FAILURE
        };
        let (hint, field) = super::hint(&failure).unwrap();
        assert!(hint.contains("which is 60"), "{hint}");
        assert_eq!(field, Some("job.activeDeadlineSeconds"));
    }

    #[test]
    fn reads_the_end_of_a_traceback() {
        let cases = [
            (
                "Traceback:\n  x\nModuleNotFoundError: No module named 'pandas'\n",
                "`pandas`",
            ),
            (
                "  File \"a.py\", line 3\n    x = \n       ^\nSyntaxError: invalid syntax\n",
                "cannot read",
            ),
            (
                "name? Traceback\nEOFError: EOF when reading a line\n",
                "`args`",
            ),
        ];
        for (output, expected) in cases {
            let (hint, _) = super::hint(&Failure { output, ..FAILURE }).unwrap();
            assert!(hint.contains(expected), "{hint}");
        }
    }

    #[test]
    fn says_nothing_where_nothing_is_certain() {
        let many = "ModuleNotFoundError: No module named 'x'\n".to_string() + &"line\n".repeat(10);
        for output in [
            "",
            "boom",
            "ModuleNotFoundError: No module named ''",
            many.as_str(),
        ] {
            assert_eq!(
                super::hint(&Failure { output, ..FAILURE }),
                None,
                "{output}"
            );
        }
        let failure = Failure {
            reason: "ImagePull",
            output: "SyntaxError: x",
            ..FAILURE
        };
        assert_eq!(super::hint(&failure), None);
    }
}
