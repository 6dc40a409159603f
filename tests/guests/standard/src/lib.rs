//! A tool that uses what the standard library reaches of WASI without a file or a socket, and says what
//! it got. Every tool that is written with the standard library imports as much.

use std::collections::HashSet;
use std::io::Write;
use std::time::SystemTime;

use noetl_tool_sdk::{Capability, Context, Error, Host, Status, Tool, export_tool};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How much `flood-stderr` and `flood-stdout` write at once.
const CHUNK_BYTES: usize = 4096;

struct Standard;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    action: Action,
}

// Each action is described in `tests/guests/README.md`, and is an entry of an `enum` in the schema.
#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Action {
    Abort,
    Clock,
    Environment,
    Exit,
    FloodStderr,
    FloodStdout,
    Panic,
    Print,
    Random,
    Stdin,
}

#[derive(Serialize)]
struct Outcome {
    status: Status,
    output: String,
}

impl Tool for Standard {
    const KIND: &'static str = "standard";
    const SUMMARY: &'static str = "Uses what the standard library reaches.";
    const CAPABILITIES: &'static [Capability] = &[];

    type Config = Config;
    type Outcome = Outcome;

    fn run(_host: &impl Host, config: Config, _context: &Context) -> Result<Outcome, Error> {
        Ok(Outcome {
            status: Status::Completed,
            output: perform(config.action),
        })
    }
}

export_tool!(Standard);

#[expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "this is what is tested"
)]
fn perform(action: Action) -> String {
    match action {
        Action::Abort => std::process::abort(),
        Action::Exit => std::process::exit(0),
        Action::Clock => format!("{:?}", SystemTime::UNIX_EPOCH.elapsed()),
        Action::Environment => {
            let variables: Vec<_> = std::env::vars().collect();
            let arguments: Vec<_> = std::env::args().collect();
            format!("{variables:?} {arguments:?} {:?}", std::env::current_dir())
        }
        Action::FloodStderr => flood(&mut std::io::stderr()),
        Action::FloodStdout => flood(&mut std::io::stdout()),
        Action::Panic => panic_with_a_message(),
        Action::Print => {
            println!("the first line\nthe second line");
            eprint!("a line without an end");
            String::new()
        }
        // The order depends on the random numbers that the set begins with.
        Action::Random => format!("{:?}", HashSet::from([1, 2, 3])),
        Action::Stdin => format!("{:?}", std::io::read_to_string(std::io::stdin())),
    }
}

/// Writes until the host has enough of it.
fn flood(stream: &mut dyn Write) -> String {
    loop {
        if let Err(error) = stream.write_all(&[b'x'; CHUNK_BYTES]) {
            return error.to_string();
        }
    }
}

#[expect(clippy::panic, reason = "a host must survive it, and show the message")]
fn panic_with_a_message() -> String {
    panic!("the standard tool panics as configured")
}
