//! The tool `empty` as an ordinary tool is written: with the standard library, a configuration that is
//! derived, and an outcome that is serialized.
//!
//! It does what `empty` does: with `{"host_calls": 6}` it makes six calls of its host.

use noetl_tool_sdk::{Capability, Context, Error, Host, Level, Status, Tool, export_tool};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

struct EmptyStandard;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// How many calls it makes of its host.
    #[serde(default)]
    host_calls: u32,
}

#[derive(Serialize)]
struct Outcome {
    status: Status,
}

impl Tool for EmptyStandard {
    const KIND: &'static str = "empty-standard";
    const SUMMARY: &'static str = "Does nothing, with the standard library.";
    const CAPABILITIES: &'static [Capability] = &[Capability::Progress];

    type Config = Config;
    type Outcome = Outcome;

    fn run(host: &impl Host, config: Config, _context: &Context) -> Result<Outcome, Error> {
        for _ in 0..config.host_calls {
            host.log(Level::Info, "");
        }
        Ok(Outcome {
            status: Status::Completed,
        })
    }
}

export_tool!(EmptyStandard);
