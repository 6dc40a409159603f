use std::fmt::Write;

use bytes::Bytes;

use super::behaviour::PRINTED_LINE;
use super::{Behaviour, named};
use crate::{JobRequest, Script};

/// Creates a request that makes `sh` behave like this.
///
/// `count_attempt` is a shell command that writes the number of the attempt, from 1, and is run once in each: how
/// attempts are distinguished depends on the engine, as they share nothing. Only [`Behaviour::Attempts`] needs it.
///
/// # Panics
///
/// Where `name` is not the name of a job.
#[must_use]
pub fn shell_request(name: &str, behaviour: &Behaviour, count_attempt: &str) -> JobRequest {
    let command = ["sh", "$(NOETL_SCRIPT)", "$(NOETL_ARGS)"];
    let command = command.iter().map(|part| (*part).to_owned()).collect();
    let mut request = JobRequest::new(named(name), command);
    request.script = Some(Script {
        file_name: named("behaviour.sh"),
        content: Bytes::from(script(behaviour, count_attempt)),
    });
    request
}

fn script(behaviour: &Behaviour, count_attempt: &str) -> String {
    match behaviour {
        Behaviour::Exit(code) => format!("exit {code}\n"),
        Behaviour::Print(text) => format!("printf %s {}\n", quoted(text)),
        Behaviour::PrintError(text) => format!("printf %s {} >&2\n", quoted(text)),
        Behaviour::PrintBytes(count) => format!("yes {PRINTED_LINE} | head -c {count}\n"),
        Behaviour::PrintVariable(name) => format!("printf %s \"${name}\"\n"),
        Behaviour::PrintArguments => "printf %s \"$1\"\n".to_owned(),
        Behaviour::PrintArgumentsFile => "cat \"$NOETL_ARGS_FILE\"\n".to_owned(),
        Behaviour::Sleep(time) => format!("sleep {}\n", time.as_secs_f64()),
        Behaviour::SleepForever => "while :; do sleep 1; done\n".to_owned(),
        Behaviour::IgnoreTermination => "trap '' TERM\n".to_owned(),
        // `tail` keeps the end of a stream in memory until the stream ends, and exists in shells and containers without
        // other tools.
        Behaviour::Allocate(bytes) => {
            format!("head -c {bytes} /dev/zero | tail -c {bytes} > /dev/null || exit $?\n")
        }
        Behaviour::Sequence(parts) => parts
            .iter()
            .map(|part| script(part, count_attempt))
            .collect(),
        Behaviour::Attempts(attempts) => {
            let mut cases = String::new();
            for (index, attempt) in attempts.iter().enumerate() {
                let pattern = match index + 1 {
                    number if number == attempts.len() => "*".to_owned(),
                    number => number.to_string(),
                };
                let body = script(attempt, count_attempt);
                // Writing to a string does not fail.
                let _ = writeln!(cases, "{pattern})\n{body};;");
            }
            format!("attempt=$({count_attempt})\ncase $((attempt)) in\n{cases}esac\n")
        }
        Behaviour::FailAndBackOff => "exit 1\n".to_owned(),
    }
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}
