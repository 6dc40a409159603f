//! The interpreter of a script, and the command that runs it.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use noetl_tool_sdk::Error;

use crate::file_name::extension;

/// The number of bytes of a script that are read to find its first line, as in Linux
/// (`BINPRM_BUF_SIZE`).
pub(crate) const FIRST_LINE_BYTES: u32 = 256;

/// Directories whose programs are found by name as well. The directory of an interpreter differs between
/// images: `#!/usr/bin/python3` has to run in `python:3.11-slim`, whose Python is in `/usr/local/bin`.
const COMMON_DIRECTORIES: [&str; 3] = ["/bin", "/usr/bin", "/usr/local/bin"];

/// Reads the arguments into a variable. `-c` accepts one such command, before the files of `-f` (since 9.6).
const PSQL_ARGUMENTS: &str = "\\set args `cat \"$NOETL_ARGS_FILE\"`";

/// The words of the command that runs a script with this file name and these first bytes.
///
/// The order: its first line (`#!`), then the extension of its name.
///
/// # Errors
///
/// `InvalidRequest` if neither determines it.
pub(crate) fn detect(file_name: &str, first_bytes: &[u8]) -> Result<Vec<String>, Error> {
    if let Some(words) = from_first_line(first_bytes) {
        return Ok(words);
    }
    let program = extension(file_name).and_then(from_extension);
    let program = program.ok_or_else(|| {
        Error::invalid(
            "script.interpreter",
            format!(
                "cannot determine the interpreter of `{file_name}`: it has no `#!` line and no known extension"
            ),
        )
        .with_hint("set `script.interpreter`, for instance to `python3`")
    })?;
    Ok([program.to_string()].into())
}

/// The command of the job: the interpreter with the path of the script, and its arguments as JSON.
///
/// `psql` accepts neither, so it reads the arguments into its variable `args` from their file, which keeps
/// them off the command line: `:'args'` is the JSON as an SQL literal. A statement that fails ends the
/// script.
pub(crate) fn command(interpreter: &[String]) -> Vec<String> {
    let mut words: Vec<_> = interpreter
        .iter()
        // The words are taken literally.
        .map(|word| word.replace('$', "$$"))
        .collect();
    let rest: &[&str] = if interpreter
        .first()
        .is_some_and(|word| base_name(word) == "psql")
    {
        &[
            "-X",
            "-v",
            "ON_ERROR_STOP=1",
            "-c",
            PSQL_ARGUMENTS,
            "-f",
            "$(NOETL_SCRIPT)",
        ]
    } else {
        &["$(NOETL_SCRIPT)", "$(NOETL_ARGS)"]
    };
    words.extend(rest.iter().map(ToString::to_string));
    words
}

/// Parses `#!PROGRAM [ARGUMENT]`. As in Linux, everything after the program is one argument; `env -S` exists
/// to split it.
fn from_first_line(first_bytes: &[u8]) -> Option<Vec<String>> {
    let bytes = first_bytes
        .strip_prefix(b"\xef\xbb\xbf")
        .unwrap_or(first_bytes);
    let line = bytes
        .strip_prefix(b"#!")?
        .split(|byte| *byte == b'\n')
        .next()?;
    let line = String::from_utf8_lossy(line);
    let line = line.trim();
    let (program, argument) = match line.split_once([' ', '\t']) {
        Some((program, argument)) => (program, Some(argument.trim())),
        None => (line, None),
    };
    if program.is_empty() {
        return None;
    }
    match argument {
        Some(argument) if base_name(program) == "env" => Some(from_env(program, argument)),
        Some(argument) => Some([short(program), argument.to_string()].into()),
        None => Some([short(program)].into()),
    }
}

/// `env` finds a program by its name, as a job's engine does.
fn from_env(program: &str, argument: &str) -> Vec<String> {
    let split = argument.strip_prefix("-S");
    let mut words = split.unwrap_or(argument).split_whitespace();
    let first = words.next().unwrap_or_default();
    let is_program = !first.starts_with('-') && !first.contains('=');
    if is_program && (split.is_some() || words.clone().next().is_none()) {
        let words = words.map(ToString::to_string);
        return [short(first)].into_iter().chain(words).collect();
    }
    [short(program), argument.to_string()].into()
}

