//! Fixes that this tool can name and an engine cannot, since only the output shows what is wrong.
//!
//! Engines explain memory limits, deadlines, commands that are not found (code 127) and scripts that the interpreter
//! cannot read themselves, with what they know of the machine or the cluster.

use alloc::format;
use alloc::string::String;

use noetl_tool_sdk::code;

use crate::profile::Profile;

/// The facts that a hint is derived from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Failure<'run> {
    /// Why it failed.
    pub reason: &'run str,
    /// The end of its output.
    pub output: &'run str,
    /// The image that it ran in, where the engine has images.
    pub image: &'run str,
    /// The keys of the tool.
    pub profile: &'run Profile,
}

/// A hint, and the path of the configuration value to change.
pub(crate) type Hint = (String, String);

/// The number of lines from the end of the output that are searched: a Python traceback ends with its cause.
const LINES: usize = 10;

/// The hint for a failure, where it is certain.
pub(crate) fn hint(failure: &Failure<'_>) -> Option<Hint> {
    if failure.reason != code::SCRIPT_ERROR {
        return None;
    }
    let lines = failure.output.lines().rev().take(LINES);
    lines
        .map(str::trim)
        .find_map(|line| from_line(line, failure))
}

fn from_line(line: &str, failure: &Failure<'_>) -> Option<Hint> {
    let Failure { image, profile, .. } = failure;
    if let Some(rest) = line.strip_prefix("ModuleNotFoundError: No module named '") {
        let module = rest
            .split('\'')
            .next()
            .filter(|module| !module.is_empty())?;
        let hint = format!(
            "the Python module `{module}` is not installed where the script runs: on a cluster, use an image that has \
             it instead of `{image}`"
        );
        return Some((hint, format!("{}image", profile.keys)));
    }
    if line.starts_with("EOFError: ") {
        let arguments = profile.arguments;
        let hint =
            format!("the script waits for input, and a job has none: pass values in `{arguments}`");
        return Some((hint, arguments.into()));
    }
    None
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    const FAILURE: Failure<'_> = Failure {
        reason: code::SCRIPT_ERROR,
        output: "",
        image: "python:3.11-slim",
        profile: &Profile {
            kind: "script",
            backoff_limit: 3,
            keys: "job.",
            arguments: "args",
        },
    };

    #[test]
    fn reads_the_end_of_a_traceback() {
        let cases = [
            (
                "Traceback:\n  x\nModuleNotFoundError: No module named 'pandas'\n",
                "`pandas`",
                "job.image",
            ),
            (
                "name? Traceback\nEOFError: EOF when reading a line\n",
                "`args`",
                "args",
            ),
        ];
        for (output, expected, expected_field) in cases {
            let (hint, field) = hint(&Failure { output, ..FAILURE }).unwrap();
            assert!(hint.contains(expected), "{hint}");
            assert_eq!(field, expected_field);
        }
    }

    #[test]
    fn says_nothing_where_nothing_is_certain() {
        let many = "ModuleNotFoundError: No module named 'x'\n".to_string() + &"line\n".repeat(10);
        for output in [
            "",
            "boom",
            "ModuleNotFoundError: No module named ''",
            // For an imported module, or evaluated text: the engine reports errors of the script itself.
            "Traceback:\nSyntaxError: invalid syntax",
            many.as_str(),
        ] {
            assert_eq!(hint(&Failure { output, ..FAILURE }), None, "{output}");
        }
        let failure = Failure {
            reason: "ImagePull",
            output: "EOFError: x",
            ..FAILURE
        };
        assert_eq!(hint(&failure), None);
    }
}
