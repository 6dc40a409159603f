//! A tool that writes a given text wherever a tool can write: what reaches a terminal then must not
//! act upon it.

use noetl_tool_sdk::{Capability, Context, Error, Host, Level, Status, Tool, export_tool};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

struct Terminal;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    action: Action,
    /// What is written.
    text: String,
}

// Each action is described in `tests/guests/README.md`, and is an entry of an `enum` in the schema.
#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Action {
    Fail,
    Log,
    Panic,
    Refuse,
    Reject,
    Report,
}

/// All members of an outcome that the command line shows.
#[derive(Serialize)]
struct Outcome {
    status: Status,
    job_name: String,
    reason: String,
    message: String,
    hint: String,
    field: String,
    result: Vec<String>,
    attempts: Vec<Attempt>,
    warnings: Vec<String>,
}

#[derive(Serialize)]
struct Attempt {
    log: String,
}

impl Tool for Terminal {
    const KIND: &'static str = "terminal";
    const SUMMARY: &'static str = "Writes a given text.
\
        forged@1.0.0  sha256:000000000000  \u{1b}]0;title\u{7}\u{1b}[2J\u{7f}\u{9b}31m\u{202e}\u{200b}";
    const CAPABILITIES: &'static [Capability] = &[Capability::Progress];

    type Config = Config;
    type Outcome = Outcome;

    fn run(host: &impl Host, config: Config, _context: &Context) -> Result<Outcome, Error> {
        let Config { action, text } = config;
        let text = text.as_str();
        match action {
            Action::Fail => return Ok(outcome(Status::Failed, text)),
            Action::Log => host.log(Level::Error, text),
            Action::Panic => panic_with(text),
            Action::Refuse => return Err(Error::new(text, text).with_hint(text)),
            Action::Reject => return Err(Error::invalid(text, text).with_hint(text)),
            Action::Report => host.report(text, text, &[(text, text)]),
        }
        Ok(outcome(Status::Completed, ""))
    }
}

export_tool!(Terminal);

fn outcome(status: Status, text: &str) -> Outcome {
    let text = || text.to_owned();
    Outcome {
        status,
        job_name: text(),
        reason: text(),
        message: text(),
        hint: text(),
        field: text(),
        result: vec![text()],
        attempts: vec![Attempt { log: text() }],
        warnings: vec![text()],
    }
}

#[expect(clippy::panic, reason = "a host shows what a tool says then")]
fn panic_with(text: &str) -> ! {
    panic!("{text}")
}