fn from_extension(extension: &str) -> Option<&'static str> {
    Some(match extension {
        "py" => "python3",
        "sh" => "sh",
        "bash" => "bash",
        "js" | "mjs" | "cjs" => "node",
        "rb" => "ruby",
        "pl" => "perl",
        "sql" => "psql",
        "r" | "R" => "Rscript",
        _ => return None,
    })
}

fn short(program: &str) -> String {
    match program.rsplit_once('/') {
        Some((directory, name)) if COMMON_DIRECTORIES.contains(&directory) => name.to_string(),
        _ => program.to_string(),
    }
}

fn base_name(program: &str) -> &str {
    program.rsplit('/').next().unwrap_or(program)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detected(file_name: &str, content: &str) -> Vec<String> {
        detect(file_name, content.as_bytes()).unwrap()
    }

    #[test]
    fn reads_the_first_line() {
        let cases: [(&str, &[&str]); 13] = [
            ("#!/usr/bin/env python3\n", &["python3"]),
            ("#!/usr/bin/env python3\r\nx", &["python3"]),
            ("\u{feff}#!/bin/bash\n", &["bash"]),
            ("#!/bin/sh -e\n", &["sh", "-e"]),
            ("#! /usr/bin/python3\n", &["python3"]),
            ("#!/usr/bin/python3", &["python3"]),
            (
                "#!/opt/venv/bin/python -I\n",
                &["/opt/venv/bin/python", "-I"],
            ),
            (
                "#!/usr/bin/env -S python3 -u -X dev\n",
                &["python3", "-u", "-X", "dev"],
            ),
            ("#!/usr/bin/env -Spython3 -u\n", &["python3", "-u"]),
            ("#!/usr/bin/env /usr/bin/python3\n", &["python3"]),
            ("#!/usr/bin/env -i python3\n", &["env", "-i python3"]),
            (
                "#!/usr/bin/env -S A=1 python3\n",
                &["env", "-S A=1 python3"],
            ),
            ("#!/usr/bin/awk -f -v\n", &["awk", "-f -v"]),
        ];
        for (content, expected) in cases {
            assert_eq!(detected("a.rb", content), expected, "{content:?}");
        }
    }

    #[test]
    fn falls_back_to_the_extension() {
        let cases = [
            ("a.py", "python3"),
            ("a.sh", "sh"),
            ("a.bash", "bash"),
            ("a.js", "node"),
            ("a.mjs", "node"),
            ("a.rb", "ruby"),
            ("a.pl", "perl"),
            ("a.sql", "psql"),
            ("a.R", "Rscript"),
        ];
        for (file_name, expected) in cases {
            for content in ["", "print(1)\n", "#!\n", "#!   \n#!/bin/sh", "\n#!/bin/sh"] {
                assert_eq!(
                    detected(file_name, content),
                    [expected],
                    "{file_name} {content:?}"
                );
            }
        }
    }

    #[test]
    fn says_what_to_do_where_nothing_tells() {
        for file_name in ["run", "a.exe", "py"] {
            let error = detect(file_name, b"print(1)").unwrap_err();
            assert_eq!(error.field(), Some("script.interpreter"));
            assert!(error.message.contains(file_name), "{error}");
        }
    }

    #[test]
    fn passes_the_script_and_its_arguments() {
        let words = ["python3".to_string(), "-c$HOME$(X)".to_string()];
        let expected = [
            "python3",
            "-c$$HOME$$(X)",
            "$(NOETL_SCRIPT)",
            "$(NOETL_ARGS)",
        ];
        assert_eq!(command(&words), expected);
    }

    #[test]
    fn gives_psql_its_arguments_as_a_variable_by_their_file() {
        let expected = [
            "/opt/bin/psql",
            "-q",
            "-X",
            "-v",
            "ON_ERROR_STOP=1",
            "-c",
            "\\set args `cat \"$NOETL_ARGS_FILE\"`",
            "-f",
            "$(NOETL_SCRIPT)",
        ];
        assert_eq!(
            command(&["/opt/bin/psql".to_string(), "-q".to_string()]),
            expected
        );
    }
}
